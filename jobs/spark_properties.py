"""The Spark properties of a job, from its settings."""

from collections.abc import Sequence
from pathlib import Path

from conf.settings import Settings
from jobs.packages import CHECKOUT

_JAVA_OPTIONS = "spark.driver.extraJavaOptions"
_LOG = f"-Dlog4j2.configurationFile=file:{CHECKOUT / 'conf' / 'log4j2.properties'}"


def is_local(settings: Settings) -> bool:
    """True when driver and executors are one process of this machine."""
    return settings.spark.master.startswith("local")


def spark_properties(
    settings: Settings, *, jars: Sequence[Path], py_files: Sequence[Path]
) -> dict[str, str]:
    """Every property that Spark starts with; those of spark.conf win, Java options are added."""
    own = settings.spark.conf
    properties = {
        "spark.driver.memory": settings.spark.driver_memory,
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(settings.stream.arrow_batch_rows),
    }
    if is_local(settings):
        # No other machine takes part: a host name that resolves to nothing must not matter.
        properties["spark.driver.host"] = properties["spark.driver.bindAddress"] = "127.0.0.1"
        properties["spark.executorEnv.PYTHONPATH"] = str(CHECKOUT)
    if jars:
        properties["spark.jars"] = ",".join(str(path) for path in jars)
    if py_files:
        properties["spark.submit.pyFiles"] = ",".join(str(path) for path in py_files)
    options = " ".join(filter(None, [_LOG, own.get(_JAVA_OPTIONS)]))
    return {**properties, **own, _JAVA_OPTIONS: options}
