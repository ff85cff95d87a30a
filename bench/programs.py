"""Programs that are measured, each started in a process of its own and ready."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from jobs.launcher.checkout import CHECKOUT
from jobs.launcher.child_jobs import ChildJob
from jobs.options.shared import set_options
from proofs.stage import Stage

_START_SECONDS = 180.0


def started_stream(
    stage: Stage, namespace: str, *, overrides: Sequence[str] = (), log_name: str = ""
) -> ChildJob:
    """`score_stream` as an operator starts it, once it scores; checkpoints per namespace.

    `overrides` are further settings to try. Started again in the same namespace, it goes on.
    """
    checkpoints = stage.run_dir / "checkpoints" / namespace
    settings = [f"hbase.namespace={namespace}", f"stream.checkpoint_root={checkpoints}"]
    options = set_options((*settings, *overrides))
    job = stage.start("score_stream", *options, log_name=log_name or namespace)
    return _ready(job, "scoring ")


def started_program(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    ready: str,
    environ: Mapping[str, str] | None = None,
) -> ChildJob:
    """A program in a process group of its own, once it has printed `ready`; its output in `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    # As Spark's workers have it: one thread per model call.
    variables = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(CHECKOUT)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            cwd=CHECKOUT,
            env={**os.environ, **variables, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return _ready(ChildJob(name, process, log), ready)


def _ready(job: ChildJob, text: str) -> ChildJob:
    try:
        job.wait_for(text, timeout_seconds=_START_SECONDS)
    except BaseException:
        job.stop()
        raise
    return job
