"""One holder at a time of a scenario's stream, archive or features: a lease in the control table.

    with lease(store, "churn", ARCHIVE, job="archive_stream", log=run.log) as held:
        for part in work:
            held.check()  # raises `LeaseLost` when somebody else has taken it over
            ...

Inside the block nobody else holds the lease of that name: a second `lease(...)` raises `LeaseHeld`
(exit code 4), which names the holder and says how to go on. A thread renews it every few seconds.
While HBase is away nothing happens: the holder goes on, and goes on holding it when HBase is back
and nobody has taken it meanwhile. At the end of the block it is released. A holder that was killed
is replaced at once where its process can be seen to be gone (same machine), otherwise after
`ttl_seconds` without a renewal, which a start waits for with a line in the log.

The lease keeps people from running two by mistake. It is no fence: what two streams write is equal
by construction (position stamps), and what must not happen twice, such as an append to the archive,
needs its own check.

Ages are measured by the clock of HBase's region server alone, which stamps the lease and a probe
beside it; clocks of the machines that compete do not matter.
"""

import getpass
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from stores.hbase.compare_and_set import compare_and_set
from stores.hbase.connection import HBaseStore, Session, StoreDown, TableMissing
from stores.hbase.tables import CONTROL

SCORING = "scoring"
FEATURES = "features"
ARCHIVE = "archive"

TTL_SECONDS = 30.0
RENEW_SECONDS = 5.0
_LOOK_SECONDS = 1.0
_PROBE = b"c:clock"

Log = Callable[[str], None]


class LeaseHeld(RuntimeError):
    """Somebody else holds the lease; says who, since when, and how to go on."""

    exit_code = 4


