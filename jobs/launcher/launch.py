"""Find the job, check the settings before anything heavy is imported, then run it here.

The job runs in this process and Spark's JVM is its child, so signals and exit codes are the job's
own (docs/decisions/ says what was measured).
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import typer

from conf.settings import load_settings
from jobs.launcher.catalogue import FOLDER, Job, all_jobs, job_named
from jobs.launcher.environment import kernel_cache, worker_environment
from jobs.launcher.outcome import OUTPUT_CLOSED, exit_code_of, is_output_closed, silence_output
from reports.terminal import one_line

PROGRAM = "./spark-submit.sh"


def main(arguments: Sequence[str], *, folder: Path = FOLDER) -> int:
    """Run `JOB ARGUMENTS...`; without arguments, list the jobs. Returns the exit code."""
    try:
        code = _main(arguments, folder)
        sys.stdout.flush()
    except BrokenPipeError:
        if not is_output_closed():
            raise
        silence_output()
        return OUTPUT_CLOSED
    return code


def _main(arguments: Sequence[str], folder: Path) -> int:
    if not arguments or arguments[0] in ("--help", "-h", "help"):
        _list_jobs(folder)
        return 0
    try:
        job = job_named(arguments[0], folder)
        job_arguments = list(arguments[1:])
        os.environ.update(kernel_cache(os.environ))
        if "--help" not in job_arguments:
            _check_settings(job_arguments)
            if job.uses_spark:
                os.environ.update(worker_environment(os.environ))
    except Exception as error:
        code = exit_code_of(error)
        if code is None:
            raise
        print(f"error: {one_line(str(error))}", file=sys.stderr)
        return code
    return _run(job, job_arguments)


def _run(job: Job, arguments: list[str]) -> int:
    app = getattr(import_module(f"jobs.{job.name}"), "app", None)
    if not isinstance(app, typer.Typer):
        raise TypeError(f"jobs/{job.name}.py: app is {app!r}, expected a typer.Typer of job_app")
    try:
        app(arguments, prog_name=f"{PROGRAM} {job.name}")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _check_settings(arguments: Sequence[str]) -> None:
    """Read only what names the settings; the job itself checks its arguments."""
    env = (_values(arguments, "--env") or ["local"])[-1]
    settings = load_settings(env, overrides=_values(arguments, "--set"))
    for scenario in _values(arguments, "--scenario"):
        if scenario not in settings.scenarios:
            names = ", ".join(sorted(settings.scenarios))
            raise typer.BadParameter(f"there is no scenario {scenario!r} in {env}; known: {names}")


def _values(arguments: Sequence[str], option: str) -> list[str]:
    """Every value of `--option value` and `--option=value`."""
    values = []
    for position, argument in enumerate(arguments):
        if argument == option and position + 1 < len(arguments):
            values.append(arguments[position + 1])
        elif argument.startswith(f"{option}="):
            values.append(argument.partition("=")[2])
    return values


def _list_jobs(folder: Path) -> None:
    jobs = all_jobs(folder)
    width = max((len(job.name) for job in jobs), default=0)
    print(f"Usage: {PROGRAM} JOB [OPTIONS]\n\nJobs (* = starts Spark):")
    for job in jobs:
        print(f"  {job.name:<{width}} {'*' if job.uses_spark else ' '} {job.sentence}")
    print(f"\n{PROGRAM} JOB --help shows a job's options, with an example.")
