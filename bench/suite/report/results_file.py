"""Results as a file, written after every run: an interrupted suite loses one run at most."""

from pathlib import Path

import msgspec

from bench.suite.measurements.results import Results
from reports.files import write_bytes

FILE = "results.json"


def write_results(results: Results, folder: Path) -> None:
    """Write the file of `folder` in one step."""
    write_bytes(folder / FILE, msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")


def read_results(folder: Path) -> Results:
    """The results of an earlier run, from the file of `folder`."""
    return msgspec.json.decode((folder / FILE).read_bytes(), type=Results)
