"""The jars of Kafka, HBase and Spark: resolved once with Maven, then read from a cache."""

import shutil
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console

from local.cache import cache_dir, damage, entry_name, publish, temporary_sibling
from local.errors import JarsUnavailable
from local.lock import file_lock
from local.maven import copy_jars
from reports.terminal import Terminal

POMS = Path(__file__).parent / "poms"
# A first download of 115 MB over a slow line; whoever waits for it should not give up sooner.
_WAIT_SECONDS = 1800.0


def jars(name: str, *, console: Console | None = None) -> Path:
    """The folder with the jars of the POM `name` ("kafka", "hbase" or "spark").

    Resolved on first use and whenever the cached entry is damaged. Two callers at the same
    time end well: one resolves, the other waits and finds the result. Raises JarsUnavailable.
    """
    pom = POMS / f"{name}.xml"
    if not pom.is_file():
        known = sorted(path.stem for path in POMS.glob("*.xml"))
        raise JarsUnavailable(f"no POM named {name!r}; known are {known}")
    entry = cache_dir() / "jars" / entry_name(name, pom.read_bytes())
    if damage(entry) is None:
        return entry
    console = console or Terminal(stderr=True)

    def tell() -> None:
        console.print(f"{name}: another process resolves the same jars; waiting for it")

    lock = entry.parent / f".{entry.name}.lock"
    with file_lock(lock, timeout_seconds=_WAIT_SECONDS, on_wait=tell):
        if damage(entry) is not None:
            _resolve(pom, entry, console=console)
    return entry


def jar_files(name: str, *, console: Console | None = None) -> list[Path]:
    """The jars of the POM `name`, sorted; for Spark's `spark.jars` setting, for example."""
    return sorted(jars(name, console=console).glob("*.jar"))


def _resolve(pom: Path, entry: Path, *, console: Console) -> None:
    if entry.exists():
        console.print(f"{pom.stem}: the cached jars are damaged ({damage(entry)}); resolving anew")
    folder = temporary_sibling(entry)
    try:
        copy_jars(pom, folder, console=console)
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
