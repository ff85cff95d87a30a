"""A stream with an unusual checkout path, scratch folder, time zone and locale."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.judgement import check_conservation, drained
from tests.support.lane import START_SECONDS, Lane
from tests.support.processes import ROOT, Job, start_job
from tests.support.tiny_load import TinyLoad

PACKAGES = ("features", "models", "streaming", "stores", "batch", "scenarios")
CHECKOUT = "my checkout, #1 %41 `x` 'y' [z] $HOME (ü)"


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout's files, reached through a link in another folder."""
    folder = tmp_path_factory.mktemp("copies")
    checkout, elsewhere = folder / CHECKOUT, folder / "else where"
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    # With what numba has compiled, which it takes as long as times and sizes are the same.
    compiled = (path for name in PACKAGES for path in (ROOT / name).rglob("__pycache__/*.nb[ci]"))
    names = [*filter(None, listed.split("\0")), *(str(path.relative_to(ROOT)) for path in compiled)]
    for name in names:
        if (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, checkout / name)
    (checkout / ".venv").symlink_to(sys.prefix)
    elsewhere.mkdir()
    link = elsewhere / "submit it"
    link.symlink_to(checkout / "spark-submit.sh")
    return link


def start(script: Path, lane: Lane, name: str, *arguments: str, **environ: str) -> Job:
    """Start the job `name` of the copied checkout in the C locale, from another folder."""
    settings = [
        "scenarios.tiny=tests.scenarios.tiny",
        f"hbase.namespace={lane.store.namespace}",
        f"stream.checkpoint_root={lane.folder / 'checkpoints'}",
    ]
    options = [option for setting in settings for option in ("--set", setting)]
    scratch = script.parent / "scratch folder"
    scratch.mkdir(exist_ok=True)
    variables = {"EVERSCORE_RUN_DIR": str(lane.run_dir), "LC_ALL": "C", "TMPDIR": str(scratch)}
    variables |= {"TZ": "America/St_Johns", "SPARK_HOME": "", "PYTHONPATH": "", "COLUMNS": "20"}
    variables |= {"JAVA_TOOL_OPTIONS": "", "EVERSCORE_PYTHON": "", "OMP_NUM_THREADS": ""}
    job = start_job(
        [name, "--scenario", "tiny", *options, *arguments],
        log=lane.folder / f"awkward-{name}.log",
        environ={**variables, **environ},
        script=script,
    )
    lane.jobs.append(job)
    return job


def test_a_stream_starts_scores_and_ends(script: Path, lane: Lane) -> None:
    job = start(script, lane, "score_stream")
    job.wait_for("scoring tiny.events in epoch", timeout=START_SECONDS)
    with TinyLoad(lane.servers, per_second=200, machines=50, seed=3):
        time.sleep(3.0)
    messages = drained(lane)
    assert job.terminate() == 143, job.output()
    check_conservation(lane, messages)
    assert "Traceback" not in job.output()
    workers = [line for line in job.output().splitlines() if "error" in line.lower()]
    assert workers == []


def test_a_missing_row_is_said_in_one_line_in_the_c_locale(script: Path, lane: Lane) -> None:
    job = start(
        script,
        lane,
        "show_score",
        "Käufer [/] \u202e",
    )
    assert job.process.wait(120) == 6
    assert "there is no prediction for 'Käufer [/] \\u202e'" in job.output()


def test_what_the_platform_and_the_stream_wrote_is_its_owners_alone(lane: Lane) -> None:
    """Kafka's segments hold every event, HBase's files every row."""
    run_dir = lane.run_dir
    for folder in (run_dir, run_dir / "kafka", run_dir / "hbase", run_dir / "logs"):
        assert folder.stat().st_mode & 0o077 == 0, folder
    segments = list((run_dir / "kafka" / "data").rglob("*.log"))
    assert segments
    assert [path for path in segments if path.stat().st_mode & 0o077] == []
    assert (run_dir / "logs" / "kafka.log").stat().st_mode & 0o077 == 0
