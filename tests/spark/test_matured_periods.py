"""Periods read from an archive: cases, labels, outcomes, and what became of every record."""

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest
from pyspark.sql import SparkSession
from threadpoolctl import threadpool_limits

from batch.records.limits import EventLimits
from batch.records.posted_outcomes import posted_outcomes
from lifecycle.challenge.evidence import EvidenceOptions, evidence
from monitoring.cases import NOT_KNOWN_MS, Period
from monitoring.matured.counts import arrivals, counts_of_hours
from monitoring.matured.labels import label_records
from monitoring.matured.options import MaturedOptions, PeriodsUneven
from monitoring.matured.read import read_periods
from monitoring.matured.refusals import record_refusals, recorded_refusals, refused_records
from monitoring.period_data import PeriodData
from stores.delta.tables import DeltaPlace
from tests.scenarios.tiny import SCENARIO
from tests.support.archives import write_archive
from tests.support.tiny_archive import BEGAN, Row, TinyArchive, tiny_archive

LIMITS = EventLimits(max_event_bytes=1_048_576, max_future_skew_seconds=300)
HOUR = timedelta(hours=1)
MINUTES = 20
NOW = BEGAN + timedelta(days=2)


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


PERIODS = [
    Period(
        number=number,
        begin_ms=ms(BEGAN) + number * MINUTES * 60_000,
        end_ms=ms(BEGAN) + (number + 1) * MINUTES * 60_000,
    )
    for number in range(4)
]


def options(**changes: Any) -> MaturedOptions:
    values: dict[str, Any] = {
        "limits": LIMITS,
        "periods": PERIODS,
        "now_ms": ms(NOW),
        "horizon_days": 0.5,
        "slices": {"mode": (), "temperature_c": (60.0, 90.0)},
        "amount_feature": "parts",
    }
    return MaturedOptions(**{**values, **changes})


def label(machine: str, at: datetime, outcome: str, offset: int, *, arrived: datetime) -> Row:
    event = {
        "type": "outcome",
        "machine": machine,
        "event_time": at.isoformat(),
        "outcome": outcome,
    }
    place = ("tiny.labels", "topic-labels", 0, offset, 1, arrived)
    return Row(*place, machine.encode(), msgspec.json.encode(event))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> TinyArchive:
    """Labels of every machine, and of m0 to m3 of every troublesome kind; an experiment as well."""
    with threadpool_limits(limits=1):
        archive = tiny_archive(tmp_path_factory.mktemp("model"), experiment="trees")
    soon, arrived = BEGAN + 2 * HOUR, BEGAN + 3 * HOUR

    def add(machine: str, outcome: str, *, at: datetime = soon, by: datetime = arrived) -> None:
        archive.labels.append(label(machine, at, outcome, len(archive.labels), arrived=by))

    for machine in range(11):  # m11 has none
        add(f"m{machine}", "failed" if machine % 3 == 0 else "fine")
    add("m0", "failed", by=arrived + HOUR)  # the same again
    add("m1", "failed", by=arrived + HOUR)  # corrected
    add("m2", "fine", at=BEGAN + 9 * HOUR, by=NOW - HOUR)  # later than the first, and too late
    add("m3", "fine", at=BEGAN - timedelta(days=9))  # before any prediction
    add("nobody", "fine")
    broken = label("m4", soon, "fine", len(archive.labels), arrived=arrived)
    archive.labels.append(replace(broken, value=b"{"))
    return archive


@pytest.fixture(scope="module")
def place(spark: SparkSession, archive: TinyArchive, tmp_path_factory: Any) -> DeltaPlace:
    """The archive with a replayed part of its predictions, and outcomes of every kind."""
    repeated = deepcopy(archive)
    repeated.predictions += repeated.predictions[:20]
    place = repeated.write(spark, tmp_path_factory.mktemp("delta"))
    write_archive(spark, place, "outcomes", list(outcome_rows(archive)))
    write_archive(spark, place, "device-records", list(device_rows()))
    return place


