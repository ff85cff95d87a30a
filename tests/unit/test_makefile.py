"""What a person types after make reaches the job as it was typed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
# Stands for the interpreter of .venv: prints its arguments, one a line.
ECHO = '#!/bin/sh\nprintf "%s\\n" "$@"\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with a space, our Makefile, and an interpreter that prints its arguments."""
    folder = tmp_path / "a checkout `x`"
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name in ("Makefile", "requirements-dev.txt"):
        shutil.copy(CHECKOUT / name, folder / name)
    python = folder / ".venv" / "bin" / "python"
    python.write_text(ECHO)
    python.chmod(0o755)
    listed = make(folder, "--eval", "where: ; @echo $(STAMP)", "where").strip()
    (folder / listed).touch()
    return folder


def make(folder: Path, *arguments: str, code: int = 0) -> str:
    """What `make ARGUMENTS` prints in `folder`."""
    environ = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    process = subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == code, process.stderr
    return process.stdout + process.stderr


@pytest.mark.parametrize(
    "entity",
    ["A$B", "$(shell touch made)", "a b", "`touch made`", "$$", "\"'", "-x", "#1", "a\\b", "=1+1"],
)
def test_an_id_is_what_was_typed(checkout: Path, entity: str) -> None:
    arguments = make(checkout, "score", f"ID={entity}").splitlines()
    assert arguments[-2:] == ["--", entity]
    assert arguments[:3] == ["-m", "jobs", "show_score"]
    assert not (checkout / "made").exists()


def test_an_environment_may_be_a_path_with_a_space(checkout: Path) -> None:
    arguments = make(
        checkout, "score", "ID=1", "ENV=my $HOME env.toml", "SCENARIO=fraud"
    ).splitlines()
    assert arguments[3:7] == ["--scenario", "fraud", "--env", "my $HOME env.toml"]


def test_defaults_hold(checkout: Path) -> None:
    assert make(checkout, "score", "ID=1").splitlines()[3:7] == [
        "--scenario",
        "churn",
        "--env",
        "local",
    ]


def test_a_missing_id_is_asked_for(checkout: Path) -> None:
    assert "such as: make score ID=7590-VHVEG" in make(checkout, "score", code=2)
