"""The command lines of our Java processes."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.errors import JarsUnavailable

# G1 with a pause goal: the default collector on a machine this small may be the serial one,
# whose pauses grow with the heap and land in the latency of every event behind them.
# PerfDisableSharedMem: otherwise a slow disk under /tmp can hold up a collection.
_LOW_PAUSES = ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:+PerfDisableSharedMem")
_QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")


def program(name: str = "java", environ: Mapping[str, str] = os.environ) -> str:
    """The path of `java` or `javac`: from JAVA_HOME when it is set, else from the PATH."""
    if home := environ.get("JAVA_HOME"):
        own = Path(home) / "bin" / name
        if own.is_file():
            return str(own)
    found = shutil.which(name)
    if found is None:
        raise JarsUnavailable(
            f"`{name}` is neither in JAVA_HOME ({environ.get('JAVA_HOME', 'not set')}) nor on "
            "the PATH: install a Java 17 development kit and retry"
        )
    return found


def server(
    main: str,
    *arguments: str,
    classpath: Sequence[str],
    heap_mb: int,
    options: Sequence[str] = (),
    crash_folder: Path,
    ends_without_memory: bool = True,
) -> list[str]:
    """A long-lived process: a fixed heap, short pauses, and an end when memory runs out.

    ends_without_memory: false for a server that gives up the one request that needs too much
    """
    return [
        program(),
        f"-Xms{heap_mb}m",
        f"-Xmx{heap_mb}m",
        *_LOW_PAUSES,
        *(["-XX:+ExitOnOutOfMemoryError"] if ends_without_memory else []),
        f"-XX:ErrorFile={crash_folder}/hs_err_%p.log",
        "-Djava.net.preferIPv4Stack=true",
        *options,
        "-cp",
        ":".join(classpath),
        main,
        *arguments,
    ]


def tool(
    main: str, *arguments: str, classpath: Sequence[str], options: Sequence[str] = ()
) -> list[str]:
    """A process of a few seconds: the quick compiler and collector, a small heap."""
    quick = [program(), "-Xmx256m", *_QUICK_START, "-Djava.net.preferIPv4Stack=true", *options]
    return [*quick, "-cp", ":".join(classpath), main, *arguments]
