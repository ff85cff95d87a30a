"""Our own folders as one .zip, for executors on other machines."""

import hashlib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from jobs.launcher.checkout import CHECKOUT, PACKAGES, changed_files
from reports.files import replacing

_FIRST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # a fixed date: the same content, the same bytes
_SHOWN_FILES = 5


def packages_zip(cache: Path, *, log: Callable[[str], None], checkout: Path = CHECKOUT) -> Path:
    """The .zip of our packages' files as they are now, named by its content; made once.

    These are the files that the driver imports, so both sides of a job run the same code. What is
    not committed travels, too: a line of `log` names it, and records of the job say `-dirty`. A
    wheel would be ignored by executors.
    """
    if changed := [name for name in changed_files(checkout) if name.split("/")[0] in PACKAGES]:
        more = f" and {len(changed) - _SHOWN_FILES} more" if len(changed) > _SHOWN_FILES else ""
        log(f"executors get uncommitted changes: {', '.join(changed[:_SHOWN_FILES])}{more}")
    contents = {name: (checkout / name).read_bytes() for name in sorted(_files(checkout))}
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    target = cache / f"everscore-{digest.hexdigest()[:16]}.zip"
    if not target.exists():
        with replacing(target) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in contents.items():
                archive.writestr(zipfile.ZipInfo(name, date_time=_FIRST_ZIP_DATE), content)
    return target


def _files(checkout: Path) -> Iterator[str]:
    """Whatever Python could import or read there; no caches, no editor's files."""
    for package in PACKAGES:
        for path in (checkout / package).rglob("*"):
            inside = path.relative_to(checkout)
            hidden = any(part.startswith(".") or part == "__pycache__" for part in inside.parts)
            if path.is_file() and not hidden and not path.name.endswith((".pyc", "~")):
                yield inside.as_posix()
