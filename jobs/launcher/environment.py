"""The environment variables that Spark's JVM and its Python workers inherit."""

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from jobs.launcher.checkout import CHECKOUT
from local.cache import cache_dir
from local.java import environment as java_environment


def kernel_cache(environ: Mapping[str, str], *, folder: Path = CHECKOUT) -> dict[str, str]:
    """Where numba keeps compiled kernels when the checkout in `folder` cannot be written.

    Usually beside the sources, where they are found by every user of them. Without a folder that it
    can write, numba refuses to load a kernel at all.
    """
    if environ.get("NUMBA_CACHE_DIR") or os.access(folder / "features", os.W_OK):
        return {}
    cache = cache_dir(environ) / "kernels"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError:
        cache = Path(tempfile.gettempdir()) / f"everscore-kernels-{os.getuid()}"
    return {"NUMBA_CACHE_DIR": str(cache)}


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
