"""What the first use of a checkout would wait for, done now: jars, machine code, Java's classes.

The bridge of real-time mode is compiled as well.

Run by `make prepare`; whatever is done already is only looked at.
"""

import importlib
import subprocess
import sys
import time
from collections.abc import Sequence

from rich.console import Console

from jobs.launcher.checkout import CHECKOUT
from jobs.spark.bridge_jar import bridge_jar
from jobs.spark.class_archive import class_archive
from local.maven.jars import POMS, jars
from reports.terminal import Terminal

# Each list is compiled in a process of its own, and takes half of the time.
KERNELS = (
    ("features.events.fast.kernel",),
    (
        "features.fold.window_kernel",
        "features.fold.kernel",
        "features.events.partition_kernel",
        "models.fast.deep_tree_kernel",
        "models.fast.small_tree_kernel",
        "stores.hbase.put_kernel",
        "streaming.messages.text_kernel",
        "streaming.recent.kernel",
    ),
)


def prepare(console: Console) -> None:
    """Compile the kernels beside fetching the jars and archiving Spark's classes.

    Raises `JarsUnavailable`, or CalledProcessError when a kernel does not compile.
    """
    began = time.monotonic()
    compilers = [_compiler(modules) for modules in KERNELS]
    try:
        for pom in sorted(POMS.glob("*.xml")):
            jars(pom.stem, console=console)
        bridge_jar()
        class_archive(is_made=True, console=console)
        for compiler in compilers:
            if code := compiler.wait():
                raise subprocess.CalledProcessError(code, compiler.args)
    finally:
        for compiler in compilers:
            compiler.kill()
            compiler.wait()
    console.print(f"prepared in {time.monotonic() - began:.0f} s", highlight=False)


def _compiler(modules: Sequence[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "jobs.spark.preparation", *modules]
    return subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    if sys.argv[1:]:
        for module in sys.argv[1:]:
            importlib.import_module(module)
    else:
        prepare(Terminal(stderr=True))
