"""One small Spark for all tests of this folder, with the properties of a job on one machine."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from conf.settings import load_settings
from jobs.class_archive import class_archive
from jobs.spark_properties import spark_properties
from local.jars import jar_files

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session with Delta, with workers that import this checkout."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    properties = spark_properties(
        load_settings("local"),
        jars=jar_files("spark"),
        py_files=[],
        with_delta=True,
        classes=class_archive(is_made=True),
    )
    own = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "3",
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
    }
    builder = SparkSession.builder.master("local[2]")
    for name, value in (properties | own).items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()
