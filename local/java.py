"""The command lines of our Java processes."""

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.errors import JarsUnavailable

# G1 with a pause goal: the default collector on a machine this small may be the serial one,
# whose pauses grow with the heap and land in the latency of every event behind them.
# PerfDisableSharedMem: otherwise a slow disk under /tmp can hold up a collection.
_LOW_PAUSES = ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:+PerfDisableSharedMem")
# Further options of the servers, such as -XX:TieredStopAtLevel=1 for a platform of a few minutes.
OPTIONS_VARIABLE = "EVERSCORE_SERVER_JAVA_OPTIONS"
_QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")


def environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`environ` for a Java process, which reads names of files in the locale's encoding.

    In the C locale Python reads them as UTF-8 and Java as ASCII: a folder "Käufer" would be there
    for one and not for the other.
    """
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or "C"
    return {**environ, "LC_ALL": "C.UTF-8"} if locale in ("C", "POSIX") else dict(environ)


def unusable(path: Path) -> str | None:
    """The character that no class path, list of folders or file of settings can hold, if any."""
    return next((character for character in ":,\n\r" if character in str(path)), None)


def program(name: str = "java", environ: Mapping[str, str] = os.environ) -> str:
    """The path of `java` or `javac`: from JAVA_HOME when it is set, else from the PATH."""
    if home := environ.get("JAVA_HOME"):
        path_in_home = Path(home) / "bin" / name
        if path_in_home.is_file():
            return str(path_in_home)
    path = shutil.which(name)
    if path is None:
        raise JarsUnavailable(
            f"`{name}` is neither in JAVA_HOME ({environ.get('JAVA_HOME', 'not set')}) nor on "
            "the PATH: install a Java 17 development kit and retry"
        )
    return path


def server(
    main: str,
    *arguments: str,
    classpath: Sequence[str],
    heap_mb: int,
    options: Sequence[str] = (),
    crash_folder: Path,
    ends_without_memory: bool = True,
    environ: Mapping[str, str] = os.environ,
) -> list[str]:
    """A long-lived process: a fixed heap, short pauses, and an end when memory runs out.

    ends_without_memory: false for a server that gives up the one request that needs too much
    environ: `OPTIONS_VARIABLE` in it adds options
    """
    return [
        program(),
        f"-Xms{heap_mb}m",
        f"-Xmx{heap_mb}m",
        *_LOW_PAUSES,
        *(["-XX:+ExitOnOutOfMemoryError"] if ends_without_memory else []),
        f"-XX:ErrorFile={str(crash_folder).replace('%', '%%')}/hs_err_%p.log",
        "-Djava.net.preferIPv4Stack=true",
        *options,
        *shlex.split(environ.get(OPTIONS_VARIABLE, "")),
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
