"""Outcomes from a file: all of them are checked before the first is sent."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from batch.publishing.outcome_posting import (
    OutcomesRefused,
    check_outcomes,
    completed,
    documents_in,
    records_of,
)
from scenarios.contract.records.outcomes import OutcomeDecoder

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
DECODER = OutcomeDecoder(max_event_bytes=100_000, max_future_skew_seconds=300)
SHOWN = {"prediction_id": "churn-1-0-12-v2", "entity": "c1", "status": "shown"}


def check(*documents: dict[str, Any]) -> int:
    numbered = [(at, completed(row, now=NOW)) for at, row in enumerate(documents, start=1)]
    return check_outcomes(numbered, DECODER, scenario="churn", now=NOW)


def test_lines_are_completed_with_type_and_time_and_become_records(tmp_path: Path) -> None:
    file = tmp_path / "outcomes.jsonl"
    dated = {**SHOWN, "event_time": "2026-11-27T10:00:00Z"}
    file.write_text(f"{json.dumps(SHOWN)}\n\n{json.dumps(dated)}\n")
    numbered = list(documents_in(file, now=NOW))
    assert [number for number, _ in numbered] == [1, 3]
    assert check_outcomes(numbered, DECODER, scenario="churn", now=NOW) == 2
    records = list(records_of(document for _, document in numbered))
    assert [record.key for record in records] == [b"c1", b"c1"]
    values = [json.loads(record.value or b"") for record in records]
    assert [value["event_time"] for value in values] == [
        "2026-11-28T12:00:00+00:00",
        "2026-11-27T10:00:00Z",
    ]
    assert {value["type"] for value in values} == {"outcome"}


def test_the_refused_ones_are_named_by_line_and_nothing_passes() -> None:
    with pytest.raises(OutcomesRefused, match=r"2 of 3 .*outcome 2: missing_field.*'reason'") as no:
        check(SHOWN, {**SHOWN, "status": "refused"}, {**SHOWN, "cost": -1})
    assert "outcome 3: out_of_range" in str(no.value)
    assert no.value.exit_code == 2


def test_an_id_of_another_scenario_is_refused_and_one_of_a_batch_run_is_not() -> None:
    assert check({**SHOWN, "prediction_id": "churn-batch-20261128-c1-v2"}) == 1
    with pytest.raises(OutcomesRefused, match="no prediction id of churn"):
        check({**SHOWN, "prediction_id": "fraud-1-0-12-v2"})


def test_of_many_refusals_the_first_ten_are_shown() -> None:
    with pytest.raises(OutcomesRefused, match=r"25 of 25 .* and 15 more"):
        check(*[{**SHOWN, "cost": -1}] * 25)


def test_a_line_that_is_no_object_is_named(tmp_path: Path) -> None:
    file = tmp_path / "outcomes.jsonl"
    file.write_text(f"{json.dumps(SHOWN)}\n[1]\n")
    with pytest.raises(OutcomesRefused, match="line 2"):
        list(documents_in(file, now=NOW))
