"""What a worker refuses reaches the driver as a refusal, though Spark hands on text alone."""

import pytest

from stores.hbase.connection import StoreDown, TableMissing
from streaming.position.refusals import (
    Refused,
    RefusedByWorker,
    StatesLost,
    StoreBehind,
    refusal_in,
    refusals_travel,
)


class Unfit(RuntimeError):
    """An error of a lower layer that waiting cannot mend."""

    exit_code = 4


def arrived(error: Exception, *, stream: str = "tiny") -> Refused | None:
    """The refusal that the driver reads from `error`, raised on a worker of `stream`."""
    try:
        with refusals_travel(stream):
            raise error
    except Exception as raised:  # as Spark prints it
        text = (
            f"org.apache.spark.SparkException\nTraceback\n{type(raised).__name__}: {raised}\n\tat x"
        )
    return refusal_in(text)


def test_a_missing_table_arrives_with_the_commands_of_its_stream() -> None:
    refusal = arrived(TableMissing("everscore:control"))
    assert isinstance(refusal, RefusedByWorker)
    assert refusal.exit_code == 4
    assert "prepare_scenario --scenario tiny" in refusal.message
    refusal = arrived(TableMissing("everscore:fraud.terminal"), stream="fraud.terminal")
    assert refusal is not None
    assert "maintain_features --scenario fraud --entity terminal --from-scratch" in refusal.message


@pytest.mark.parametrize("error", [StatesLost("rows are lost"), StoreBehind("behind")])
def test_refusals_arrive_as_what_they_were(error: Refused) -> None:
    refusal = arrived(error)
    assert type(refusal) is type(error)
    assert refusal is not None
    assert refusal.message == error.message


def test_any_error_with_exit_code_4_is_a_refusal_and_no_other() -> None:
    refusal = arrived(Unfit("the deployment does not fit"))
    assert refusal is not None
    assert refusal.message == "the deployment does not fit"
    assert arrived(StoreDown("away")) is None
    assert arrived(ValueError("odd")) is None