class LeaseLost(RuntimeError):
    """Somebody else has taken the lease over; this holder must end."""

    exit_code = 4


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a lease.

    machine     which kernel and which process numbers `pid` belongs to; empty where unknown
    began       when the process began, in ticks since its machine's start: numbers are used again
    renewals    grows with each renewal, so that no two cells of a lease are equal
    """

    token: str
    job: str
    host: str
    user: str
    pid: int
    machine: str
    began: str
    since: str
    ttl_seconds: float
    renewals: int = 0
    is_released: bool = False

    def __str__(self) -> str:
        return f"{self.job}, process {self.pid} of {self.user} on {self.host}, since {self.since}"

    @property
    def is_here(self) -> bool:
        """Whether its process could be seen from here."""
        return bool(self.machine) and self.machine == _machine()

    @property
    def is_running_here(self) -> bool:
        """Whether its process is one of this machine and runs."""
        return self.is_here and self.began != "" and _began(self.pid) == self.began


@dataclass(frozen=True)
class LeaseReading:
    """A lease as it was read: its cell, who holds it, seconds since it was last renewed."""

    cell: bytes | None
    holder: Holder | None
    age_seconds: float

    @property
    def is_free(self) -> bool:
        """Whether nobody holds it, or only somebody who let it expire."""
        return self.seconds_left <= 0 or bool(self.holder and self.holder.is_released)

    @property
    def seconds_left(self) -> float:
        """Until it expires, when it is not renewed."""
        return 0.0 if self.holder is None else self.holder.ttl_seconds - self.age_seconds


@dataclass(frozen=True)
class LeaseCell:
    """The cell of the lease `name` of `scenario`."""

    session: Session
    scenario: str
    name: str

    def read(self) -> LeaseReading:
        """The lease now; raises `StoreDown` or `TableMissing`."""

        def get(connection: Any) -> Any:
            table = connection.table(CONTROL)
            table.put(self._row, {_PROBE: b""})
            return table.row(self._row, columns=[self._column, _PROBE], include_timestamp=True)

        cells = self.session.call(get)
        cell, at_ms = cells.get(self._column, (None, 0))
        holder = None if cell is None else msgspec.json.decode(cell, type=Holder)
        return LeaseReading(cell, holder, max(0.0, (cells[_PROBE][1] - at_ms) / 1000))

    def swap(self, before: bytes | None, after: bytes) -> bool:
        """Write `after` where `before` (None: nothing) stands, in one step; False: it does not.

        After a broken connection the call is repeated, and may find its own work: read the lease
        to know.
        """
        return compare_and_set(
            self.session, CONTROL, self._row, self._column, before=before, after=after
        )

    @property
    def _row(self) -> bytes:
        return self.scenario.encode()

    @property
    def _column(self) -> bytes:
        return f"c:lease_{self.name}".encode()


@dataclass
class Lease:
    """A lease that this process holds."""

    cell: LeaseCell
    holder: Holder
    renew_seconds: float
    log: Log
    _taken_by: Holder | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def check(self) -> None:
        """Return while the lease is held; raises `LeaseLost`. Calls no server: it costs nothing."""
        if self._taken_by is not None:
            raise LeaseLost(
                f"{self.cell.scenario}: {self._taken_by} has taken over from this "
                f"{self.holder.job}, which ends; what it has done stays"
            )

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def release(self) -> None:
        """Stop renewing and let others have it at once; an HBase that is away is not waited for."""
        self._stop.set()
        self._thread.join(timeout=self.renew_seconds)
        if self._thread.is_alive():  # it waits for an HBase that does not answer
            return
        with suppress(StoreDown, TableMissing):
            self._write(msgspec.structs.replace(self.holder, is_released=True))
        self.cell.session.close()

    def _run(self) -> None:
        while not self._stop.wait(self.renew_seconds) and self._taken_by is None:
            with suppress(StoreDown, TableMissing):  # the stream itself reports an outage
                renewed = msgspec.structs.replace(self.holder, renewals=self.holder.renewals + 1)
                self._write(renewed)

    def _write(self, after: Holder) -> None:
        """Replace this holder's own cell, or none: a control table that was lost is written again.

        Raises `StoreDown` or `TableMissing`.
        """
        if self._taken_by is not None:
            return
        encoded = msgspec.json.encode(after)
        before: bytes | None = msgspec.json.encode(self.holder)
        while not self.cell.swap(before, encoded):
            reading = self.cell.read()
            if reading.cell == encoded:  # a repeated call that has met its own work
                break
            if reading.holder is not None and reading.holder.token != self.holder.token:
                self._taken_by = reading.holder
                return
            before = reading.cell
        self.holder = after


@contextmanager
def lease(
    store: HBaseStore,
    scenario: str,
    name: str,
    *,
    job: str,
    log: Log,
    is_taken_over: bool = False,
    ttl_seconds: float = TTL_SECONDS,
    renew_seconds: float = RENEW_SECONDS,
) -> Iterator[Lease]:
    """Hold the lease `name` of `scenario` for a block, see the module's docstring.

    job             who asks, for the people who are refused
    is_taken_over   take it whoever holds it; that one then ends with `LeaseLost`
    Raises `LeaseHeld`, `StoreDown` or `TableMissing`.
    """
    session = Session(store, retry_seconds=store.timeout_seconds)
    cell = LeaseCell(session, scenario, name)
    holder = _this_process(job, ttl_seconds)
    try:
        _acquire(cell, holder, log, is_taken_over=is_taken_over)
    except BaseException:
        session.close()
        raise
    # Renewing must not wait for an HBase that is away: it tries again soon enough.
    renewal_cell = LeaseCell(Session(store, retry_seconds=0.0), scenario, name)
    new_lease = Lease(renewal_cell, holder, renew_seconds, log)
    session.close()
    new_lease.start()
    try:
        yield new_lease
    finally:
        new_lease.release()


def _acquire(cell: LeaseCell, candidate: Holder, log: Log, *, is_taken_over: bool) -> None:
    encoded = msgspec.json.encode(candidate)
    what = f"{cell.name} of {cell.scenario}"
    first: LeaseReading | None = None
    while True:
        reading = cell.read()
        if reading.cell == encoded:
            return
        holder = reading.holder
        is_gone = holder is not None and holder.is_here and not holder.is_running_here
        if holder is None or reading.is_free or is_gone or is_taken_over:
            if cell.swap(reading.cell, encoded) or cell.read().cell == encoded:
                if holder is not None and not holder.is_released:
                    why = "as asked" if is_taken_over else "which has ended without releasing it"
                    log(f"{what} taken over from {holder}, {why}")
                return
            continue  # somebody else was quicker
        if holder.is_running_here or (first is not None and first.cell != reading.cell):
            raise LeaseHeld(_refusal(what, reading, holder))
        if first is None:
            first = reading
            log(
                f"{what} is held by {holder}, last renewed {reading.age_seconds:.0f} s ago: "
                f"waiting for at most {reading.seconds_left:.0f} s to see whether it is alive"
            )
        time.sleep(min(_LOOK_SECONDS, max(reading.seconds_left, 0.01)))


def _refusal(what: str, reading: LeaseReading, holder: Holder) -> str:
    where = "" if holder.is_running_here else f" on {holder.host}"
    return (
        f"{what} is held by {holder}, last renewed {reading.age_seconds:.0f} s ago: one at a time. "
        f"Stop that one (kill {holder.pid}{where}) and start again; if it is out of reach, it has "
        f"lost its turn {holder.ttl_seconds:.0f} s after its last renewal, or at once with "
        "--take-over"
    )


def _this_process(job: str, ttl_seconds: float) -> Holder:
    pid = os.getpid()
    return Holder(
        token=uuid.uuid4().hex,
        job=job,
        host=socket.gethostname(),
        user=getpass.getuser(),
        pid=pid,
        machine=_machine(),
        began=_began(pid),
        since=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        ttl_seconds=ttl_seconds,
    )


def _began(pid: int) -> str:
    """When process `pid` began; empty when it has ended, also while nobody has waited for it."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    state, began = status[0], status[19]  # fields 3 and 22; the second one is a name in brackets
    return "" if state in "ZX" else began


def _machine() -> str:
    """The running kernel and the numbering of its processes; empty where they have no name.

    Containers of one machine share its kernel and often its name, but number their processes each
    for itself.
    """
    try:
        kernel = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{kernel} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
