"""Run Maven to copy the jars of one POM into a folder, showing how far it is."""

import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

from rich.console import Console
from rich.status import Status

from local.errors import JarsUnavailable
from local.java import environment, program
from reports.terminal import plain

_DOWNLOADED = re.compile(r"Downloaded from .*\.jar \(([\d.,]+) (B|kB|MB|GB)")
_MEGABYTES = {"B": 1e-6, "kB": 1e-3, "MB": 1.0, "GB": 1e3}
_LAST_LINES = 15


def copy_jars(pom: Path, folder: Path, *, console: Console) -> None:
    """Resolve `pom` and copy its jars into `folder`; raises JarsUnavailable with Maven's errors."""
    command = maven_command(pom, folder)
    log = folder / "maven.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(),
        )
        try:
            _watch(process, log=log, folder=folder, name=pom.stem, console=console)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode != 0 or not any(folder.glob("*.jar")):
        raise JarsUnavailable(failure(pom, process.returncode, log.read_text(errors="replace")))
    log.unlink()


def maven_command(pom: Path, folder: Path) -> list[str]:
    """The command line; raises JarsUnavailable when Maven or Java is not installed."""
    program("java")
    if shutil.which("mvn") is None:
        raise JarsUnavailable("`mvn` is not on the PATH: install Apache Maven 3.8 and retry")
    goal = "dependency:copy-dependencies"
    return ["mvn", "-B", "-f", str(pom), goal, f"-DoutputDirectory={folder}"]


def failure(pom: Path, code: int, log: str) -> str:
    """Maven's last lines and the command that repeats its attempt."""
    errors = [line for line in log.splitlines() if line.startswith("[ERROR]")] or log.splitlines()
    retry = f"mvn -B -f {shlex.quote(str(pom))} dependency:copy-dependencies -DoutputDirectory=/tmp"
    return "\n".join(
        [
            f"Maven ended with code {code} while resolving the jars of {pom.stem}:",
            *(f"  {line}" for line in errors[-_LAST_LINES:]),
            "Check the network and Maven's settings, then retry; to see all of its output:",
            f"  {retry}/jars-{pom.stem}",
        ]
    )


def progress(log: str, folder: Path) -> tuple[int, float]:
    """Jars so far and their MB: first they are downloaded, then copied into the folder."""
    downloads = _DOWNLOADED.findall(log)
    downloaded_mb = sum(float(size.replace(",", "")) * _MEGABYTES[unit] for size, unit in downloads)
    copied = [path.stat().st_size for path in folder.glob("*.jar")]
    return max(len(downloads), len(copied)), max(downloaded_mb, sum(copied) / 1e6)


def _watch(
    process: "subprocess.Popen[bytes]", *, log: Path, folder: Path, name: str, console: Console
) -> None:
    started = time.monotonic()
    with console.status(f"{name}: asking Maven for jars") as status:
        while process.poll() is None:
            _show(status, name, progress(log.read_text(errors="replace"), folder), started)
            time.sleep(0.2)
    if process.returncode == 0:
        jars, megabytes = progress("", folder)
        elapsed = time.monotonic() - started
        console.print(f"{name}: {jars} jars, {megabytes:.0f} MB in {elapsed:.0f} s")


def _show(status: Status, name: str, so_far: tuple[int, float], started: float) -> None:
    jars, megabytes = so_far
    elapsed = time.monotonic() - started
    status.update(plain(f"{name}: {jars} jars, {megabytes:.0f} MB so far, {elapsed:.0f} s"))
