"""The command-line options of every peer, whatever library it is written with."""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WORKLOADS = ("stateless", "stateful")


@dataclass(frozen=True, kw_only=True)
class PeerSettings:
    """Where to read, score and write; one instance per run."""

    bootstrap_servers: str
    topic: str
    output_topic: str
    hbase_host: str
    hbase_port: int
    table: str
    model: Path
    workload: str
    group: str
    processes: int
    state_dir: Path
    batch_rows: int | None  # None: the peer's own best

    @property
    def is_stateful(self) -> bool:
        """Whether features come from a customer's history."""
        return self.workload == "stateful"


def parse_settings(description: str | None, arguments: Sequence[str] | None = None) -> PeerSettings:
    """Read the command line; exits with code 2 and the usage when it is wrong."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    for name in ("bootstrap-servers", "topic", "output-topic", "hbase-host", "table", "group"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--hbase-port", type=int, required=True)
    parser.add_argument("--model", type=Path, required=True, help="a file that joblib wrote")
    parser.add_argument("--workload", choices=WORKLOADS, required=True)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--state-dir", type=Path, help="the same again goes on where it was")
    parser.add_argument("--batch-rows", type=int, help="instead of the peer's own best")
    options = vars(parser.parse_args(arguments))
    if options["processes"] < 1:
        parser.error(f"--processes is {options['processes']}, expected 1 or more")
    state_dir = options.pop("state_dir") or Path(tempfile.mkdtemp(prefix="everscore-peer-"))
    state_dir.mkdir(parents=True, exist_ok=True)
    return PeerSettings(**options, state_dir=state_dir)
