"""Every line of a job's log that has a time has it in UTC, and says so."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

_JOB = """
import logging
from jobs.launcher.run import job_run

with job_run(scenario="churn", env="local") as run:
    run.log("of the job")
    logging.getLogger("library").warning("of a library")
"""


def test_times_in_the_log_are_utc_in_every_zone() -> None:
    environ = {**os.environ, "TZ": "Asia/Tokyo"}
    process = subprocess.run(
        [sys.executable, "-c", _JOB], env=environ, capture_output=True, text=True, check=True
    )
    for message in ("of the job", "of a library"):
        (line,) = [line for line in process.stderr.splitlines() if line.endswith(message)]
        stamp = re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", line)
        assert stamp is not None, line
        moment = datetime.fromisoformat(stamp.group().strip())
        assert abs(datetime.now(UTC) - moment) < timedelta(minutes=5)
