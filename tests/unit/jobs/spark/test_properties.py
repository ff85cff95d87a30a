"""What Spark is started with, and what travels to a cluster."""

import os
import shlex
from pathlib import Path
from urllib.parse import unquote, urlparse

from conf.settings import load_settings
from jobs.launcher.checkout import CHECKOUT
from jobs.launcher.environment import kernel_cache, worker_environment
from jobs.launcher.kafka_options import client_options, spark_options
from jobs.spark.properties import spark_properties


def test_own_properties_win_and_java_options_are_added() -> None:
    overrides = [
        "stream.batch_rows=500",
        "spark.conf.spark.driver.memory=3g",
        "spark.conf.spark.driver.extraJavaOptions=-Xss4m",
        "spark.conf.spark.sql.session.timeZone=Asia/Tokyo",
    ]
    settings = load_settings("local", overrides=overrides, environ={})
    properties = spark_properties(settings, jars=[Path("/a.jar"), Path("/b.jar")], py_files=[])
    assert properties["spark.driver.memory"] == "3g"
    assert properties["spark.jars"] == "file:///a.jar,file:///b.jar"
    assert properties["spark.sql.execution.arrow.maxRecordsPerBatch"] == "500"
    assert properties["spark.driver.extraJavaOptions"].endswith('log4j2.properties" -Xss4m')
    assert properties["spark.executorEnv.PYTHONPATH"] == str(CHECKOUT)
    assert properties["spark.sql.session.timeZone"] == "UTC"


def test_cluster_gets_our_packages_and_no_path_of_this_machine() -> None:
    settings = load_settings("cluster", environ={})
    properties = spark_properties(settings, jars=[], py_files=[Path("/cache/everscore.zip")])
    assert properties["spark.submit.pyFiles"] == "file:///cache/everscore.zip"
    assert "spark.executorEnv.PYTHONPATH" not in properties
    assert "spark.jars" not in properties


def test_checkout_comes_first_on_the_python_path_once() -> None:
    environment = worker_environment({"PYTHONPATH": f"/other:{CHECKOUT}"})
    assert environment["PYTHONPATH"] == f"{CHECKOUT}:/other"


def test_credentials_reach_both_kafka_clients() -> None:
    overrides = [
        "kafka.bootstrap_servers=a:1,b:2",
        "kafka.security_protocol=SASL_SSL",
        "kafka.sasl_mechanism=SCRAM-SHA-512",
        "kafka.sasl_username=me",
    ]
    environ = {"EVERSCORE__KAFKA__SASL_PASSWORD": 'pa"ss'}
    kafka = load_settings("local", overrides=overrides, environ=environ).kafka
    assert client_options(kafka)["bootstrap_servers"] == ["a:1", "b:2"]
    assert client_options(kafka)["sasl_plain_password"] == 'pa"ss'
    jaas = spark_options(kafka)["kafka.sasl.jaas.config"]
    assert jaas.startswith("org.apache.kafka.common.security.scram.ScramLoginModule")
    assert r'password="pa\"ss";' in jaas


def test_kernels_are_kept_elsewhere_when_the_checkout_cannot_be_written(tmp_path: Path) -> None:
    environ = {"EVERSCORE_CACHE_DIR": str(tmp_path / "cache")}
    (tmp_path / "features").mkdir()
    assert kernel_cache(environ, folder=tmp_path) == {}
    missing = tmp_path / "none"  # root can write everywhere, except where no folder is
    assert kernel_cache(environ, folder=missing) == {
        "NUMBA_CACHE_DIR": str(tmp_path / "cache" / "kernels")
    }
    (tmp_path / "file").write_text("x")
    refused = kernel_cache({"EVERSCORE_CACHE_DIR": str(tmp_path / "file")}, folder=missing)
    assert refused["NUMBA_CACHE_DIR"].endswith(f"everscore-kernels-{os.getuid()}")
    assert kernel_cache({"NUMBA_CACHE_DIR": "/mine"}, folder=missing) == {}


AWKWARD = '/a path, #1 %41 `x` \\ "y" $HOME (ü)'


def test_java_options_and_files_survive_any_path() -> None:
    """Spark splits options as a shell does, with double quotes and backslashes."""
    settings = load_settings("local", environ={})
    properties = spark_properties(
        settings, jars=[Path(f"{AWKWARD}/a.jar")], py_files=[], classes=Path(f"{AWKWARD}/c.jsa")
    )
    words = shlex.split(properties["spark.driver.extraJavaOptions"])
    assert f"-XX:SharedArchiveFile={AWKWARD}/c.jsa" in words
    (jar,) = properties["spark.jars"].split(",")
    assert unquote(urlparse(jar).path) == f"{AWKWARD}/a.jar"
    assert urlparse(jar).fragment == ""


def test_java_reads_names_as_python_does() -> None:
    assert worker_environment({"LC_ALL": "C"})["LC_ALL"] == "C.UTF-8"
    assert worker_environment({})["LC_ALL"] == "C.UTF-8"
    assert "LC_ALL" not in worker_environment({"LANG": "de_DE.UTF-8"})
    assert worker_environment({"LC_ALL": "de_DE.UTF-8"})["LC_ALL"] == "de_DE.UTF-8"
