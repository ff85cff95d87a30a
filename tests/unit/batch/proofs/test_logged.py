"""Messages of the predictions topic are decoded exactly, or refused."""

import math
from datetime import UTC, datetime

import msgspec
import pytest

from batch.proofs.recompute.logged import (
    LoggedPrediction,
    LoggedSuppressed,
    MadeByBatchRun,
    NotAPredictionId,
    Position,
    UnreadableMessage,
    as_floats,
    checked_epoch,
    decoded,
    position_of,
    thresholds_text,
)
from stores.hbase.predictions import Model, Prediction, Reason, Source, row_document
from streaming.messages.documents import Suppressed, log_basis, log_document, suppressed_document

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOURCE = Source("tiny.events", 1, 22)


def message(features: list[float]) -> bytes:
    row = Prediction(
        prediction_id="tiny-3-1-22-v7",
        entity="m1",
        score=0.1 + 0.2,
        band="hot",
        reasons=[Reason(code="heat", text='is "hot"', direction="raises", value=1.5)],
        action="none",
        review=True,
        control_group=False,
        scored_at=MOMENT,
        event_time=MOMENT,
        features_as_of=MOMENT,
        valid_until=MOMENT,
        model=Model("everscore-tiny", "7"),
        source=SOURCE,
    )
    basis = log_basis("0123456789abcdef", "policy", {"ok": 0.0, "hot": 0.5})
    return log_document(row_document(row), features, basis)


def test_a_prediction_comes_back_to_the_bit() -> None:
    features = [0.1, math.nan, -0.0, 5e-324, 1.7976931348623157e308, 3.0]
    told = decoded(message(features))
    assert isinstance(told, LoggedPrediction)
    assert told.features[1] is None
    assert [each.hex() for each in as_floats(told.features)] == [each.hex() for each in features]
    assert told.score == 0.1 + 0.2
    assert told.thresholds == {"ok": 0.0, "hot": 0.5}
    assert checked_epoch(told, scenario="tiny") == 3


def test_a_suppressed_event_comes_back() -> None:
    document = Suppressed(
        suppressed="awaiting_x", entity="m1", epoch=3, event_time=MOMENT, source=SOURCE
    )
    told = decoded(suppressed_document(document))
    assert isinstance(told, LoggedSuppressed)
    assert (told.epoch, told.source.offset) == (3, 22)


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"{}", b'{"suppressed":1}'])
def test_anything_else_is_refused(value: bytes | None) -> None:
    with pytest.raises(UnreadableMessage, match="is no prediction"):
        decoded(value)


def test_an_id_names_an_event() -> None:
    found = position_of("call-centre-2-0-17-v12", scenario="call-centre")
    assert found == Position(epoch=2, partition=0, offset=17)
    for text in ("tiny-2-0-17-v12", "call-centre-2-0-17", "call-centre-2-0-x-v1"):
        with pytest.raises(NotAPredictionId, match="expected call-centre-EPOCH"):
            position_of(text, scenario="call-centre")


def test_an_id_of_a_batch_run_is_told_apart() -> None:
    with pytest.raises(MadeByBatchRun, match="made by a batch run"):
        position_of("tiny-batch-3-1-0-17-v2", scenario="tiny")


def test_an_id_that_contradicts_its_source_is_refused() -> None:
    told = decoded(message([1.0]))
    assert isinstance(told, LoggedPrediction)
    other = msgspec.structs.replace(told, source=Source("tiny.events", 1, 23))
    with pytest.raises(NotAPredictionId, match="another position"):
        checked_epoch(other, scenario="tiny")


def test_equal_thresholds_have_one_text() -> None:
    assert thresholds_text({"b": 0.5, "a": 0.0}) == thresholds_text({"a": 0.0, "b": 0.5})
