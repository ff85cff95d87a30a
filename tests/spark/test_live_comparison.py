"""An archived experiment: recomputed to the bit, and compared on each mature label once."""

import math
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from pyspark.sql import SparkSession
from threadpoolctl import threadpool_limits

from batch.proofs.parity.check import ParityOptions, check_parity
from batch.proofs.parity.report import ParityReport
from batch.proofs.recompute.logged import without_experiment
from batch.records.limits import EventLimits
from lifecycle.challenge.cases import Cases, Measure, Pairs
from lifecycle.challenge.evidence import EvidenceOptions, NoExperiment, evidence
from lifecycle.challenge.report import write_comparison
from lifecycle.challenge.result import compared
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_archive import BEGAN, Row, TinyArchive, tiny_archive
from tests.support.tiny_life import BOUNDS

LIMITS = EventLimits(max_event_bytes=1_048_576, max_future_skew_seconds=300)
EXPERIMENT = 'trees "2"'
NOW_MS = int((BEGAN + timedelta(days=2)).timestamp() * 1000)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> TinyArchive:
    """Messages of an experiment, and three labels of each machine: one twice, one corrected."""
    with threadpool_limits(limits=1):
        archive = tiny_archive(tmp_path_factory.mktemp("model"), experiment=EXPERIMENT)
    for machine in range(12):
        for number, (hours, outcome) in enumerate(
            [(0.3, "fine"), (0.3, "failed"), (0.6, "failed"), (0.6, "failed"), (30.0, "fine")]
        ):
            at = BEGAN + timedelta(hours=hours)
            archive.labels.append(label(f"m{machine}", at, outcome, len(archive.labels), number))
    return archive


def label(machine: str, at: datetime, outcome: str, offset: int, number: int) -> Row:
    event = {
        "type": "outcome",
        "machine": machine,
        "event_time": at.isoformat(),
        "outcome": outcome,
    }
    arrived = at + timedelta(hours=1, seconds=number)
    place = ("tiny.labels", "topic-labels", 0, offset, 1, arrived)
    return Row(*place, machine.encode(), msgspec.json.encode(event))


@pytest.fixture
def archive(whole: TinyArchive) -> TinyArchive:
    return deepcopy(whole)


def parity(spark: SparkSession, archive: TinyArchive, root: Path) -> ParityReport:
    options = ParityOptions(limits=LIMITS, share=1.0, day=None, settle_seconds=0, most_faults=20)
    place = archive.write(spark, root)
    return check_parity(spark, place, SCENARIO, archive.models, options=options)


def test_parity_recomputes_arms_and_other_scores_and_a_replay_without_them_is_no_conflict(
    spark: SparkSession, archive: TinyArchive, tmp_path: Path
) -> None:
    repeated = archive.predictions[archive.scored()[3]]
    stripped = without_experiment(repeated.value or b"")
    assert stripped != repeated.value
    archive.predictions.append(replace(repeated, offset=len(archive.predictions), value=stripped))
    report = parity(spark, archive, tmp_path)
    assert report.faults == []
    assert report.is_proof
    columns = {column.name: column for column in report.columns}
    documents = [archive.document(at) for at in archive.scored()]
    assert columns["prediction.in_challenger"].equal == len(documents) - 1
    for role in ("other", "shadow"):
        logged = [document for document in documents if role in document.get("experiment", {})]
        assert columns[f"prediction.{role}_score"].equal == len(logged) > 50


def test_parity_finds_a_changed_arm_and_score(
    spark: SparkSession, archive: TinyArchive, tmp_path: Path
) -> None:
    arm, other = [at for at in archive.scored() if "other" in archive.document(at)["experiment"]][
        5:7
    ]
    experiment = archive.document(arm)["experiment"]
    swapped = {"champion": "challenger", "challenger": "champion"}[experiment["arm"]]
    propensity = 1.0 - experiment["propensity"]
    archive.replace(arm, experiment={**experiment, "arm": swapped, "propensity": propensity})
    experiment = archive.document(other)["experiment"]
    score = math.nextafter(experiment["other"]["score"], 0.0)
    archive.replace(
        other, experiment={**experiment, "other": {**experiment["other"], "score": score}}
    )
    report = parity(spark, archive, tmp_path)
    assert sorted(fault.fault for fault in report.faults) == [
        "prediction.in_challenger",
        "prediction.other_score",
    ]


