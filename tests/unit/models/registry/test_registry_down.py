"""An MLflow server that is away: one line that names it, in seconds."""

import socket

import pytest

from models.registry.mlflow_calls import RegistryDown
from models.registry.roles import aliases
from models.registry.tracking import TrackingPlace
from models.registry.versions import newest_version, read_version


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> TrackingPlace:
    """A registry at a port where nobody listens."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return TrackingPlace(tracking_uri=f"http://127.0.0.1:{port}")


def test_whoever_asks_is_told_which_server_does_not_answer(nowhere: TrackingPlace) -> None:
    says = f"the MLflow server at {nowhere.tracking_uri} does not answer"
    for ask in (
        lambda: read_version(nowhere, "tiny", "1"),
        lambda: newest_version(nowhere, "tiny"),
        lambda: aliases(nowhere, "tiny"),
    ):
        with pytest.raises(RegistryDown, match=says):
            ask()
