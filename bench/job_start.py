"""How long a small job takes with Java's archive of Spark's classes, beside without it.

And beside one in a Java that it shares with jobs before it.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from typer import Option

from bench.machine import tell_machine
from conf.settings import load_settings
from jobs.launcher.checkout import CHECKOUT
from jobs.launcher.outcome import ending_with_exit_code
from jobs.spark.class_archive import class_archive
from jobs.spark.session import spark_session
from jobs.spark.shared_jvm import shared_jvm
from reports.terminal import Terminal

_ROWS = 1_000


def main(
    rounds: Annotated[int, Option(min=1, help="Alternations.")] = 5,
    work: Annotated[str | None, Option(help="Be the small job: true or false.")] = None,
    folder: Annotated[Path | None, Option(help="Where the small job works.")] = None,
) -> None:
    """Measure both in turns; the last line holds the ratio."""
    console = Terminal(stderr=True)
    with ending_with_exit_code(console, verbose=False):
        if work is not None and folder is not None:
            _small_job(f"spark.class_archive={work}", folder)
            return
        tell_machine(console)
        if class_archive(is_made=True, console=console) is None:
            raise typer.Exit(5)
        _seconds("true")  # the disk's cache
        archive_ratios, shared_ratios = [], []
        log = Path(tempfile.gettempdir()) / f"everscore-bench-{os.getpid()}.log"
        with shared_jvm(load_settings("local"), log=log) as shared:
            _seconds("true", shared)
            for number in range(1, rounds + 1):
                without, with_archive = _seconds("false"), _seconds("true")
                in_shared = _seconds("true", shared)
                archive_ratios.append(without / with_archive)
                shared_ratios.append(with_archive / in_shared)
                console.print(
                    f"round {number}: {without:.1f} s without, {with_archive:.1f} s with it, "
                    f"{in_shared:.1f} s in a Java that is shared"
                )
        log.unlink()
    print(f"a small job without the archive takes {_text(archive_ratios)} times as long")
    print(
        f"one with a Java of its own takes {_text(shared_ratios)} times as long as in a shared one"
    )


def _text(ratios: Sequence[float]) -> str:
    return f"{float(np.median(ratios)):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _small_job(override: str, folder: Path) -> None:
    """Write a Delta table, aggregate it, read the result."""
    settings = load_settings("local", overrides=[override, f"platform.run_dir={folder / 'run'}"])
    with spark_session(settings, app_name="small job", with_delta=True) as spark:
        table = str(folder / "table")
        spark.range(_ROWS).selectExpr("id", "id % 7 as key").write.format("delta").save(table)
        counts = spark.read.format("delta").load(table).groupBy("key").count().collect()
    assert sum(row["count"] for row in counts) == _ROWS


def _seconds(work: str, environ: Mapping[str, str] | None = None) -> float:
    with tempfile.TemporaryDirectory(prefix="everscore-bench-") as folder:
        command = [sys.executable, "-m", "bench.job_start", "--work", work, "--folder", folder]
        started = time.perf_counter()
        environ = {**os.environ, **(environ or {})}
        subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, env=environ)
        return time.perf_counter() - started


if __name__ == "__main__":
    typer.run(main)
