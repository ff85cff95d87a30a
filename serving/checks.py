"""What must work before the service calls itself ready: HBase, a model, a stream that keeps up."""

from collections.abc import Callable
from datetime import UTC, datetime

from serving.parts import Check
from serving.sessions import SessionPool
from stores.records.deployments import deployment_cell
from streaming.position.staleness import StreamLag


def model_check(pool: SessionPool, scenario: str) -> Check:
    """HBase answers, and `scenario` has a champion; a check that raises has failed, too."""

    def check() -> str | None:
        with pool.session() as session:
            cell = deployment_cell(session, scenario)
        if cell is None:
            return (
                f"{scenario} has no champion: ./spark-submit.sh train_model --scenario {scenario}"
            )
        return None

    return check


def stream_check(
    scenario: str,
    read_lag: Callable[[], StreamLag],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Check:
    """No event of `scenario` has waited for the stream longer than the lag's own limit."""

    def check() -> str | None:
        lag = read_lag()
        waits = [(now() - since).total_seconds() for since in lag.waiting_since.values()]
        if waits and max(waits) > lag.limit_seconds:
            return (
                f"events of {scenario} wait for {max(waits):.0f} s: is score_stream running? "
                f"The bound is {lag.limit_seconds:.0f} s"
            )
        return None

    return check
