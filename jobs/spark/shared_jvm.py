"""A Java process that several jobs use, one after the other: Spark starts in it within a second.

A new Java loads and compiles Spark's classes first, which costs a short job more than its work.
Whoever runs a series of jobs starts one for all of them; each job remains a process of its own,
with its own Spark session and settings. See docs/decisions/2026-11-28-shared-jvm.md.
"""

import json
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conf.settings import Settings
from jobs.launcher.environment import worker_environment
from jobs.spark.job_properties import job_properties
from jobs.spark.properties import is_local
from local.errors import PlatformBusy
from local.lock import file_lock
from local.run_folder import private_files

VARIABLE = "EVERSCORE_SHARED_JVM"

# What a Java that already runs can no longer change; all else belongs to the session.
_FIXED = ("spark.driver.memory", "spark.driver.extraJavaOptions", "spark.jars")
_PORT, _SECRET = "PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET"  # pyspark's own variables
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class _Jvm:
    """Where the Java process listens, and what it was started with."""

    port: int
    secret: str
    fixed: Mapping[str, str]


@contextmanager
def shared_jvm(settings: Settings, *, log: Path) -> Iterator[Mapping[str, str]]:
    """Start one for the block; gives the environment variables for the jobs that may use it.

    A job with another memory, other Java options or other jars starts its own as usual, and so does
    one that begins while another job is in it. What Java itself prints goes to `log`. Without a
    Spark on this machine no variable is given. Raises `ServiceDown` when jars are missing.
    """
    if not is_local(settings) or settings.spark.jars != "resolved":
        yield {}
        return
    from pyspark import SparkConf
    from pyspark.java_gateway import launch_gateway

    fixed = _fixed(job_properties(settings))
    conf = SparkConf(loadDefaults=False)
    for name, value in fixed.items():
        conf.set(name, value)
    with ExitStack() as stack:
        stack.enter_context(private_files())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="everscore-jvm-")))
        log.parent.mkdir(parents=True, exist_ok=True)
        output = stack.enter_context(log.open("ab"))
        gateway = _started(launch_gateway, conf, output)
        stack.callback(_end, gateway)
        parameters = gateway.gateway_parameters
        jvm = _Jvm(parameters.port, parameters.auth_token, fixed)
        (folder / "jvm.json").write_text(json.dumps(asdict(jvm)))
        yield {VARIABLE: str(folder)}


@contextmanager
def joined_jvm(properties: Mapping[str, str]) -> Iterator[None]:
    """Let a Spark with `properties` that starts in the block use the shared Java, when it may.

    The block must stop the session.
    """
    with ExitStack() as stack:
        jvm = _free_jvm(properties, stack)
        if jvm is not None:
            os.environ.update({_PORT: str(jvm.port), _SECRET: jvm.secret})
        try:
            yield
        finally:
            if jvm is not None:
                del os.environ[_PORT], os.environ[_SECRET]


def _free_jvm(properties: Mapping[str, str], stack: ExitStack) -> _Jvm | None:
    """The shared Java, reserved until `stack` ends; None when there is none for `properties`."""
    place = os.environ.get(VARIABLE)
    if not place or not (file := Path(place) / "jvm.json").is_file():
        return None
    jvm = _Jvm(**json.loads(file.read_text()))
    if jvm.fixed != _fixed(properties):
        return None
    try:
        stack.enter_context(file_lock(Path(place) / "lock", timeout_seconds=0))
    except PlatformBusy:
        return None
    # A job that was killed has left its session in it: nobody else can start one there.
    mark = Path(place) / "in-use"
    if mark.exists():
        return None
    try:
        socket.create_connection(("127.0.0.1", jvm.port), _CONNECT_SECONDS).close()
    except OSError:
        return None
    mark.touch()
    stack.callback(mark.unlink)
    return jvm


def _fixed(properties: Mapping[str, str]) -> dict[str, str]:
    return {name: properties[name] for name in _FIXED if name in properties}


def _started(launch: Any, conf: Any, output: Any) -> Any:
    before = {name: os.environ.get(name) for name in worker_environment(os.environ)}
    os.environ.update(worker_environment(os.environ))
    try:
        return launch(conf, popen_kwargs={"stdout": output, "stderr": output})
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _end(gateway: Any) -> None:
    gateway.close()
    gateway.proc.stdin.close()  # Java ends with its input
    gateway.proc.wait(30)
