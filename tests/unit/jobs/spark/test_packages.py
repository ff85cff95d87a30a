"""Executors get the code that the driver runs, and a log line names uncommitted changes."""

import os
import pwd
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from jobs.launcher.checkout import CheckoutUnreadable, changed_files, git
from jobs.spark.packages import packages_zip

FOLD = "features/fold/fold.py"


def run_git(tree: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", *identity, "-C", str(tree), *arguments], check=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout with one committed file and one that git ignores."""
    folder = tmp_path / "a tree, `x` #1"
    (folder / FOLD).parent.mkdir(parents=True)
    (folder / FOLD).write_text("committed = True\n")
    (folder / ".gitignore").write_text("__pycache__/\n")
    (folder / "features" / "__pycache__").mkdir()
    (folder / "features" / "__pycache__" / "fold.pyc").write_bytes(b"x")
    run_git(folder, "init", "-q")
    run_git(folder, "add", ".")
    run_git(folder, "commit", "-q", "-m", "one")
    return folder


def zip_of(tree: Path) -> tuple[Path, list[str]]:
    """The .zip and the lines that were logged."""
    lines: list[str] = []
    return packages_zip(tree.parent / "cache", log=lines.append, checkout=tree), lines


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_clean_checkout_travels_without_a_word(tree: Path) -> None:
    path, lines = zip_of(tree)
    assert contents(path) == {FOLD: b"committed = True\n"}
    assert lines == []
    assert changed_files(tree) == []
    assert zip_of(tree)[0] == path


def test_executors_get_what_the_driver_runs_and_a_line_names_what_is_not_committed(
    tree: Path,
) -> None:
    clean, _ = zip_of(tree)
    (tree / FOLD).write_text("committed = False\n")
    (tree / "features" / "draft ü.py").write_text("draft = True\n")
    path, lines = zip_of(tree)
    assert path != clean
    assert contents(path) == {
        FOLD: b"committed = False\n",
        "features/draft ü.py": b"draft = True\n",
    }
    assert lines == [f"executors get uncommitted changes: {FOLD}, features/draft ü.py"]
    assert changed_files(tree) == [FOLD, "features/draft ü.py"]


def test_a_new_file_outside_of_our_packages_changes_no_code(tree: Path) -> None:
    (tree / "notes.txt").write_text("x")
    assert changed_files(tree) == []
    (tree / FOLD).unlink()
    assert changed_files(tree) == [FOLD]


def test_a_folder_without_git_travels_whole(tree: Path) -> None:
    (tree / ".git").rename(tree.parent / "git")
    path, lines = zip_of(tree)
    assert list(contents(path)) == [FOLD]
    assert lines == []
    assert git("rev-parse", "HEAD", checkout=tree) is None


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give a folder away")
def test_a_checkout_of_another_user_is_read_all_the_same(tree: Path) -> None:
    """Plain git refuses it for its "dubious ownership", which looked like no git at all."""
    nobody = pwd.getpwnam("nobody").pw_uid
    for path in (tree, tree / ".git"):
        os.chown(path, nobody, -1)
    plain = subprocess.run(["git", "-C", str(tree), "status"], capture_output=True, text=True)
    assert "dubious ownership" in plain.stderr
    (tree / FOLD).write_text("committed = False\n")
    assert changed_files(tree) == [FOLD]


def test_a_repository_that_git_cannot_read_is_an_error(tree: Path) -> None:
    (tree / ".git" / "HEAD").write_text("nonsense")
    with pytest.raises(CheckoutUnreadable, match=r"git cannot read the checkout .*; to see more"):
        zip_of(tree)


def test_the_repository_of_a_hook_is_not_taken_for_the_checkout(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tree.parent / "elsewhere"))
    assert changed_files(tree) == []


MAKER = """
import sys
from pathlib import Path
from jobs.spark.packages import packages_zip
print(packages_zip(Path(sys.argv[2]), log=print, checkout=Path(sys.argv[1])))
"""


def test_jobs_that_start_at_once_make_one_whole_zip(tree: Path, tmp_path: Path) -> None:
    """One name of a part for all: the second writer took the first one's away."""
    (tree / "features" / "large.bin").write_bytes(os.urandom(3_000_000))
    command = [sys.executable, "-c", MAKER, str(tree), str(tmp_path / "cache")]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    ended = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0] * 4, ended
    (path,) = (tmp_path / "cache").iterdir()
    assert zipfile.ZipFile(path).testzip() is None
