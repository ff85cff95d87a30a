"""The committed list of the jars that we run, with their SHA-256: no other byte of Java is started.

`make lock-jars` writes it again after a POM has changed.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from reports.files import write_text

LIST = Path(__file__).parents[1] / "jars.sha256"

Digests = Mapping[str, str]  # name of a jar → its SHA-256 in hex


def digests_in(folder: Path) -> Digests:
    """Of all jars in `folder`; reads every byte, a second per 200 MB."""
    return {jar.name: _sha256(jar) for jar in sorted(folder.glob("*.jar"))}


def listed(name: str, path: Path = LIST) -> Digests:
    """The jars of the POM `name`, as the list has them."""
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    folder = f"{name}/"
    return {jar.removeprefix(folder): digest for digest, jar in lines if jar.startswith(folder)}


def difference(actual: Digests, expected: Digests) -> str | None:
    """The first jar that is another one, missing or not listed, in words; None when all agree."""
    for jar in sorted(actual.keys() | expected.keys()):
        if jar not in actual:
            return f"{jar} is missing"
        if jar not in expected:
            return f"{jar} is not in the list of jars"
        if actual[jar] != expected[jar]:
            return f"{jar} has SHA-256 {actual[jar]} instead of {expected[jar]}"
    return None


def write_list(folders: Mapping[str, Path], path: Path = LIST) -> int:
    """Write the list of all jars in `folders` (POM → folder); returns how many there are."""
    lines = [
        f"{digest}  {name}/{jar}\n"
        for name in sorted(folders)
        for jar, digest in digests_in(folders[name]).items()
    ]
    write_text(path, "".join(lines))
    return len(lines)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
