"""Where HBase's Thrift gateway is; a small value that travels, opened on the worker."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar

import happybase
from thriftpy2.thrift import TException
from thriftpy2.transport import TTransportException

Result = TypeVar("Result")

# What a broken connection, a restarting gateway or a region on the move raise.
_TRANSIENT = (TException, TTransportException, OSError, EOFError)
_MISSING_TABLE = ("TableNotFoundException", "NamespaceNotFoundException")
_FAILED_PUT = re.compile(r"Failed \d+ actions?: ([^\s:]+:[^\s:]+): \d+ time")


class StoreDown(ConnectionError):
    """HBase's Thrift gateway did not answer in time; raised with host, port and remedy."""

    exit_code = 3


class TableMissing(RuntimeError):
    """HBase answers, but the table is not there; says which one and what to run."""

    exit_code = 4

    def __init__(self, table: str, *, stream: str = "NAME") -> None:
        scenario = stream.partition(".")[0]
        _, is_derived, entity = table.rpartition(":")[2].partition(".")
        command = f"rebuild_state --scenario {scenario}"
        if is_derived:
            command = f"maintain_features --scenario {scenario} --entity {entity} --from-scratch"
        super().__init__(
            f"table {table} is missing in HBase: run ./spark-submit.sh prepare_scenario "
            f"--scenario {scenario}; what an earlier table held comes back with "
            f"./spark-submit.sh {command}"
        )
        self.table = table

    def for_stream(self, name: str) -> "TableMissing":
        """The same with the commands for the stream `name`: a scenario's or a second entity's."""
        return TableMissing(self.table, stream=name)


@dataclass(frozen=True)
class HBaseStore:
    """A recipe for connections: Thrift gateway, namespace, socket timeout in seconds."""

    host: str
    port: int
    namespace: str = "everscore"
    timeout_seconds: float = 10.0

    @contextmanager
    def open(self) -> Iterator[Any]:
        """A happybase connection whose tables are those of the namespace; closed at the end.

        Raises `StoreDown` when the gateway cannot be reached.
        """
        connection = self.connect()
        try:
            yield connection
        finally:
            connection.close()

    def connect(self) -> Any:
        """An open happybase connection that the caller closes; raises `StoreDown`."""
        try:
            return happybase.Connection(
                self.host,
                self.port,
                timeout=int(self.timeout_seconds * 1000),
                table_prefix=self.namespace,
                table_prefix_separator=":",
            )
        except _TRANSIENT as error:
            raise StoreDown(self._down(error)) from error

    def _down(self, error: BaseException) -> str:
        where = f"{self.host}:{self.port}"
        return f"HBase Thrift gateway {where} does not answer ({type(error).__name__}: {error})"


@dataclass
class Session:
    """A connection that stays open; when it breaks, it is opened again and the call repeated.

    Thrift closes connections after 60 s without a call, gateways restart, regions move; every
    call here is idempotent (reads, and writes with explicit timestamps), so repeating is safe.

    Threads may share a session: their calls take turns, so threads that should read at the same
    time take a session each. A child after `fork` opens a connection of its own at its first call;
    the parent's stays as it is.
    """

    store: HBaseStore
    retry_seconds: float
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _connection: Any = field(default=None, repr=False)
    _turn: Lock = field(default_factory=Lock, repr=False)
    _process: int = field(default_factory=os.getpid, repr=False)

    def call(self, action: Callable[[Any], Result]) -> Result:
        """`action(connection)`, repeated with growing pauses for up to `retry_seconds`.

        Raises `StoreDown` when that time is over, `TableMissing` at once.
        """
        self._leave_to_parent()
        with self._turn:
            return self._call(action)

    def _leave_to_parent(self) -> None:
        """After a fork: two processes on one connection would read each other's answers."""
        if os.getpid() != self._process:
            # Closing frees this process's handle only. Another thread of the parent may have had
            # the lock at that moment; it does not exist here.
            self._process, self._turn = os.getpid(), Lock()
            self._close()

    def _call(self, action: Callable[[Any], Result]) -> Result:
        give_up_at = self.clock() + self.retry_seconds
        pause = 0.0
        while True:
            try:
                if self._connection is None:
                    self._connection = self.store.connect()
                return action(self._connection)
            except _TRANSIENT as error:
                self._close()
                self._refuse_missing_table(error)
                if self.clock() + pause >= give_up_at:
                    raise StoreDown(
                        f"{self.store._down(error)}; tried for {self.retry_seconds:.0f} s"
                    ) from error
                self.sleep(pause)
                pause = min(max(0.1, pause * 2), 3.0)

    def _refuse_missing_table(self, error: BaseException) -> None:
        text = _text(error)
        for name in _MISSING_TABLE:
            if name in text:
                table = text.partition(f"{name}: ")[2].split() or [text.strip().splitlines()[0]]
                raise TableMissing(table[0]) from error
        # A failed put names the table, not what is wrong with it.
        if match := _FAILED_PUT.search(text):
            with suppress(StoreDown, *_TRANSIENT), self.store.open() as connection:
                tables = {table_name.decode() for table_name in connection.client.getTableNames()}
                if match[1] not in tables:
                    raise TableMissing(match[1]) from error

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._leave_to_parent()
        with self._turn:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(*_TRANSIENT):
                self._connection.close()
            self._connection = None


def _text(error: BaseException) -> str:
    message = getattr(error, "message", None) or str(error)
    return message.decode(errors="replace") if isinstance(message, bytes) else str(message)
