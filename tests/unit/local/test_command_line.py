"""What the platform's commands say when a folder cannot be used."""

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]


def command(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "local", *arguments],
        cwd=CHECKOUT,
        env={"PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["up", "down", "status", "logs"])
def test_a_user_that_does_not_exist_is_one_line(name: str) -> None:
    process = command(name, EVERSCORE_RUN_DIR="~nosuchuser/run")
    assert process.returncode == 2
    (line,) = process.stderr.splitlines()
    assert line.startswith("error: '~nosuchuser/run' begins with the home folder of a user")


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    process = command("down", EVERSCORE_RUN_DIR=str(tmp_path / "file" / "run"))
    assert process.returncode == 1
    (line,) = process.stderr.splitlines()
    assert line.startswith(f"error: {tmp_path / 'file'}")


@pytest.mark.parametrize("character", [":", ",", "\n"])
def test_a_run_folder_that_java_cannot_name_is_refused(tmp_path: Path, character: str) -> None:
    process = command("up", EVERSCORE_RUN_DIR=str(tmp_path / f"a{character}b"))
    assert process.returncode == 1
    assert "name another by EVERSCORE_RUN_DIR" in process.stderr
    assert "Traceback" not in process.stderr
    assert list(tmp_path.iterdir()) == []
