"""Labels of reviewers from the archive of their decisions."""

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from batch.records.review_labels import review_labels
from scenarios.contract.review.decisions import ReviewDecision, decision_document
from tests.support.archives import Row, place_in, write_archive
from tests.support.review_decisions import AT, review_decision

UNTIL_MS = round(AT.timestamp() * 1000) + 1_000


def decision(number: int, opinion: int = 1, **changes: Any) -> ReviewDecision:
    return review_decision(number, opinion, epoch=2, **changes)


def rows_of(*values: bytes) -> list[Row]:
    # The topic of decisions is in its first epoch, the events' topic in its second.
    return [(b"machine", value, 0, offset, AT, 1) for offset, value in enumerate(values)]


def test_the_last_final_opinion_of_a_case_is_its_label(spark: SparkSession, tmp_path: Path) -> None:
    place = place_in(tmp_path, scenario="tiny")
    assert review_labels(spark, place, until_ms=UNTIL_MS).count() == 0
    decisions = [
        decision(1),
        decision(1),  # sent twice
        decision(2, because=("random",), propensity=0.05, label=0, verdict="dismissed"),
        decision(3, is_final=False, label=None),
        decision(4, label=1),
        decision(4, opinion=2, is_final=False, label=None, verdict="dismissed", reviewer="bob"),
        decision(4, opinion=3, label=0, verdict="dismissed", reviewer="cy"),
        decision(5, label=None, verdict="unclear"),
    ]
    decisions.append(decision(6, prediction_id="other-2-0-6-v1"))
    # An event that was not analysed has no features, so its verdict is no training row.
    refused: dict[str, Any] = {
        "because": ("not_analysed",),
        "score": None,
        "band": "",
        "model_version": "",
    }
    decisions.append(decision(7, 1, prediction_id="tiny-2-0-7-refused", **refused))
    values = [*map(decision_document, decisions), b"no decision", b"{}"]
    write_archive(spark, place, "review-decisions", rows_of(*values))
    labels = {row.offset: row for row in review_labels(spark, place, until_ms=UNTIL_MS).collect()}
    assert {at: row.label for at, row in labels.items()} == {1: 1, 2: 0, 4: 0}
    assert labels[2].weight == pytest.approx(20.0)
    assert (labels[4].reviewer, labels[4].verdict, labels[4].epoch) == ("cy", "dismissed", 2)
    assert labels[1].entity == "machine 1"
    assert review_labels(spark, place, until_ms=UNTIL_MS - 5_000).count() == 0
