"""The environment variables that Spark's JVM and its Python workers inherit."""

import sys
from collections.abc import Mapping

from jobs.checkout import CHECKOUT
from local.java import environment as java_environment


def worker_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables to set before Spark starts; what the user set stays, but for the interpreter.

    PYSPARK_PIN_THREAD is off because a signal interrupts the main thread inside a call to the
    JVM: with pinned threads its next call, stop(), waits for that very call and hangs for ever.
    """
    inherited = [path for path in environ.get("PYTHONPATH", "").split(":") if path]
    paths = [str(CHECKOUT), *(path for path in inherited if path != str(CHECKOUT))]
    return {
        **java_environment(environ),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYSPARK_PIN_THREAD": "false",
        "PYTHONPATH": ":".join(paths),
    }
