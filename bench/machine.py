"""What a measurement ran on: cores, memory, load and versions, for a report that is read later."""

import os
import platform
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import psutil
from rich.console import Console

_BYTES_PER_GIB = 1 << 30
_PACKAGES = ("pyspark", "pyarrow", "scikit-learn", "numpy", "numba", "kafka-python", "happybase")


def described(platform_versions: Mapping[str, str]) -> dict[str, str]:
    """Name → value; `platform_versions` are those of Kafka, HBase and Java."""
    one_minute, five_minutes, _ = os.getloadavg()
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{psutil.virtual_memory().total / _BYTES_PER_GIB:.0f} GiB",
        "load before": f"{one_minute:.1f} (1 min), {five_minutes:.1f} (5 min)",
        "system": platform.platform(),
        "python": platform.python_version(),
        **platform_versions,
        **{name: version(name) for name in _PACKAGES},
    }


def tell_machine(console: Console) -> None:
    """Print what the measurement runs on, a line for each value; without platform versions."""
    for name, value in described({}).items():
        console.print(f"{name}: {value}", markup=False, highlight=False)


def _processor() -> str:
    match = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return match.group(1) if match else platform.machine()
