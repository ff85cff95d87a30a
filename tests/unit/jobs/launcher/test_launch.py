"""The launcher: what it lists, what it refuses before Spark, which exit code comes out."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import jobs
from jobs.launcher.catalogue import UnknownJob, all_jobs, job_named
from jobs.launcher.launch import main

CHECKOUT = Path(__file__).resolve().parents[4]
JOB = '''"""Feed the cat.

More about it.
"""
{loudly}
from typing import Annotated
import typer
from jobs.options.shared import job_app

SPARK = {spark}

class Refused(Exception):
    exit_code = 4

def main(
    name: str = "Tom",
    env: str = "local",
    overrides: Annotated[list[str] | None, typer.Option("--set")] = None,
) -> None:
    if name == "Dog":
        raise typer.Exit(3)
    print("fed", name)

app = job_app(main, doc=__doc__, example="./spark-submit.sh feed_cat --name Tom")
'''


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "feed_cat.py").write_text(JOB.format(loudly="", spark=False))
    loud = JOB.format(loudly='raise SystemExit("imported")', spark=True)
    (tmp_path / "wash_cat.py").write_text(loud.replace("Feed", "Wash"))
    (tmp_path / "bowls.py").write_text('"""Not a job."""\n')
    jobs.__path__.append(str(tmp_path))
    yield tmp_path
    jobs.__path__.remove(str(tmp_path))
    sys.modules.pop("jobs.feed_cat", None)


def test_lists_jobs_without_importing_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([], folder=folder) == 0
    output = capsys.readouterr().out
    assert "feed_cat" in output
    assert "Feed the cat." in output
    assert "Wash the cat." in output
    assert "bowls" not in output


def test_unknown_job_suggests_the_closest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fed_cat", "--env", "local"], folder=folder) == 2
    assert "did you mean feed_cat" in capsys.readouterr().err


def test_help_tells_options_and_example(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["feed_cat", "--help", "--set", "kafka.partitions=0"], folder=folder) == 0
    output = capsys.readouterr().out
    assert "Feed the cat." in output
    assert "./spark-submit.sh feed_cat --name Tom" in output


def test_wrong_settings_are_refused_before_the_job_is_imported(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["wash_cat", "--set=kafka.partitions=0"], folder=folder) == 2
    assert "kafka.partitions = 0" in capsys.readouterr().err


def test_unknown_scenario_lists_the_known(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["feed_cat", "--scenario", "chrn"], folder=folder) == 2
    assert "known: churn" in capsys.readouterr().err


def test_exit_code_of_the_job_comes_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["feed-cat"], folder=folder) == 0
    assert capsys.readouterr().out == "fed Tom\n"
    assert main(["feed_cat", "--name", "Dog"], folder=folder) == 3
    assert main(["feed_cat", "--nam", "Tom"], folder=folder) == 2


def test_catalogue_knows_which_jobs_need_spark(folder: Path) -> None:
    assert {job.name: job.uses_spark for job in all_jobs(folder)} == {
        "feed_cat": False,
        "wash_cat": True,
    }
    with pytest.raises(UnknownJob, match="known are feed_cat, wash_cat"):
        job_named("zzz", folder)


def test_a_file_that_is_no_job_says_what_it_lacks(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bowls"], folder=folder) == 2
    assert "bowls.py is no job: it lacks SPARK" in capsys.readouterr().err
    (folder / "lost_cat.py").write_text('"""Find the cat."""\n\nSPARK = False\n')
    with pytest.raises(TypeError, match=r"lost_cat\.py: app is None, expected a typer\.Typer"):
        main(["lost_cat"], folder=folder)


def test_every_job_of_the_project_has_a_sentence() -> None:
    assert [job.name for job in all_jobs() if not job.sentence.endswith(".")] == []


def test_the_script_lists_jobs_from_any_folder(tmp_path: Path) -> None:
    environ = {"EVERSCORE_PYTHON": sys.executable, "PATH": "/usr/bin:/bin"}
    script = [str(CHECKOUT / "spark-submit.sh")]
    process = subprocess.run(script, cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert "Usage: ./spark-submit.sh JOB" in process.stdout


def test_the_script_says_when_its_interpreter_is_missing(tmp_path: Path) -> None:
    environ = {"EVERSCORE_PYTHON": str(tmp_path / "python"), "PATH": "/usr/bin:/bin"}
    script = [str(CHECKOUT / "spark-submit.sh")]
    process = subprocess.run(script, env=environ, capture_output=True, text=True)
    assert process.returncode == 2
    assert "make setup" in process.stderr


LONG_JOB = '''"""Count the cats."""
import sys
from rich.console import Console
from reports.terminal import Terminal
from jobs.options.shared import job_app
from jobs.launcher.outcome import ending_with_exit_code

SPARK = False

def main(env: str = "local", on_stderr: bool = False, small: bool = False) -> None:
    console = Terminal(stderr=True)
    with ending_with_exit_code(console, verbose=False):
        for number in range(1 if small else 100_000):
            if on_stderr:
                console.print(f"cat {number}")
            else:
                print(f"cat {number}")

app = job_app(main, doc=__doc__, example="./spark-submit.sh count_cats")
'''
WITH_FOLDER = """
import sys, jobs
from pathlib import Path
from jobs.launcher.launch import main
folder = Path(sys.argv[1])
jobs.__path__.append(str(folder))
sys.exit(main(sys.argv[2:], folder=folder))
"""


@pytest.mark.parametrize("more", [[], ["--on-stderr"], ["--small"]])
def test_a_reader_that_goes_away_ends_a_job_without_a_word(tmp_path: Path, more: list[str]) -> None:
    """As in `list_scores | head`: 128 + SIGPIPE, as other commands end."""
    (tmp_path / "count_cats.py").write_text(LONG_JOB)
    other = subprocess.PIPE if more != ["--on-stderr"] else subprocess.DEVNULL
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", WITH_FOLDER, str(tmp_path), "count_cats", *more],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE if other == subprocess.PIPE else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    read = process.stdout if process.stdout is not None else process.stderr
    assert read is not None
    if more != ["--small"]:
        assert read.readline().startswith("cat 0")
    read.close()  # --small: before the job has written anything
    message = (
        process.stderr.read() if process.stderr is not None and read is not process.stderr else ""
    )
    assert process.wait(60) == 141
    assert message == ""


def test_an_error_with_escapes_in_an_argument_is_shown_escaped(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["feed_cat", "--scenario", "a\x9b31m\nerror: b"], folder=folder) == 2
    output = capsys.readouterr().err
    assert "\x9b" not in output
    assert "\nerror" not in output


def test_the_script_runs_through_a_link_from_a_checkout_with_any_name(tmp_path: Path) -> None:
    checkout = tmp_path / "my checkout, #1 %41 `x` $HOME (ü)"
    checkout.mkdir()
    shutil.copy(CHECKOUT / "spark-submit.sh", checkout)
    for name in ("jobs", "conf", "local", "reports"):
        shutil.copytree(CHECKOUT / name, checkout / name)
    link = tmp_path / "submit it"
    link.symlink_to(checkout / "spark-submit.sh")
    for locale in ({}, {"LC_ALL": "C"}):
        environ = {"EVERSCORE_PYTHON": sys.executable, "PATH": "/usr/bin:/bin", **locale}
        process = subprocess.run(
            [str(link)], cwd=tmp_path, env=environ, capture_output=True, text=True
        )
        assert process.returncode == 0, process.stderr
        assert "list_scores" in process.stdout


def test_a_checkout_with_a_colon_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a:b").mkdir()
    shutil.copy(CHECKOUT / "spark-submit.sh", tmp_path / "a:b")
    process = subprocess.run(
        [str(tmp_path / "a:b" / "spark-submit.sh")], capture_output=True, text=True
    )
    assert process.returncode == 2
    assert process.stderr.startswith("error: the checkout's path holds a colon")
