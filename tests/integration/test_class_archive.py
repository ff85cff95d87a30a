"""A job's Java maps Spark's classes from the archive."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.spark.class_archive import class_archive

CHECKOUT = Path(__file__).resolve().parents[2]
SESSION = """
import json
from pathlib import Path
from conf.settings import load_settings
from jobs.spark.session import spark_session

with spark_session(load_settings("local"), app_name="mapped", at_once=True) as spark:
    handle = spark.sparkContext._jvm.java.lang.ProcessHandle.current()
    maps = Path(f"/proc/{handle.pid()}/maps").read_text().splitlines()
    mapped = {line.split()[-1] for line in maps}
    print(json.dumps(sorted(name for name in mapped if name.endswith(".jsa"))))
"""


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="no /proc on this system")
def test_a_job_maps_the_archive_and_is_told_nothing(class_archived: Path | None) -> None:
    process = subprocess.run(
        [sys.executable, "-c", SESSION], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert str(class_archived) in json.loads(process.stdout.splitlines()[-1])
    assert "cds" not in process.stdout + process.stderr
    assert class_archive(is_made=True) == class_archived
