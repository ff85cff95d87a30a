"""Times from Delta's log are UTC and say so, wherever the driver runs."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from stores.delta.tables import commits
from tests.support.archives import place_in, write_archive


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process's own zone is nine hours from UTC."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_the_time_of_a_commit_is_utc_in_every_zone(
    spark: SparkSession, tmp_path: Path, in_tokyo: None
) -> None:
    place, began = place_in(tmp_path, scenario="tiny"), datetime.now(UTC)
    write_archive(spark, place, "events", [(b"m", b"{}", 0, 0, began, 1)])
    (commit,) = commits(spark, place.path("events"), made_by="archive_stream")
    assert commit.at.utcoffset() == timedelta(0)
    assert began - timedelta(seconds=1) <= commit.at <= datetime.now(UTC)
