"""How a query in real-time mode reaches its Python workers: the values that `FrameBridge` takes."""

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame

from streaming.passes.joined_batches import MOST_BYTES
from streaming.passes.kind import OpenPass
from streaming.passes.output import OUTPUT_SCHEMA

BRIDGE = "everscore.FrameBridge"
# Counts what Kafka has acknowledged; an interceptor of the sink's producers.
ACKNOWLEDGEMENTS = f"{BRIDGE}$Acknowledgements"


@dataclass(frozen=True, kw_only=True)
class Bridge:
    """What a task's worker does, and how much it is given.

    scenario             whose refusals the worker's errors are
    opened               gives the pass of a worker's process; picklable
    most_rows            most records of a frame
    most_bytes           most bytes of the keys and values of a frame, unless one record has more
    unpublished_frames   so many frames may wait for Kafka's acknowledgement; then no other begins
    answer_seconds       how long a frame may take before its worker counts as hanging
    files                files of the job that workers on other machines have on their path
    """

    scenario: str
    opened: Callable[[], OpenPass]
    most_rows: int
    unpublished_frames: int
    answer_seconds: float
    most_bytes: int = MOST_BYTES
    files: Sequence[str] = ()

    def over(self, spark: Any, records: DataFrame) -> DataFrame:
        """The messages about `records`, in the columns of the sink.

        records: those of one partition per task in the order of their offsets, with columns of the
        types binary, string, bigint and int
        """
        context = spark.sparkContext
        bridge = context._jvm.everscore.FrameBridge(
            pickle.dumps((self.scenario, self.opened)),
            context.pythonExec,
            dict(context.environment),
            list(self.files),
            records.columns.index("offset"),
            self.most_rows,
            self.most_bytes,
            self.unpublished_frames,
            int(self.answer_seconds * 1000),
        )
        schema = context._jvm.org.apache.spark.sql.types.StructType.fromDDL(OUTPUT_SCHEMA)
        return DataFrame(bridge.over(records._jdf, schema), spark)


def begin_workers(spark: Any) -> None:
    """Let what forks the workers of this JVM import its modules while Spark plans the query."""
    context = spark.sparkContext
    environment = dict(context.environment)
    context._jvm.everscore.FrameBridge.beginWorkers(context.pythonExec, environment, [])


def ready_tasks(spark: Any) -> int:
    """Those of the tasks in this JVM whose workers can score."""
    return int(spark.sparkContext._jvm.everscore.FrameBridge.readyTasks())


def running_tasks(spark: Any) -> int:
    """Tasks in this JVM that still end their frames."""
    return int(spark.sparkContext._jvm.everscore.FrameBridge.runningTasks())