def device_rows() -> Iterator[tuple[bytes, bytes, int, int, datetime, int]]:
    """In the first period one hot machine and two cool ones, one of which came twice; in the
    second one hot, whose device's clock is wrong; and records of other kinds.
    """
    kinds = [("a", "hot", 1), ("b", "cool", 2), ("b", "cool", 3), ("c", "cool", 4)]
    for number, (id_, band, minutes) in enumerate([*kinds, ("d", "hot", MINUTES + 1)]):
        is_late = minutes > MINUTES
        record = {
            "type": "device_record",
            "record_id": id_,
            "clock": "after the record arrived" if is_late else "plausible",
            "verdict": {"band": band},
        }
        at = BEGAN + timedelta(minutes=minutes)
        yield b"m", msgspec.json.encode(record), 0, number, at, 1
    for offset, value in ((7, b"{"), (8, b'{"type": "other", "verdict": {"band": "hot"}}')):
        yield b"m", value, 0, offset, BEGAN + timedelta(minutes=1), 1


def outcome_rows(archive: TinyArchive) -> Sequence[Any]:
    """Of the first two predictions: shown, answered, repeated, corrected, and unusable ones."""
    first, second = (archive.document(at) for at in archive.scored()[:2])
    at = BEGAN + 2 * HOUR
    rows: list[Any] = []

    def add(document: Any, status: str, *, after: timedelta = HOUR, **changes: Any) -> None:
        outcome = {
            "type": "outcome",
            "entity": document["entity"],
            "event_time": at.isoformat(),
            "prediction_id": document["prediction_id"],
            "status": status,
            **changes,
        }
        key, value = outcome["entity"].encode(), msgspec.json.encode(outcome)
        rows.append((key, value, 0, len(rows), at + after, 1))

    add(first, "shown", agent="a1")
    add(first, "accepted", cost=5.0, after=2 * HOUR)
    add(first, "accepted", cost=5.0, after=3 * HOUR)  # the same again
    add(first, "accepted", cost=7.0, after=4 * HOUR)  # corrected
    add(second, "refused", reason="no time", after=timedelta(days=1.5))  # late
    add(first, "shown", prediction_id="tiny-1-0-99999-v1")
    add(first, "shown", entity="somebody")
    add(first, "shown", event_time="2025-01-01T00:00:00Z")
    add(first, "refused")  # no reason is given
    return rows


@pytest.fixture(scope="module")
def periods(spark: SparkSession, place: DeltaPlace) -> list[PeriodData]:
    """All periods, read once."""
    return read_periods(spark, place, SCENARIO, options=options())


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def event_times(archive: TinyArchive) -> dict[tuple[str, int, int], datetime]:
    return {(row.topic_id, row.partition, row.offset): row.time for row in archive.events}


def last_predictions(archive: TinyArchive, period: Period) -> dict[str, dict[str, Any]]:
    """Machine → its last prediction about an event that arrived in `period`."""
    arrival = event_times(archive)
    last: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {}
    for at in archive.scored():
        document = archive.document(at)
        epoch, source = int(document["prediction_id"].split("-")[1]), document["source"]
        topic = "topic-b" if epoch == 3 else "topic-a"
        arrived = arrival[topic, source["partition"], source["offset"]]
        if period.begin_ms <= ms(arrived) < period.end_ms:
            order = (epoch, source["offset"])
            if document["entity"] not in last or last[document["entity"]][0] < order:
                last[document["entity"]] = (order, document)
    return {machine: document for machine, (_, document) in last.items()}


def test_a_case_is_the_last_prediction_of_its_machine_in_each_period(
    archive: TinyArchive, periods: list[PeriodData]
) -> None:
    assert [data.period for data in periods] == PERIODS
    for data in periods:
        expected = last_predictions(archive, data.period)
        cases = data.cases
        assert len(cases) == data.counts["cases"] == len(expected) > 5
        assert sorted(cases.scores.tolist()) == sorted(row["score"] for row in expected.values())
        rows = sorted(row["features"][0] for row in expected.values())
        assert sorted(data.features[:, 0].tolist()) == rows
        bands = Counter(cases.band_names[code] for code in cases.bands.tolist())
        assert bands == Counter(row["band"] for row in expected.values())
        assert cases.limits.tolist() == [[0.0, 0.5]] * len(cases)
        assert (cases.propensity == 1.0).all()
        assert set(cases.entities.tolist()) <= set(
            np.concatenate([other.cases.entities for other in periods]).tolist()
        )


