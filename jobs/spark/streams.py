"""How the Spark of a stream starts, known before the stream's own code is imported."""

from typing import TypedDict

from conf.settings import Settings
from jobs.spark.java_compilers import for_streams
from jobs.spark.properties import is_local

# For what Spark runs beside the stream; a slot that waits takes no core.
_OTHER_TASKS = 1


class SessionOptions(TypedDict):
    """Of `jobs.spark.session.spark_session`."""

    at_once: bool
    real_time: bool


def is_real_time(settings: Settings) -> bool:
    """Whether score_stream runs in real-time mode."""
    return settings.stream.mode == "real-time"


def session_options(settings: Settings) -> SessionOptions:
    """The options of the session of score_stream."""
    return SessionOptions(at_once=True, real_time=is_real_time(settings))


def for_scoring(settings: Settings, *, partitions: int) -> Settings:
    """The settings of score_stream's Spark, whose topic of events has so many `partitions`.

    In real-time mode each partition holds a task slot all the time. On one machine there are as
    many as are needed, whatever its cores; a cluster must have them (streaming/real_time/slots.py).
    A task that fails is not tried again: it would begin where its batch of an hour began.
    """
    settings = for_streams(settings)
    if not is_real_time(settings):
        return settings
    update: dict[str, object] = {"conf": {**settings.spark.conf, "spark.task.maxFailures": "1"}}
    if is_local(settings):
        update["master"] = f"local[{partitions + _OTHER_TASKS}]"
    return settings.model_copy(update={"spark": settings.spark.model_copy(update=update)})
