"""Our own folders as one .zip, for executors on other machines."""

import hashlib
import subprocess
import zipfile
from collections.abc import Iterable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGES = (
    "batch",
    "conf",
    "features",
    "jobs",
    "local",
    "models",
    "monitoring",
    "reports",
    "scenarios",
    "stores",
    "streaming",
)
_FIRST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # a fixed date: the same content, the same bytes


def packages_zip(cache: Path, *, checkout: Path = CHECKOUT) -> Path:
    """The .zip of the committed files of our packages, named by its content; made once.

    Outside a git checkout all files of the folders are taken. A wheel would be ignored by
    executors, and uncommitted files do not belong to what was tested.
    """
    files = sorted(_committed(checkout) or _present(checkout))
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file}\0".encode() + (checkout / file).read_bytes())
    target = cache / f"everscore-{digest.hexdigest()[:16]}.zip"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                entry = zipfile.ZipInfo(file, date_time=_FIRST_ZIP_DATE)
                archive.writestr(entry, (checkout / file).read_bytes())
        part.replace(target)
    return target


def _committed(checkout: Path) -> list[str]:
    command = ["git", "-C", str(checkout), "ls-files", "-z", "--", *PACKAGES]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return [name for name in listed.split("\0") if name and (checkout / name).is_file()]


def _present(checkout: Path) -> Iterable[str]:
    for package in PACKAGES:
        for path in (checkout / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(checkout).as_posix()