def test_labels_are_the_first_within_the_horizon_with_their_last_value(
    archive: TinyArchive, periods: list[PeriodData]
) -> None:
    first = periods[0]
    machines = last_predictions(archive, first.period)
    failed = {f"m{number}" for number in range(0, 11, 3)} | {"m1"}
    expected = sorted(
        (row["score"], float(name in failed)) for name, row in machines.items() if name != "m11"
    )
    is_labelled = first.cases.is_labelled
    labelled = zip(first.cases.scores[is_labelled], first.cases.labels[is_labelled], strict=True)
    assert sorted((float(score), float(value)) for score, value in labelled) == expected
    assert set(first.cases.known_ms[~is_labelled].tolist()) <= {int(NOT_KNOWN_MS)}
    # The correction counts from its own arrival on.
    arrivals = Counter(first.cases.known_ms[is_labelled].tolist())
    assert arrivals[ms(BEGAN + 4 * HOUR)] == 1
    assert set(arrivals) == {ms(BEGAN + 3 * HOUR), ms(BEGAN + 4 * HOUR)}


def test_each_label_and_outcome_record_has_one_disposition(
    spark: SparkSession, place: DeltaPlace
) -> None:
    day = Period(number=0, begin_ms=ms(BEGAN), end_ms=ms(BEGAN + timedelta(days=2)))
    half = [
        replace(day, number=n, begin_ms=day.begin_ms + n * 43_200_000 * 2, end_ms=end)
        for n, end in enumerate((day.begin_ms + 86_400_000, day.end_ms))
    ]
    (first, second) = read_periods(
        spark, place, SCENARIO, options=options(periods=half, horizon_days=0.25, slices={})
    )
    assert labels_and_outcomes(first) == {
        "label.in_time": 11,
        "label.duplicate": 1,
        "label.corrected": 1,
        "label.before_its_event": 1,
        "label.unknown_entity": 1,
        "label.refused.malformed_json": 1,
        "outcome.in_time": 2,
        "outcome.duplicate": 1,
        "outcome.corrected": 1,
        "outcome.unknown_prediction": 1,
        "outcome.unknown_entity": 1,
        "outcome.before_its_event": 1,
        "outcome.refused.missing_field": 1,
    }
    assert labels_and_outcomes(second) == {"label.late": 1, "outcome.late": 1}


def labels_and_outcomes(data: PeriodData) -> dict[str, int]:
    return {name: n for name, n in data.counts.items() if name.startswith(("label", "outcome"))}


def test_what_was_done_belongs_to_the_case_of_its_machine(
    archive: TinyArchive, periods: list[PeriodData]
) -> None:
    first, second = (archive.document(at)["entity"] for at in archive.scored()[:2])
    cases, machines = periods[0].cases, last_predictions(archive, PERIODS[0])
    scores = cases.scores.tolist()
    answered = scores.index(machines[first]["score"])
    assert (cases.is_shown[answered], cases.is_accepted[answered]) == (True, True)
    assert cases.action_cost[answered] == 7.0
    if second != first:
        refused = scores.index(machines[second]["score"])
        assert (cases.is_shown[refused], cases.is_accepted[refused]) == (True, False)
    assert int(cases.is_shown.sum()) == len({first, second})
    assert not periods[1].cases.is_shown.any()


def test_counts_say_what_arrived_and_what_became_of_it(
    archive: TinyArchive, periods: list[PeriodData]
) -> None:
    total: Counter[str] = Counter()
    for data in periods:
        total.update(data.counts)
    upto = PERIODS[-1].end_ms
    in_periods = [row for row in archive.events if ms(row.time) < upto]
    assert total["events"] == len(in_periods)
    letters = sum(count for name, count in total.items() if name.startswith("dead_letter."))
    assert letters == total["dead_letter.malformed_json"] > 0
    assert total["events"] == total["predictions"] + total["suppressed"] + letters
    assert all(1_000 <= data.counts["lateness_ms"] <= 900_001 for data in periods)
    reasons: Counter[str] = Counter()
    for data in periods:
        reasons.update(data.reason_counts)
    arrival = event_times(archive)
    expected: Counter[str] = Counter()
    for at in archive.scored():
        document = archive.document(at)
        topic = "topic-b" if "-3-" in document["prediction_id"][:8] else "topic-a"
        source = document["source"]
        if ms(arrival[topic, source["partition"], source["offset"]]) < upto:
            expected.update(reason["code"] for reason in document["reasons"])
    assert reasons == expected


