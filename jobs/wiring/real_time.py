"""Real-time mode from the settings: the task slots it takes, and what its workers need."""

from typing import Any

from conf.settings import Settings
from jobs.spark.java_compilers import for_streams
from jobs.spark.properties import is_local
from streaming.real_time.query import RealTimeSettings

# For what Spark runs beside the stream; a slot that waits takes no core.
_OTHER_TASKS = 1


def is_real_time(settings: Settings) -> bool:
    """Whether score_stream runs in real-time mode."""
    return settings.stream.mode == "real-time"


def for_scoring(settings: Settings, *, partitions: int) -> Settings:
    """The settings of score_stream's Spark, whose topic of events has so many `partitions`.

    In real-time mode each partition holds a task slot all the time. On one machine there are as
    many as are needed, whatever its cores; a cluster must have them, and Spark refuses otherwise.
    """
    settings = for_streams(settings)
    if not (is_real_time(settings) and is_local(settings)):
        return settings
    slots = partitions + _OTHER_TASKS
    update = {"master": f"local[{slots}]"}
    return settings.model_copy(update={"spark": settings.spark.model_copy(update=update)})


def real_time_settings(settings: Settings, spark: Any) -> RealTimeSettings | None:
    """How the query of score_stream runs in real-time mode; None in micro-batches."""
    if not is_real_time(settings):
        return None
    files = spark.conf.get("spark.submit.pyFiles", "") if not is_local(settings) else ""
    names = [file.rsplit("/", 1)[-1] for file in files.split(",") if file]
    return RealTimeSettings(batch_seconds=settings.stream.real_time_batch_seconds, files=names)
