"""The jars of Kafka, HBase and Spark: resolved once with Maven, then read from a cache.

Their SHA-256 is compared with the committed list when they come and at every use.
"""

import shutil
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console

from local.cache import cache_dir, damage, entry_name, publish, temporary_sibling
from local.errors import JarsUnavailable
from local.java import unusable
from local.lock import file_lock
from local.maven.jar_list import LIST, Digests, difference, digests_in, listed
from local.maven.maven import copy_jars
from reports.terminal import Terminal

POMS = Path(__file__).parents[1] / "poms"
# A first download of 115 MB over a slow line; whoever waits for it should not give up sooner.
_WAIT_SECONDS = 1800.0


def jars(name: str, *, console: Console | None = None, jar_list: Path = LIST) -> Path:
    """The folder with the jars of the POM `name` ("kafka", "hbase", "spark" or "web").

    Resolved on first use and whenever the cached entry is damaged. Safe for two callers at
    the same time: one resolves, the other waits and finds the result. Raises JarsUnavailable, also
    when a jar does not have the SHA-256 of `jar_list`.
    """
    expected = listed(name, jar_list)
    entry = _resolved(name, expected, console)
    if different := difference(digests_in(entry), expected):
        raise JarsUnavailable(
            f"a jar of {name} in {entry} is not the one that this code was tested with: "
            f"{different}. Somebody changed it, or the disk did. Fetch it again: make jars "
            "JARS_ARGS=--again"
        )
    return entry


def fetch_again(name: str, *, console: Console, is_listed: bool = True) -> Path:
    """Resolve the jars of the POM `name` once more, whatever the cache holds.

    is_listed: false while the list itself is written
    """
    pom = POMS / f"{name}.xml"
    entry = _entry(pom)
    with file_lock(_lock_of(entry), timeout_seconds=_WAIT_SECONDS):
        _resolve(pom, entry, console=console, expected=listed(name) if is_listed else None)
    return entry


def _resolved(name: str, expected: Digests, console: Console | None) -> Path:
    pom = POMS / f"{name}.xml"
    if not pom.is_file():
        names = sorted(path.stem for path in POMS.glob("*.xml"))
        raise JarsUnavailable(f"no POM named {name!r}; known are {names}")
    entry = _entry(pom)
    if damage(entry) is None:
        return entry
    console = console or Terminal(stderr=True)
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JarsUnavailable(
            f"the cache folder {entry.parent} cannot be made ({error.strerror}): name another by "
            "EVERSCORE_CACHE_DIR"
        ) from error

    def report_wait() -> None:
        console.print(f"{name}: another process resolves the same jars; waiting for it")

    with file_lock(_lock_of(entry), timeout_seconds=_WAIT_SECONDS, on_wait=report_wait):
        if (reason := damage(entry)) is not None:
            if entry.exists():
                console.print(f"{name}: the cached jars are damaged ({reason}); resolving again")
            _resolve(pom, entry, console=console, expected=expected)
    return entry


def _entry(pom: Path) -> Path:
    folder = cache_dir()
    if character := unusable(folder):
        raise JarsUnavailable(
            f"the cache folder {str(folder)!r} holds {character!r}, which ends a path for Java: "
            "name another by EVERSCORE_CACHE_DIR"
        )
    return folder / "jars" / entry_name(pom.stem, pom.read_bytes())


def _lock_of(entry: Path) -> Path:
    return entry.parent / f".{entry.name}.lock"


def jar_files(name: str, *, console: Console | None = None) -> list[Path]:
    """The jars of the POM `name`, sorted; for Spark's `spark.jars` setting, for example."""
    return sorted(jars(name, console=console).glob("*.jar"))


def _resolve(pom: Path, entry: Path, *, console: Console, expected: Digests | None) -> None:
    folder = temporary_sibling(entry)
    try:
        copy_jars(pom, folder, console=console)
        if expected is not None and (different := difference(digests_in(folder), expected)):
            raise JarsUnavailable(
                f"Maven gave other jars of {pom.stem} than this code was tested with: {different}. "
                "After a change of the POM: make lock-jars. Otherwise remove Maven's copy of it "
                "(it lies below ~/.m2/repository unless Maven's settings say otherwise) and retry"
            )
        publish(folder, entry)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def versions() -> dict[str, str]:
    """The versions of Kafka and HBase, as the POMs name them."""
    return {
        "kafka": _version("kafka", artifact="kafka_2.13"),
        "hbase": _version("hbase", artifact="hbase-server"),
    }


def _version(name: str, *, artifact: str) -> str:
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    tree = ElementTree.parse(POMS / f"{name}.xml")
    for dependency in tree.iterfind(".//m:dependency", space):
        if dependency.findtext("m:artifactId", None, space) == artifact:
            return dependency.findtext("m:version", "unknown", space)
    return "unknown"
