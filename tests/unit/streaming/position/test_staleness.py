"""When a row may not be acted upon any more, and what its age is."""

from datetime import UTC, datetime, timedelta

from rich.console import Console

from monitoring.live.prediction_view import prediction_panel
from stores.hbase.predictions import Model, Prediction, Source
from streaming.position.staleness import StreamLag

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def row(*, valid_days: float = 30.0, known_for: timedelta = timedelta(minutes=5)) -> Prediction:
    """A row of partition 1 whose newest event is `known_for` old."""
    moment = NOW - known_for
    return Prediction(
        prediction_id="tiny-1-1-7-1",
        entity="machine 1",
        score=0.5,
        band="hot",
        reasons=[],
        action="look",
        review=False,
        control_group=False,
        scored_at=moment,
        event_time=moment,
        features_as_of=moment,
        valid_until=moment + timedelta(days=valid_days),
        model=Model("tiny", "1"),
        source=Source("tiny.events", 1, 7),
    )


def lag(partition: int, *, seconds: float) -> StreamLag:
    return StreamLag({partition: NOW - timedelta(seconds=seconds)}, limit_seconds=60.0)


NO_LAG = StreamLag({}, limit_seconds=60.0)


def test_age_is_that_of_the_newest_event_known() -> None:
    assert row().age_seconds(NOW) == 300.0
    assert row(known_for=timedelta(seconds=-9)).age_seconds(NOW) == 0.0


def test_a_row_is_stale_from_the_end_of_its_validity_on() -> None:
    known_for = timedelta(days=1)
    assert not row(valid_days=1.1, known_for=known_for).is_stale(NOW)
    assert row(valid_days=1.0, known_for=known_for).is_stale(NOW)
    staleness = NO_LAG.staleness(row(valid_days=0.5, known_for=known_for), now=NOW)
    assert staleness.is_stale
    assert staleness.reasons == ("it was valid until 2026-11-28 00:00:00 UTC",)


def test_events_that_wait_long_in_its_partition_make_a_row_stale() -> None:
    staleness = lag(1, seconds=61).staleness(row(), now=NOW)
    assert staleness.reasons == (
        "the stream is behind: events of tiny.events-1 wait since 2026-11-28 11:58:59 UTC",
    )
    assert not lag(1, seconds=59).staleness(row(), now=NOW).is_stale
    assert not lag(0, seconds=600).staleness(row(), now=NOW).is_stale
    assert not NO_LAG.staleness(row(), now=NOW).is_stale


def test_a_stale_row_says_so_before_its_score() -> None:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(prediction_panel(row(), now=NOW, stale_because=["it was valid until then"]))
    text = captured.get()
    assert text.index("STALE") < text.index("score")
    assert "it was valid until then" in text
