"""A file is whole or not there, on a full disk and with many writers."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reports.files import replacing, write_bytes, write_text


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def fail_after(part: Path) -> None:
    part.write_text("half")
    raise KeyError


def test_a_block_that_raises_leaves_the_old_file(tmp_path: Path) -> None:
    path = write_text(tmp_path / "new" / "page.html", "old")
    with pytest.raises(KeyError), replacing(path) as part:
        fail_after(part)
    assert path.read_text() == "old"
    assert names(path.parent) == ["page.html"]


def test_writers_at_the_same_time_all_succeed(tmp_path: Path) -> None:
    path, contents = tmp_path / "page", [bytes([number]) * 200_000 for number in range(8)]
    writers = [threading.Thread(target=write_bytes, args=(path, content)) for content in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert path.read_bytes() in contents
    assert names(tmp_path) == ["page"]


def test_long_names_and_other_scripts_are_fine(tmp_path: Path) -> None:
    for name in ("x" * 250, "ü #1 %41 `a` $B"):
        assert write_text(tmp_path / name, "x").read_text() == "x"


FULL = """
import resource, signal, sys
from pathlib import Path
from reports.files import write_bytes
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_bytes(Path(sys.argv[1]), bytes(1_000_000))
except OSError as error:
    print(error.filename)
"""


def test_a_disk_that_takes_no_more_leaves_no_part_and_names_the_file(tmp_path: Path) -> None:
    """The system's limit of a file's size fails in the middle of a write, as a full disk does."""
    path = write_text(tmp_path / "page", "old")
    process = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == str(path)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["page"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="file"):
        write_text(tmp_path / "file" / "page", "x")
