"""An experiment whose labels are of single events: pairs have the label of the right payment."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from pyspark.sql import SparkSession

from batch.records.limits import EventLimits
from lifecycle.challenge.cases import Cases
from lifecycle.challenge.evidence import EvidenceOptions, evidence
from tests.scenarios.shops import SCENARIO
from tests.support.archives import Row, place_in, write_archive
from tests.support.shop_events import BEGAN_MS, HOUR_MS, Record, payment, verdict

LIMITS = EventLimits(max_event_bytes=1_048_576, max_future_skew_seconds=300)
CUSTOMER = "c1"  # of payments 1, 8, 15, 22, 29 and 36


def moment(hour: float) -> datetime:
    return datetime.fromtimestamp((BEGAN_MS + round(hour * HOUR_MS)) / 1000, UTC)


def archived(record: Record, offset: int, *, hour: float) -> Row:
    key, value = record
    return key, value, 0, offset, moment(hour), 1


def prediction(
    offset: int, *, hour: float, scores: tuple[float, float, float], version: str = "9"
) -> bytes:
    """By the champion, the challenger beside it, and the shadow."""
    score, other, shadow = scores
    at = moment(hour).isoformat()
    document: dict[str, Any] = {
        "prediction_id": f"shops-1-0-{offset}-v{version}",
        "entity": CUSTOMER,
        "score": score,
        "band": "ok",
        "reasons": [],
        "action": "none",
        "review": False,
        "control_group": False,
        "scored_at": at,
        "event_time": at,
        "features_as_of": at,
        "valid_until": at,
        "model": {"name": "shops", "version": version},
        "source": {"topic": "shops.events", "partition": 0, "offset": offset},
        "features": [10.0 + offset, 1.0, None, None, None, None],
        "feature_definitions": SCENARIO.definitions_digest,
        "policy_version": "y",
        "thresholds": {"ok": 0.0, "odd": 0.5},
        "experiment": {
            "id": "cards",
            "arm": "champion",
            "propensity": 0.5,
            "other": {"version": "11", "score": other},
            "shadow": {"version": "12", "score": shadow},
        },
    }
    return msgspec.json.encode(document)


@pytest.fixture(scope="module")
def cases(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Cases:
    """Payments of one customer an hour apart, each scored at once; offset 4 is a call."""
    place = place_in(tmp_path_factory.mktemp("delta"), scenario="shops")
    numbers = {0: 1, 1: 8, 2: 8, 3: 15, 5: 22, 6: 29, 7: 36}  # payment 8 was published twice
    call = {"type": "call", "customer_id": CUSTOMER, "event_time": moment(4).isoformat()}
    events = [
        archived(payment(number, shop=1, hour=at), at, hour=at) for at, number in numbers.items()
    ]
    events.append(archived((CUSTOMER.encode(), msgspec.json.encode(call)), 4, hour=4))
    write_archive(spark, place, "events", events)
    messages = [
        prediction(at, hour=at, scores=(at / 100, 0.2 + at / 100, 0.4 + at / 100))
        for at in range(8)
    ]
    rows: list[Row] = [
        (b"c1", message, 0, number, moment(number), 1) for number, message in enumerate(messages)
    ]
    # A replay by a newer version, whose name is the smaller text, and a repeated message.
    replay = prediction(0, hour=8, scores=(0.9, 0.9, 0.9), version="10")
    rows += [(b"c1", replay, 0, 8, moment(8), 1), (b"c1", messages[1], 0, 9, moment(9), 1)]
    write_archive(spark, place, "predictions", rows)
    verdicts = [
        (verdict(8, shop=1, hour=30, said="genuine"), 31),
        (verdict(1, shop=1, hour=31, said="fraud"), 32),
        (verdict(15, shop=1, hour=32, said="genuine"), 33),
        (verdict(15, shop=1, hour=32, said="fraud"), 34),  # corrected
        (verdict(22, shop=1, hour=33, said="genuine"), 34),
        (verdict(22, shop=1, hour=40, said="fraud"), 41),  # another one, later: not twice
        (verdict(29, shop=1, hour=5.5, said="fraud"), 50),  # dated before its payment
        (verdict(99, shop=1, hour=30, said="fraud"), 31),  # no such payment
        (verdict(7, shop=1, hour=30, said="fraud"), 31),  # of another customer
    ]
    labels = [archived(record, at, hour=hour) for at, (record, hour) in enumerate(verdicts)]
    write_archive(spark, place, "labels", labels)
    options = EvidenceOptions(
        limits=LIMITS,
        experiment=None,
        band="odd",
        now_ms=BEGAN_MS + 100 * HOUR_MS,
        features=("amount_eur",),
    )
    return evidence(spark, place, SCENARIO, options=options)


def test_each_pair_has_the_label_of_its_own_payment_once(cases: Cases) -> None:
    pairs, shadow = cases.pairs, cases.shadow
    assert pairs is not None
    assert shadow is not None
    offsets_and_labels = {0: 1.0, 1: 0.0, 3: 1.0, 5: 0.0}
    rows = zip(pairs.champion, pairs.other, pairs.labels, strict=True)
    assert sorted(rows) == [
        (at / 100, 0.2 + at / 100, label) for at, label in offsets_and_labels.items()
    ]
    rows = zip(shadow.champion, shadow.other, shadow.labels, strict=True)
    assert sorted(rows) == [
        (at / 100, 0.4 + at / 100, label) for at, label in offsets_and_labels.items()
    ]
    amounts = pairs.slice_features["amount_eur"]
    assert sorted(zip(pairs.champion, amounts, strict=True)) == [
        (at / 100, 10.0 + at) for at in offsets_and_labels
    ]


def test_arms_have_the_same_labels_and_versions_are_those_logged_first(cases: Cases) -> None:
    arms = cases.arms
    assert arms is not None
    assert sorted(zip(arms.scores, arms.labels, strict=True)) == [
        (0.0, 1.0), (0.01, 0.0), (0.03, 1.0), (0.05, 0.0),
    ]  # fmt: skip
    assert len(set(arms.entities.tolist())) == 1
    versions = (cases.champion_version, cases.challenger_version, cases.shadow_version)
    assert versions == ("9", "11", "12")
    assert cases.predictions == 7  # the call has no label to come
