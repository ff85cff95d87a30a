"""The skew of a second entity's features: logged values beside those computed from the archive."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pyspark.sql import SparkSession
from rich.console import Console

from batch.proofs.skew import SkewOptions, skew_rows
from batch.proofs.skew_report import SkewReport, entity_skew, show_skew, write_skew
from batch.records.limits import EventLimits
from scenarios.contract.keyed import keyed_entity
from stores.delta.tables import DeltaPlace
from tests.scenarios.shops import SCENARIO, SHOP
from tests.support.archives import Row, place_in, write_archive
from tests.support.shop_events import BEGAN_MS, HOUR_MS, Record, payment, verdict

KEYED = keyed_entity(SCENARIO, SHOP)
LIMITS = EventLimits(max_event_bytes=1_048_576, max_future_skew_seconds=300)
ARRIVED = datetime.fromtimestamp(BEGAN_MS / 1000, UTC) + timedelta(days=10)

# payment, hour, and the shop's features when it was scored
PAYMENTS: tuple[tuple[Record, float, list[float | None]], ...] = (
    (payment(1, shop=5, hour=1, amount_eur=10), 1, [1.0, 10.0, 0.0, None]),  # equal
    (payment(2, shop=5, hour=2, amount_eur=30), 2, [1.0, 10.0, 0.0, None]),  # not folded yet
    (payment(3, shop=6, hour=2, amount_eur=7), 2, [0.0, None, 0.0, None]),  # not folded yet
    (payment(4, shop=5, hour=30, amount_eur=20), 30, [1.0, 20.0, 1.0, 1.0]),  # equal
    (payment(5, shop=None, hour=31, amount_eur=1), 31, [0.0, None, 0.0, None]),  # no shop
)
VERDICTS = (verdict(1, shop=5, hour=25, said="fraud"), verdict(4, shop=5, hour=54))


@pytest.fixture(scope="module")
def place(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DeltaPlace:
    """An archive of five payments, two verdicts, and a prediction on each payment."""
    place = place_in(tmp_path_factory.mktemp("shops"), scenario="shops")
    write_archive(spark, place, "events", rows([record for record, _, _ in PAYMENTS]))
    write_archive(spark, place, "labels", rows(VERDICTS))
    predictions = [prediction(at, hour, shown) for at, (_, hour, shown) in enumerate(PAYMENTS)]
    older = prediction(3, 30, [9.0] * 4, definitions="0123456789abcdef")
    write_archive(spark, place, "predictions", rows([*predictions, older, predictions[0]]))
    return place


def rows(pairs: Any) -> list[Row]:
    """Records of partition 0 in epoch 1."""
    records: list[Record] = list(pairs)
    return [(key, value, 0, at, ARRIVED, 1) for at, (key, value) in enumerate(records)]


def prediction(
    offset: int, hour: float, shop_features: list[float | None], *, definitions: str = ""
) -> Record:
    """The message about the payment at `offset`."""
    as_of = datetime.fromtimestamp((BEGAN_MS + hour * HOUR_MS) / 1000, UTC)
    document = {
        "prediction_id": f"shops-1-0-{offset}-v1",
        "entity": f"c{offset + 1}",
        "score": 0.1,
        "band": "ok",
        "reasons": [],
        "action": "none",
        "review": False,
        "control_group": False,
        "scored_at": ARRIVED,
        "event_time": as_of,
        "features_as_of": as_of,
        "valid_until": ARRIVED,
        "model": {"name": "everscore-shops", "version": "1"},
        "source": {"topic": "shops.events", "partition": 0, "offset": offset},
        "features": [10.0, 1.0, *shop_features],
        "feature_definitions": definitions or SCENARIO.definitions_digest,
        "policy_version": "p",
        "thresholds": {"ok": 0.0, "odd": 0.5},
    }
    return b"c", msgspec.json.encode(document)


def report(spark: SparkSession, place: DeltaPlace, *, day: date | None = None) -> SkewReport:
    measured_rows = skew_rows(spark, place, KEYED, options=SkewOptions(limits=LIMITS, day=day))
    measured = entity_skew(measured_rows, entity=KEYED.name, feature_names=KEYED.plan.feature_names)
    return SkewReport(scenario="shops", made_at="now", day=None, entities=[measured])


def test_each_feature_is_compared_with_what_all_events_until_then_say(
    spark: SparkSession, place: DeltaPlace, tmp_path: Path
) -> None:
    skew = report(spark, place)
    (entity,) = skew.entities
    assert entity.rows == 4  # of another definition, without a shop, logged twice: left out
    figures = {feature.feature: feature for feature in entity.features}
    count, mean = figures["shop_payments_1d"], figures["shop_amount_mean_7d"]
    assert (count.share_equal, count.one_missing) == (0.5, 0)
    assert (count.mean_difference, count.largest_difference) == (0.5, 1.0)
    assert (mean.share_equal, mean.one_missing) == (0.5, 1)
    assert mean.largest_difference == 10.0
    assert mean.mean_difference == pytest.approx(10 / 3)
    assert mean.quantiles == {"p50": 0.0, "p90": 10.0, "p99": 10.0}
    for name in ("shop_verdicts_7d", "shop_fraud_share_7d"):
        assert figures[name].share_equal == 1.0  # missing on both sides is equal
        assert figures[name].mean_difference == 0.0
    path = write_skew(skew, tmp_path / "reports")
    assert msgspec.json.decode(path.read_bytes(), type=SkewReport) == skew
    console = Console(record=True, width=200)
    show_skew(skew, console)
    assert "shops.shop: |logged - offline|" in console.export_text()


def test_a_day_without_predictions_has_nothing_to_compare(
    spark: SparkSession, place: DeltaPlace
) -> None:
    skew = report(spark, place, day=ARRIVED.date() + timedelta(days=1))
    assert [entity.rows for entity in skew.entities] == [0]
    console = Console(record=True, width=200)
    show_skew(skew, console)
    assert "no archived prediction to compare" in console.export_text()
    assert report(spark, place, day=ARRIVED.date()).entities[0].rows == 4
