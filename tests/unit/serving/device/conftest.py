"""One trained tiny model for all tests of the folder."""

import pytest

from serving.device.package import Deployed
from tests.support.device import tiny_deployed
from tests.support.tiny_model import save_tiny_model


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    return tiny_deployed(save_tiny_model(tmp_path_factory.mktemp("tiny-model") / "1"))
