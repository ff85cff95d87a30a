"""Whether Spark's JVM, a child of the job, still runs."""

import socket
import subprocess
import time

from pyspark.sql import SparkSession

_OUT_OF_MEMORY = 52  # of Spark's own exit codes
# Between the error that a dying JVM causes here and the end of its process.
_ENDING_SECONDS = 2.0


class SparkGone(RuntimeError):
    """Spark's JVM has ended; only a new process can start another."""

    exit_code = 1


def check_jvm(spark: SparkSession, *, is_ending: bool = False) -> None:
    """Raise `SparkGone`, with what helps, when the JVM of `spark` has ended.

    is_ending   an error suggests that it is just ending: wait a moment for its process
    """
    # Without the process there is nobody to ask: py4j's own errors differ by what it was doing.
    gateway = spark.sparkContext._gateway
    process = getattr(gateway, "proc", None)
    if process is None:
        if is_ending and gateway is not None and _is_away(gateway.gateway_parameters.port):
            raise SparkGone("the Java that this job shared has ended: start the job again")
        return
    try:
        code = process.wait(_ENDING_SECONDS if is_ending else 0)
    except subprocess.TimeoutExpired:
        return
    if code == _OUT_OF_MEMORY:
        memory = _driver_memory(process)
        raise SparkGone(
            f"Spark's JVM had too little memory ({memory}): give it more, as by "
            "`--set spark.driver_memory=4g`, and start the job again"
        )
    raise SparkGone(f"Spark's JVM ended by itself (code {code}): start the job again")


def _is_away(port: int) -> bool:
    """Whether nothing listens at `port` a moment after an error."""
    time.sleep(_ENDING_SECONDS)
    try:
        socket.create_connection(("127.0.0.1", port), _ENDING_SECONDS).close()
    except OSError:
        return True
    return False


def _driver_memory(process: "subprocess.Popen[bytes]") -> str:
    """The memory it was started with; Spark's own settings are in the JVM that is gone."""
    prefix = "spark.driver.memory="
    arguments = process.args if isinstance(process.args, list) else []
    sizes = [argument.removeprefix(prefix) for argument in arguments if argument.startswith(prefix)]
    return sizes[-1] if sizes else "Spark's default"
