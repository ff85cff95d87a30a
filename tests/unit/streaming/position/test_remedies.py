"""What a refused stream tells people to run."""

import pytest

from stores.hbase.connection import HBaseStore
from streaming.passes.boundaries import check_partition
from streaming.passes.settings import PassSettings
from streaming.position.refusals import EpochChanged
from streaming.position.remedies import remedy


def test_a_scenario_is_healed_by_the_job_that_is_named() -> None:
    assert remedy("fraud", "rebuild_state") == "./spark-submit.sh rebuild_state --scenario fraud"


def test_a_second_entity_is_derived_anew_whatever_the_job() -> None:
    expected = (
        "./spark-submit.sh maintain_features --scenario fraud --entity terminal --from-scratch"
    )
    assert remedy("fraud.terminal", "rebuild_state") == expected
    assert remedy("fraud.terminal", "advance_epoch") == expected


def test_a_refused_batch_of_a_second_entity_names_it() -> None:
    settings = PassSettings(
        scenario="fraud.terminal",
        module="scenarios.fraud.scenario",
        store=HBaseStore("localhost", 1),
        epoch=1,
        first_offsets={0: 0},
        max_event_bytes=1000,
        max_future_skew_seconds=300,
        retry_seconds=1,
    )
    with pytest.raises(
        EpochChanged, match=r"fraud\.terminal\.events .* --entity terminal --from-scratch"
    ):
        check_partition(settings, 3)
