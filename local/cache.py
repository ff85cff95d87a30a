"""Where resolved jars are stored, and whether an entry of that cache is complete."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from reports.folders import folder_named, home_folder

LISTING = "listing.txt"


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The cache folder: `EVERSCORE_CACHE_DIR`, else `XDG_CACHE_HOME`/everscore, else ~/.cache."""
    if folder := environ.get("EVERSCORE_CACHE_DIR"):
        return folder_named(folder, environ)
    if cache_home := environ.get("XDG_CACHE_HOME"):
        return folder_named(cache_home, environ) / "everscore"
    return home_folder(environ) / ".cache" / "everscore"


def entry_name(name: str, content: bytes) -> str:
    """`<name>-<first 16 hex digits of the content's sha256>`: new content, new entry."""
    return f"{name}-{hashlib.sha256(content).hexdigest()[:16]}"


def write_listing(folder: Path) -> None:
    """Record name and size in bytes of each file, so that a later loss is noticed."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != LISTING)
    lines = [f"{path.stat().st_size} {path.name}" for path in files]
    (folder / LISTING).write_text("\n".join(lines) + "\n", encoding="utf-8")


def damage(folder: Path) -> str | None:
    """Why the entry cannot be used, in words; None when it is complete."""
    listing = folder / LISTING
    if not listing.is_file():
        return f"{LISTING} is missing"
    expected = [line.partition(" ") for line in listing.read_text(encoding="utf-8").splitlines()]
    if not expected:
        return f"{LISTING} is empty"
    for size_bytes, _, name in expected:
        path = folder / name
        if not path.is_file():
            return f"{name or 'a file name'} is missing"
        if str(path.stat().st_size) != size_bytes:
            return f"{name} has {path.stat().st_size} bytes instead of {size_bytes}"
    return None


def temporary_sibling(entry: Path) -> Path:
    """A new empty folder beside `entry`, to be renamed to it when it is complete."""
    folder = entry.parent / f".{entry.name}.{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    return folder


def publish(folder: Path, entry: Path) -> None:
    """Rename the complete `folder` to `entry`; a damaged entry in its place is replaced."""
    write_listing(folder)
    # Nothing here is anybody's data, and several users may share a cache; a job's own umask is 077.
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    if entry.exists():
        aside = entry.parent / f".{entry.name}.damaged-{uuid.uuid4().hex[:8]}"
        entry.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
    folder.rename(entry)
