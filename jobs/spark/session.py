"""Start Spark for a job: the JVM is a child of this process."""

import os
import signal
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from conf.settings import Settings
from jobs.launcher.environment import worker_environment
from jobs.spark.job_properties import job_properties
from jobs.spark.properties import is_local
from jobs.spark.shared_jvm import joined_jvm
from streaming.query.spark_jvm import SparkGone, check_jvm


@contextmanager
def spark_session(
    settings: Settings,
    *,
    app_name: str,
    with_delta: bool = False,
    at_once: bool = False,
    real_time: bool = False,
) -> Iterator[SparkSession]:
    """A session with the settings' properties, jars and, on a cluster, our packages.

    `with spark_session(settings, app_name="score churn") as spark:` stops Spark and its JVM's jobs
    at the end. The job's own signal handlers stay in force.

    with_delta   for jobs that read or write Delta tables
    at_once      for streams: rather start without Java's archive of classes than make it first
    real_time    for a stream in real-time mode
    """
    properties = job_properties(
        settings, with_delta=with_delta, at_once=at_once, real_time=real_time
    )
    with joined_jvm(properties):
        spark = _started(settings, app_name, properties)
        try:
            yield spark
        except Exception as error:
            # What py4j says of a JVM that is gone helps nobody.
            if not isinstance(error, SparkGone):
                check_jvm(spark, is_ending=isinstance(error, Py4JError | ConnectionError))
            raise
        finally:
            _stop(spark)


def _stop(spark: SparkSession) -> None:
    with suppress(Py4JError, ConnectionError), warnings.catch_warnings():
        # Of a JVM that is gone there is nothing to stop, and whoever found it says so; py4j says
        # of one that is just ending that a class does not exist in it.
        warnings.filterwarnings("ignore", message="Unable to cleanly shutdown Spark JVM")
        spark.stop()


def _started(settings: Settings, app_name: str, properties: Mapping[str, str]) -> SparkSession:
    os.environ.update(worker_environment(os.environ))
    if interpreter := settings.spark.conf.get("spark.pyspark.python"):
        os.environ["PYSPARK_PYTHON"] = interpreter
    if is_local(settings):
        os.environ.pop("SPARK_HOME", None)  # another Spark than the locked one
    builder = SparkSession.builder.appName(app_name).master(settings.spark.master)
    for name, value in properties.items():
        builder = builder.config(name, value)
    on_interrupt = signal.getsignal(signal.SIGINT)
    spark = builder.getOrCreate()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, on_interrupt)  # pyspark put its own in its place
    return spark
