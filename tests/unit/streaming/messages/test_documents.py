"""What other software reads: exact numbers, and the features that gave them."""

import math
from datetime import UTC, datetime

import msgspec

from stores.hbase.predictions import Model, Prediction, Reason, Source, row_document, utc
from streaming.messages.documents import log_basis, log_document, row_in

MOMENT = datetime(2026, 1, 1, 12, 0, 0, 123000, tzinfo=UTC)
PREDICTION = Prediction(
    prediction_id="tiny-1-0-7-v3",
    entity='Zoë "Z": 客户',
    score=0.1 + 0.2,
    band="hot",
    reasons=[Reason("mode", "runs in mode boost", "raises", "boost")],
    action="inspect",
    review=False,
    control_group=False,
    scored_at=MOMENT,
    event_time=MOMENT,
    features_as_of=MOMENT,
    valid_until=MOMENT,
    model=Model("everscore-tiny", "3"),
    source=Source("tiny.events", 0, 7),
)


def test_a_row_reads_back_equal() -> None:
    assert msgspec.json.decode(row_document(PREDICTION), type=Prediction) == PREDICTION


def test_the_message_is_the_row_with_its_features_exact_to_the_bit() -> None:
    features = [0.1 + 0.2, math.nan, 5e-324, 1e300, -0.0]
    basis = log_basis("00ff", "p1", {"ok": 0.0, "hot": 0.5})
    raw = log_document(row_document(PREDICTION), features, basis)
    message = msgspec.json.decode(raw)
    assert msgspec.json.decode(raw, type=Prediction) == PREDICTION
    assert message["feature_definitions"] == "00ff"
    assert (message["policy_version"], message["thresholds"]) == ("p1", {"ok": 0.0, "hot": 0.5})
    assert row_in(raw) == row_document(PREDICTION)
    back = [math.nan if feature is None else feature for feature in message["features"]]
    assert [feature.hex() for feature in back] == [feature.hex() for feature in features]


def test_times_are_utc_with_milliseconds() -> None:
    assert utc(1_767_268_800_123) == MOMENT
