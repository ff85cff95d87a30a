"""What Spark is started with, and what travels to a cluster."""

import subprocess
import zipfile
from pathlib import Path

from conf.settings import load_settings
from jobs.environment import worker_environment
from jobs.kafka_options import client_options, spark_options
from jobs.packages import CHECKOUT, packages_zip
from jobs.spark_properties import spark_properties


def test_own_properties_win_and_java_options_are_added() -> None:
    overrides = [
        "stream.batch_rows=500",
        "spark.conf.spark.driver.memory=3g",
        "spark.conf.spark.driver.extraJavaOptions=-Xss4m",
    ]
    settings = load_settings("local", overrides=overrides, environ={})
    found = spark_properties(settings, jars=[Path("/a.jar"), Path("/b.jar")], py_files=[])
    assert found["spark.driver.memory"] == "3g"
    assert found["spark.jars"] == "/a.jar,/b.jar"
    assert found["spark.sql.execution.arrow.maxRecordsPerBatch"] == "500"
    assert found["spark.driver.extraJavaOptions"].endswith("log4j2.properties -Xss4m")
    assert found["spark.executorEnv.PYTHONPATH"] == str(CHECKOUT)


def test_cluster_gets_our_packages_and_no_path_of_this_machine() -> None:
    settings = load_settings("cluster", environ={})
    found = spark_properties(settings, jars=[], py_files=[Path("/cache/everscore.zip")])
    assert found["spark.submit.pyFiles"] == "/cache/everscore.zip"
    assert "spark.executorEnv.PYTHONPATH" not in found
    assert "spark.jars" not in found


def test_checkout_comes_first_on_the_python_path_once() -> None:
    found = worker_environment({"PYTHONPATH": f"/other:{CHECKOUT}"})
    assert found["PYTHONPATH"] == f"{CHECKOUT}:/other"


def checkout(folder: Path) -> Path:
    (folder / "features").mkdir(parents=True)
    (folder / "features" / "fold.py").write_text("committed = True\n")
    (folder / "features" / "draft.py").write_text("committed = False\n")
    return folder


def names(path: Path) -> list[str]:
    return zipfile.ZipFile(path).namelist()


def test_zip_holds_what_is_committed_and_is_named_by_its_content(tmp_path: Path) -> None:
    tree, cache = checkout(tmp_path / "tree"), tmp_path / "cache"
    subprocess.run(["git", "init", "-q", str(tree)], check=True)
    subprocess.run(["git", "-C", str(tree), "add", "features/fold.py"], check=True)
    first = packages_zip(cache, checkout=tree)
    assert names(first) == ["features/fold.py"]
    assert packages_zip(cache, checkout=tree) == first
    (tree / "features" / "fold.py").write_text("committed = 2\n")
    assert packages_zip(cache, checkout=tree) != first


def test_zip_outside_git_holds_all_files(tmp_path: Path) -> None:
    tree = checkout(tmp_path / "tree")
    found = packages_zip(tmp_path / "cache", checkout=tree)
    assert names(found) == ["features/draft.py", "features/fold.py"]


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
