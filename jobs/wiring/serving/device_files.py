"""Fetches onnxruntime-web from npm for the device page: `make device-files`.

Only three of its files are unpacked, into the cache folder, and only when they are the published
ones. npm is needed for this alone.
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from local.cache import cache_dir, publish, temporary_sibling
from serving.device.web_files import (
    COMMAND,
    FOLDER,
    PACKAGE,
    SHA256,
    VERSION,
    WebFiles,
    WebFilesMissing,
    check_content,
)

_NPM_SECONDS = 300.0


def files_folder() -> Path:
    """Where the files are, or will be."""
    return cache_dir() / FOLDER


def fetch(folder: Path) -> None:
    """Put the files into `folder`, all or none; raises `WebFilesMissing`."""
    npm = shutil.which("npm")
    if npm is None:
        raise WebFilesMissing(f"npm is not installed: install it, then run {COMMAND} again")
    with tempfile.TemporaryDirectory() as scratch:
        archive = _packed(npm, Path(scratch))
        folder.parent.mkdir(parents=True, exist_ok=True)
        unpacked = temporary_sibling(folder)
        try:
            for name, content in _contents(archive).items():
                (unpacked / name).write_bytes(content)
            publish(unpacked, folder)
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)


def _packed(npm: str, scratch: Path) -> Path:
    command = [npm, "pack", "--silent", f"{PACKAGE}@{VERSION}"]
    try:
        done = subprocess.run(
            command, cwd=scratch, capture_output=True, text=True, timeout=_NPM_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise WebFilesMissing(f"npm has not brought {PACKAGE} in {_NPM_SECONDS:.0f} s") from None
    archives = sorted(scratch.glob("*.tgz"))
    if done.returncode != 0 or not archives:
        last_lines = done.stderr.strip().splitlines()[-3:]
        raise WebFilesMissing(f"npm cannot bring {PACKAGE} {VERSION}: {' '.join(last_lines)}")
    return archives[0]


def _contents(archive: Path) -> dict[str, bytes]:
    contents = {}
    with tarfile.open(archive) as packed:
        for name in SHA256:
            try:
                member = packed.extractfile(f"package/dist/{name}")
            except KeyError:
                member = None
            if member is None:
                raise WebFilesMissing(f"{PACKAGE} {VERSION} of npm has no {name}")
            contents[name] = member.read()
            check_content(name, contents[name])
    return contents


def main() -> int:
    """Fetch what is missing and say where it is; returns the exit code."""
    folder = files_folder()
    try:
        if WebFiles(folder).problem() is not None:
            print(f"fetching {PACKAGE} {VERSION} with npm (33 MB)", flush=True)
            fetch(folder)
    except WebFilesMissing as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{PACKAGE} {VERSION} is in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
