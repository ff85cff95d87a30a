"""A model that cannot be loaded and a stream that is behind are alarms."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jobs.status.service_alarms import MODEL_UNAVAILABLE, STREAM_BEHIND, lag_alarms, model_alarms
from streaming.position.staleness import StreamLag
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_model import save_tiny_model, tiny_deployment

NOW = datetime(2026, 9, 1, tzinfo=UTC)


def test_a_version_that_is_gone_is_no_alarm_while_the_last_good_one_loads(tmp_path: Path) -> None:
    good = tiny_deployment(save_tiny_model(tmp_path / "1"))
    gone = replace(good, champion=replace(good.champion, artifact_uri=str(tmp_path / "gone")))
    damaged = replace(good, champion=replace(good.champion, sha256="0" * 64))
    cache = tmp_path / "cache"
    assert model_alarms(SCENARIO, (good, None), cache=cache) == []
    assert model_alarms(SCENARIO, (gone, good), cache=cache) == []
    assert model_alarms(SCENARIO, (None, None), cache=cache) == []
    (alarm,) = model_alarms(SCENARIO, (gone, damaged), cache=cache)
    assert (alarm.kind, alarm.subject, alarm.harm) == ("service", MODEL_UNAVAILABLE, True)
    assert "gone" in alarm.sentence
    assert alarm.sentence.count("cannot score") == 2


def test_events_that_wait_too_long_are_an_alarm() -> None:
    waiting = {0: NOW - timedelta(seconds=59), 1: NOW - timedelta(seconds=61)}
    (alarm,) = lag_alarms(StreamLag(waiting, 60.0), now=NOW)
    assert (alarm.subject, alarm.value, alarm.bound) == (STREAM_BEHIND, 61.0, 60.0)
    assert "partitions 1 wait" in alarm.sentence
    assert lag_alarms(StreamLag({0: waiting[0]}, 60.0), now=NOW) == []
    assert lag_alarms(StreamLag({}, 60.0), now=NOW) == []