def test_what_devices_scored_is_counted_once_by_its_arrival(periods: list[PeriodData]) -> None:
    counted = [
        {name: n for name, n in data.counts.items() if name.startswith("device.")}
        for data in periods
    ]
    first = {"device.band.hot": 1, "device.band.cool": 2}
    assert counted == [first, {"device.band.hot": 1, "device.implausible_clock": 1}, {}, {}]


def test_hours_add_up_to_the_whole(
    spark: SparkSession, place: DeltaPlace, archive: TinyArchive
) -> None:
    day = Period(number=0, begin_ms=ms(BEGAN), end_ms=ms(BEGAN) + 86_400_000)
    wanted = options(periods=[day])
    arrived = arrivals(spark, place, wanted, source_topic=SCENARIO.topic("events"))
    hours = counts_of_hours(arrived, wanted)
    inside = [row for row in archive.events if day.begin_ms <= ms(row.time) < day.end_ms]
    assert hours["events"].shape == (24,)
    assert hours["events"].sum() == len(inside)
    first = [row for row in inside if ms(row.time) < day.begin_ms + 3_600_000]
    assert hours["events"][0] == len(first)
    assert hours["dead_letter.malformed_json"].sum() > 0
    assert counts_of_hours(arrived, options()) == {}  # periods of some minutes


def test_slices_have_names_and_amounts_come_from_their_feature(periods: list[PeriodData]) -> None:
    for data in periods:
        cases, features = data.cases, data.features
        modes = cases.slice_values["mode"]
        assert set(modes) <= {"idle", "normal", "boost"}
        for code, value in enumerate(modes):
            rows = cases.slices["mode"] == code
            number = ("idle", "normal", "boost").index(value)
            assert (features[rows, 1] == number).all()
        assert list(cases.slice_values["temperature_c"]) == ["below 60", "60 to 90", "from 90"]
        assert np.array_equal(cases.amounts, features[:, 7], equal_nan=True)


def test_labels_are_those_of_a_comparison_on_the_same_archive(
    spark: SparkSession, place: DeltaPlace, archive: TinyArchive
) -> None:
    """The case's label is what `lifecycle.challenge.evidence` gives the same prediction."""
    length = timedelta(days=2)
    whole = [Period(number=0, begin_ms=ms(BEGAN), end_ms=ms(BEGAN + length))]
    (data,) = read_periods(
        spark, place, SCENARIO, options=options(periods=whole, slices={}, amount_feature=None)
    )
    compared = evidence(
        spark,
        place,
        SCENARIO,
        options=EvidenceOptions(limits=LIMITS, experiment=None, band="hot", now_ms=ms(NOW)),
    ).arms
    assert compared is not None
    of_cases = dict(zip(data.cases.scores.tolist(), data.cases.labels.tolist(), strict=True))
    pairs = zip(compared.scores.tolist(), compared.labels.tolist(), strict=True)
    common = [(score, value) for score, value in pairs if score in of_cases]
    assert len(common) >= 11
    # The second label of m2 judges the same prediction again: cases have the first one.
    differing = [(score, value) for score, value in common if of_cases[score] != value]
    assert differing == []


def test_of_too_many_cases_a_stated_sample_is_taken(
    spark: SparkSession, place: DeltaPlace, periods: list[PeriodData]
) -> None:
    sampled = read_periods(spark, place, SCENARIO, options=options(most_cases=3))
    for data, whole in zip(sampled, periods, strict=True):
        assert (len(data.cases), data.counts["sampled"]) == (3, 3)
        assert data.counts["cases"] == whole.counts["cases"]
        assert set(data.cases.scores.tolist()) < set(whole.cases.scores.tolist())
    assert "sampled" not in periods[0].counts


def test_a_refused_record_is_recorded_once_however_often_one_looks(
    spark: SparkSession, place: DeltaPlace
) -> None:
    labels = label_records(spark, place, SCENARIO, options())
    posted = posted_outcomes(spark, place, LIMITS, until_ms=ms(NOW))
    refused = refused_records(labels, posted)
    assert [record_refusals(spark, place, refused) for _ in range(2)] == [2, 0]
    rows = recorded_refusals(spark, place).orderBy("kind").collect()
    assert [(row["kind"], row["offset"], row["reason"]) for row in rows] == [
        ("labels", 16, "malformed_json"),
        ("outcomes", 8, "missing_field"),
    ]


def test_periods_with_a_gap_are_refused() -> None:
    with pytest.raises(PeriodsUneven, match="without gaps"):
        options(periods=[PERIODS[0], PERIODS[2]])
