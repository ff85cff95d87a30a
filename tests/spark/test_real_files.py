"""Files on a file system that Hadoop knows keep what their fake promises."""

from pathlib import Path

from pyspark.sql import SparkSession

from stores.delta.files import HadoopFiles
from tests.contracts import check_files


def test_files_of_hadoop(spark: SparkSession, tmp_path: Path) -> None:
    check_files(HadoopFiles(spark), str(tmp_path / "files"))
