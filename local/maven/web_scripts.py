"""The scripts of others that the pages load, read from their WebJars; nothing is unpacked."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from local.errors import JarsUnavailable
from local.maven.jars import jar_files

# Name below /static → start of the jar's name, end of the file's path inside it.
_FILES = {
    "htmx.js": ("htmx.org-", "/dist/htmx.min.js"),
    "htmx-sse.js": ("htmx-ext-sse-", "/sse.js"),
}


def web_scripts(*, console: Console | None = None) -> Mapping[str, bytes]:
    """Name → script. The jars are resolved at the first use, and their SHA-256 is checked.

    Raises JarsUnavailable, also when a jar lacks its script.
    """
    paths = jar_files("web", console=console)
    return {name: _script(paths, start, end) for name, (start, end) in _FILES.items()}


def _script(paths: list[Path], start: str, end: str) -> bytes:
    for path in paths:
        if path.name.startswith(start):
            with zipfile.ZipFile(path) as jar:
                for member in jar.namelist():
                    if member.startswith("META-INF/resources/webjars/") and member.endswith(end):
                        return jar.read(member)
    raise JarsUnavailable(f"no jar {start}*.jar with a file *{end}; see local/poms/web.xml")