def test_each_mature_label_counts_once(
    spark: SparkSession, archive: TinyArchive, tmp_path: Path
) -> None:
    archive.predictions += archive.predictions[:20]  # a replay repeats messages
    place = archive.write(spark, tmp_path)
    options = EvidenceOptions(
        limits=LIMITS, experiment=None, band="hot", now_ms=NOW_MS, features=("temperature_c",)
    )
    cases = evidence(spark, place, SCENARIO, options=options)
    assert cases.experiment == EXPERIMENT
    assert (cases.champion_version, cases.challenger_version, cases.shadow_version) == (
        "1",
        "2",
        "3",
    )
    arms, pairs, shadow = cases.arms, cases.pairs, cases.shadow
    assert arms is not None
    assert pairs is not None
    assert shadow is not None
    expected = {name: by_hand(archive, name) for name in ("arms", "other", "shadow")}
    assert sorted(zip(arms.scores, arms.labels, strict=True)) == sorted(expected["arms"])
    shadow_pairs = sorted(zip(shadow.other, shadow.labels, strict=True))
    assert shadow_pairs == sorted(expected["shadow"])
    assert len(pairs.labels) == len(expected["other"])
    assert 12 < len(arms.labels) <= 36
    assert set(arms.labels.tolist()) == {0.0, 1.0}
    assert (arms.propensity, shadow.failed) == (0.4, 0)
    scored = {
        (document["experiment"]["shadow"]["score"], document["features"][0])
        for document in logged(archive)
        if "shadow" in document.get("experiment", {})
    }
    temperatures = shadow.slice_features["temperature_c"]
    assert set(zip(shadow.other.tolist(), temperatures.tolist(), strict=True)) <= scored
    result = compared(
        cases, Measure(), scenario="tiny", made_at="2026-03-03T00:00:00+00:00", tightest_at=1_000
    )
    assert [design.design for design in result.designs] == ["both score", "arms", "shadow"]
    assert result.verdict.startswith("challenger version 2 is not known yet to be better or worse")
    assert "more for a first look" in result.verdict
    as_json, as_page = write_comparison(result, tmp_path)
    assert msgspec.json.decode(as_json.read_bytes())["experiment"] == EXPERIMENT
    assert "Not enough mature labels" in as_page.read_text()
    sliced = compared(
        cases,
        Measure(),
        scenario="tiny",
        made_at="2026-03-03T00:00:00+00:00",
        tightest_at=1_000,
        bounds=replace(BOUNDS, slices={"temperature_c": (20.0,)}),
    )
    assert [part.auroc for part in sliced.slices] == [None, None]
    assert "too few labels to say" in write_comparison(sliced, tmp_path)[1].read_text()


def logged(archive: TinyArchive) -> list[dict[str, Any]]:
    """The documents of all predictions."""
    return [archive.document(at) for at in archive.scored()]


def by_hand(archive: TinyArchive, design: str) -> list[tuple[float, float]]:
    """Score and outcome per label: of the machine's last prediction in stream order before it."""
    rows = []
    documents = {at: archive.document(at) for at in archive.scored()}
    for machine in range(12):
        for hours, outcome in ((0.3, 1.0), (0.6, 1.0), (30.0, 0.0)):
            at = BEGAN + timedelta(hours=hours)
            before = [
                document
                for document in documents.values()
                if document["entity"] == f"m{machine}"
                and moment(document["features_as_of"]) <= at
                and moment(document["scored_at"]) <= at + timedelta(hours=1)
                and (design == "arms" or design in document["experiment"])
            ]
            if before:
                last = max(before, key=order)
                scored = last if design == "arms" else last["experiment"][design]
                rows.append((scored["score"], outcome))
    return rows


def order(document: dict[str, Any]) -> tuple[int, int]:
    return int(document["prediction_id"].split("-")[1]), document["source"]["offset"]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_without_an_experiment_it_says_what_to_do(
    spark: SparkSession, archive: TinyArchive, tmp_path: Path
) -> None:
    place = archive.write(spark, tmp_path / "with")
    options = EvidenceOptions(limits=LIMITS, experiment="other", band="hot", now_ms=NOW_MS)
    with pytest.raises(NoExperiment, match="no prediction of experiment 'other'; it has"):
        evidence(spark, place, SCENARIO, options=options)
    stripped = deepcopy(archive)
    stripped.predictions = [
        replace(row, value=without_experiment(row.value or b"")) for row in archive.predictions
    ]
    place = stripped.write(spark, tmp_path / "without")
    with pytest.raises(NoExperiment, match="archive_stream --scenario tiny --once"):
        evidence(spark, place, SCENARIO, options=options)


def test_a_chart_is_part_of_the_page(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    labels = (random.random(3_000) < 0.3).astype(np.float64)
    pairs = Pairs(
        champion=np.full(3_000, 0.3),
        other=np.clip(0.3 + 0.3 * (labels - 0.3), 0, 1),
        labels=labels,
        thresholds=np.full(3_000, 0.5),
        known_ms=np.linspace(1_800_000_000_000, 1_800_900_000_000, 3_000).astype(np.int64),
        failed=2,
    )
    cases = Cases(
        experiment="../e 1",
        predictions=5_000,
        champion_version="1",
        challenger_version="",
        shadow_version="2",
        arms=None,
        pairs=None,
        shadow=pairs,
    )
    result = compared(
        cases, Measure(), scenario="tiny", made_at="2026-03-03T00:00:00+00:00", tightest_at=1_000
    )
    assert result.verdict.startswith("shadow version 2 is better: Brier score -")
    _, as_page = write_comparison(result, tmp_path)
    assert as_page == tmp_path / "compare-live-.._e_1.html"
    assert 'src="data:image/svg+xml;base64,' in as_page.read_text()
