"""The live files of a Delta table, from its log alone: reading a few rows needs no Spark.

The log says which Parquet files are the table's, with the partition and the bounds of each. It is
read once and followed from then on, a small file per commit. Only tables of the kind that this
code creates are read: reader version 1, which has neither deletion vectors nor renamed columns.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq
from pyarrow import fs

from stores.delta.tables import TableAbsent

_READER_VERSION = 1
_LAST_CHECKPOINT = "_last_checkpoint"


class TableUnreadable(RuntimeError):
    """The table uses features of Delta for which Spark is needed; names them."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class LiveFile:
    """One Parquet file of a table.

    path        as `file_system` of the table takes it
    partition   partition column → value as text
    bounds      statistics: `numRecords`, `minValues`, `maxValues`, as far as the writer noted them
    """

    path: str
    partition: Mapping[str, str | None]
    bounds: Mapping[str, Any]

    def most(self, column: str) -> Any:
        """The largest value of a column, None where it is not noted."""
        return self.bounds.get("maxValues", {}).get(column)


@dataclass
class LiveFiles:
    """The live files of the table at `path`, a folder or URI; threads may share it.

    made_by: the job that creates the table, named when it is missing.
    """

    path: str
    made_by: str
    _version: int = -1
    _files: dict[str, LiveFile] = field(default_factory=dict, repr=False)
    _turn: Lock = field(default_factory=Lock, repr=False)
    _place: tuple[fs.FileSystem, str] | None = field(default=None, repr=False)

    @property
    def file_system(self) -> fs.FileSystem:
        """Where the files are."""
        return self._located()[0]

    def current(self) -> tuple[LiveFile, ...]:
        """The files of the newest version; raises `TableAbsent` or `TableUnreadable`."""
        with self._turn:
            if self._version < 0:
                self._begin()
            if not self._follow() and self._checkpoint_version() > self._version:
                self._begin()  # the commits in between are no longer there
                self._follow()
            if self._version < 0:
                raise TableAbsent(
                    f"there is no Delta table at {self.path}: run ./spark-submit.sh {self.made_by}"
                )
            return tuple(self._files.values())

    def forget(self) -> None:
        """Read the whole log at the next call: a file that it named is gone."""
        with self._turn:
            self._files, self._version = {}, -1

    def _begin(self) -> None:
        """Start at the newest checkpoint, or before the first commit."""
        self._files, self._version = {}, -1
        pointer = self._json(_LAST_CHECKPOINT)
        if pointer is None:
            return
        version, parts = int(pointer["version"]), int(pointer.get("parts") or 1)
        names = [f"{version:020d}.checkpoint.parquet"]
        if parts > 1:
            names = [
                f"{version:020d}.checkpoint.{part:010d}.{parts:010d}.parquet"
                for part in range(1, parts + 1)
            ]
        for name in names:
            for action in self._checkpointed(name):
                self._apply(action)
        self._version = version

    def _follow(self) -> bool:
        """Apply the commits after the present version; whether there were any."""
        begin = self._version
        while (text := self._read(f"{self._version + 1:020d}.json")) is not None:
            for line in text.splitlines():
                if line.strip():
                    self._apply(json.loads(line))
            self._version += 1
        return self._version > begin

    def _apply(self, action: Mapping[str, Any]) -> None:
        if protocol := action.get("protocol"):
            self._check(protocol)
        if added := action.get("add"):
            if added.get("deletionVector"):
                raise TableUnreadable(f"{self.path} has deletion vectors: read it with Spark")
            name = added["path"]
            self._files[name] = LiveFile(
                path=f"{self._located()[1]}/{unquote(name)}",
                partition=dict(added["partitionValues"]),
                bounds=json.loads(added.get("stats") or "{}"),
            )
        if removed := action.get("remove"):
            self._files.pop(removed["path"], None)

    def _check(self, protocol: Mapping[str, Any]) -> None:
        if protocol["minReaderVersion"] != _READER_VERSION:
            features = protocol.get("readerFeatures") or "unnamed features"
            raise TableUnreadable(
                f"{self.path} needs reader version {protocol['minReaderVersion']} ({features}), "
                f"here is {_READER_VERSION}: read it with Spark"
            )

    def _checkpointed(self, name: str) -> Iterator[Mapping[str, Any]]:
        path = f"{self._located()[1]}/_delta_log/{name}"
        with self.file_system.open_input_file(path) as file:
            for batch in pq.ParquetFile(file).iter_batches(columns=["add", "protocol"]):
                yield from batch.to_pylist()

    def _checkpoint_version(self) -> int:
        pointer = self._json(_LAST_CHECKPOINT)
        return -1 if pointer is None else int(pointer["version"])

    def _json(self, name: str) -> dict[str, Any] | None:
        text = self._read(name)
        document: dict[str, Any] | None = None if text is None else json.loads(text)
        return document

    def _read(self, name: str) -> str | None:
        path = f"{self._located()[1]}/_delta_log/{name}"
        try:
            with self.file_system.open_input_stream(path) as stream:
                text: str = stream.read().decode()
        except FileNotFoundError:
            return None
        return text

    def _located(self) -> tuple[fs.FileSystem, str]:
        if self._place is None:
            path = self.path.replace("s3a://", "s3://", 1)
            if "://" in path or path.startswith("file:"):
                self._place = fs.FileSystem.from_uri(path)
            else:
                self._place = (fs.LocalFileSystem(), path)
        return self._place
