"""Which file of a run folder holds what."""

from dataclasses import dataclass
from pathlib import Path

from local.errors import PlatformError
from local.servers import hbase, kafka
from local.servers.data_folder import DataFolder
from local.servers.processes import ProcessRecord, is_alive, read_record

SERVICES = ("hbase", "kafka", "thrift")
_COMPANION = "beside-"
SNAPSHOTS = "training_sets"  # folder of a scenario's training snapshots among its Delta tables


@dataclass(frozen=True)
class Layout:
    """The files of the platform under one run folder; only these are ever written or erased.

    `checkpoints` and `delta` are written by jobs; `reset` erases what depends on the topics.
    """

    run_dir: Path

    @property
    def lock(self) -> Path:
        """Held by every command that starts or stops something."""
        return self.run_dir / ".lock"

    @property
    def ports(self) -> Path:
        """The ports of the last start, kept over down and up."""
        return self.run_dir / "ports.json"

    @property
    def logs(self) -> Path:
        """One log per service, and `<service>.1.log` of the start before."""
        return self.run_dir / "logs"

    @property
    def records(self) -> Path:
        """The identity of each started process, written before we wait for its answer."""
        return self.run_dir / "pids"

    @property
    def kafka(self) -> Path:
        """Settings and data of the broker."""
        return self.run_dir / "kafka"

    @property
    def hbase(self) -> Path:
        """Settings and data of HBase; the gateway shares the settings."""
        return self.run_dir / "hbase"

    @property
    def checkpoints(self) -> Path:
        """How far the streams are, unless the settings name another folder."""
        return self.run_dir / "checkpoints"

    @property
    def delta(self) -> Path:
        """The Delta tables, a folder per scenario, unless the settings name another folder."""
        return self.run_dir / "delta"

    def of_topics(self) -> list[Path]:
        """What refers to positions in topics and is useless without them.

        The archive, batch runs and all else except the training snapshots, which refer to none.
        """
        scenarios = sorted(self.delta.iterdir()) if self.delta.is_dir() else []
        paths = (
            path
            for scenario in scenarios
            if scenario.is_dir()
            for path in sorted(scenario.iterdir())
        )
        return [path for path in paths if path.name != SNAPSHOTS]

    def kept_by_reset(self) -> list[Path]:
        """What `reset` leaves: it is valid without the topics."""
        scenarios = sorted(self.delta.iterdir()) if self.delta.is_dir() else []
        tables = [
            path
            for scenario in scenarios
            if scenario.is_dir()
            for path in sorted(scenario.iterdir())
        ]
        names = ("mlflow.db", "artifacts", "reports")
        return [*tables, *(self.run_dir / name for name in names)]

    def log(self, service: str) -> Path:
        """The log of one service."""
        return self.logs / f"{checked(service)}.log"

    def record(self, service: str) -> Path:
        """The file with the pid and start time of one service."""
        return self.records / f"{checked(service)}.json"

    def process(self, service: str) -> ProcessRecord | None:
        """The recorded process of one service, alive or not."""
        return read_record(self.record(service))

    def alive(self) -> dict[str, ProcessRecord]:
        """The services whose recorded process runs."""
        processes = {service: self.process(service) for service in SERVICES}
        return {name: record for name, record in processes.items() if record and is_alive(record)}

    def companion(self, name: str) -> Path:
        """The file with the pid and start time of a companion (local/servers/companions.py)."""
        return self.records / f"{_COMPANION}{name}.json"

    def companions(self) -> dict[str, ProcessRecord]:
        """The companions that run, by name."""
        paths = sorted(self.records.glob(f"{_COMPANION}*.json"))
        records = {path.stem.removeprefix(_COMPANION): read_record(path) for path in paths}
        return {name: record for name, record in records.items() if record and is_alive(record)}

    def data(self, service: str) -> DataFolder | None:
        """The data folder of one service; None for the gateway, which stores nothing."""
        if service == "kafka":
            return DataFolder("kafka", self.kafka, kafka.find_damage)
        if service == "hbase":
            return DataFolder("hbase", self.hbase, hbase.find_damage)
        return None


def checked(service: str) -> str:
    """The name itself; raises PlatformError when there is no such service."""
    if service not in SERVICES:
        raise PlatformError(f"no service {service!r}; there are {', '.join(SERVICES)}")
    return service
