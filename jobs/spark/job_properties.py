"""The Spark properties of a job together with the files that they name: jars, packages, classes."""

from conf.settings import Settings
from jobs.launcher.services import ServiceDown
from jobs.spark.bridge_jar import bridge_jar
from jobs.spark.class_archive import class_archive
from jobs.spark.packages import packages_zip
from jobs.spark.properties import is_local, spark_properties
from local.cache import cache_dir
from local.errors import JarsUnavailable
from local.maven.jars import jar_files
from reports.terminal import Terminal


def job_properties(
    settings: Settings,
    *,
    with_delta: bool = False,
    at_once: bool = False,
    real_time: bool = False,
) -> dict[str, str]:
    """Every property of a job's Spark, its jars and its archive of classes included.

    with_delta, at_once, real_time: as in `spark_session`. Raises `ServiceDown` when jars are
    missing.
    """
    try:
        jars = jar_files("spark") if settings.spark.jars == "resolved" else []
        if real_time:
            jars.append(bridge_jar())
    except JarsUnavailable as error:
        raise ServiceDown(f"Spark's jars are missing: {error}") from error
    py_files = [] if is_local(settings) else [packages_zip(cache_dir() / "packages", log=_log)]
    classes = class_archive(is_made=not at_once) if settings.spark.class_archive else None
    return spark_properties(
        settings, jars=jars, py_files=py_files, with_delta=with_delta, classes=classes
    )


def _log(text: str) -> None:
    Terminal(stderr=True).print(text, highlight=False, soft_wrap=True)
