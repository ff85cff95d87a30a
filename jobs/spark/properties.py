"""The Spark properties of a job, from its settings."""

from collections.abc import Sequence
from pathlib import Path

from conf.settings import Settings
from jobs.launcher.checkout import CHECKOUT
from streaming.passes.joined_batches import ARROW_ROWS

_QUERY_STOPS_WITHIN = "10s"
# Spark's own list less Kafka, whose older source copies each record twice more: one of 100 MB took
# 700 MB of Java's memory.
_OLD_SOURCES = "avro,csv,json,orc,parquet,text"
_JAVA_OPTIONS = "spark.driver.extraJavaOptions"
# Delta reads its log with 50 tasks and cleans up with 10,000, whatever its size: opening a table
# took 4 s instead of 0.3, a vacuum 40 s.
_DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "16",
    # Parquet counts rows, archived values may have 16 MiB. It looks at the size of a page, and of
    # what it holds, after 100 to 10,000 rows and hands over 4,096 at a time.
    "spark.hadoop.parquet.page.size.row.check.min": "4",
    "spark.hadoop.parquet.page.size.row.check.max": "4",
    "spark.sql.parquet.columnarReaderBatchSize": "4",
    "spark.sql.inMemoryColumnarStorage.hugeVectorThreshold": "33554432",
    # Else rows are sorted by day before they are written, all of them in memory.
    "spark.sql.maxConcurrentOutputFileWriters": "4",
}
# Java would say on stdout, which is the job's, that the archive does not fit a class path.
_QUIET_ARCHIVE = "-Xlog:cds*=off:stdout -Xlog:cds*=warning:stderr"
_LOG_SETTINGS = CHECKOUT / "conf" / "log4j2.properties"


def java_option(option: str) -> str:
    """`option` as one word of spark.driver.extraJavaOptions, whatever a path in it holds."""
    escaped = option.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def is_local(settings: Settings) -> bool:
    """True when driver and executors are one process of this machine."""
    return settings.spark.master.startswith("local")


def spark_properties(
    settings: Settings,
    *,
    jars: Sequence[Path],
    py_files: Sequence[Path],
    with_delta: bool = False,
    classes: Path | None = None,
) -> dict[str, str]:
    """Every property that Spark starts with; those of spark.conf win, Java options are added.

    Only the session's time zone cannot be set: it is always UTC.

    with_delta   the properties that reading and writing Delta tables needs
    classes      Java's archive of Spark's classes
    """
    conf = settings.spark.conf
    properties = {
        "spark.driver.memory": settings.spark.driver_memory,
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(
            min(settings.stream.batch_rows, ARROW_ROWS)
        ),
        # Else whoever stops a query that waits for Kafka waits with it, for minutes.
        "spark.sql.streaming.stopTimeout": _QUERY_STOPS_WITHIN,
        "spark.sql.sources.useV1SourceList": _OLD_SOURCES,
    }
    if is_local(settings):
        # No other machine takes part: a host name that resolves to nothing must not matter.
        properties["spark.driver.host"] = properties["spark.driver.bindAddress"] = "127.0.0.1"
        properties["spark.executorEnv.PYTHONPATH"] = str(CHECKOUT)
    if with_delta:
        properties |= _DELTA
    if jars:
        properties["spark.jars"] = _locations(jars)
    if py_files:
        properties["spark.submit.pyFiles"] = _locations(py_files)
    options = [java_option(f"-Dlog4j2.configurationFile={_LOG_SETTINGS.as_uri()}")]
    if classes is not None:
        options += [java_option(f"-XX:SharedArchiveFile={classes}"), _QUIET_ARCHIVE]
    if _JAVA_OPTIONS in conf:
        options.append(conf[_JAVA_OPTIONS])
    # The day of a record and every time in a table are UTC, whatever an environment prefers.
    zone = {"spark.sql.session.timeZone": "UTC"}
    return {**properties, **conf, **zone, _JAVA_OPTIONS: " ".join(options)}


def _locations(files: Sequence[Path]) -> str:
    """As URIs: in a plain path Spark reads `#` as the begin of a fragment, a comma as an end."""
    return ",".join(file.as_uri() for file in files)
