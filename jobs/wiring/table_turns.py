"""Whose turn it is at a scenario's tables: no job writes to them while an erasure works there.

An erasure removes every file that no commit names, and an append has files before it has a commit.
So each takes its turn by a lease (stores/records/leases.py): the archiver for each of its commits,
other jobs for as long as they run. Who comes second waits, and says for whom.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from conf.settings import Settings
from jobs.wiring.from_settings import hbase_store
from stores.records.leases import LeaseHeld, lease

APPENDS = "appends"
SNAPSHOTS = "snapshots"
SCORING_RUNS = "scoring_runs"
REBUILDS = "rebuilds"
# The archiver's last: who waits for a long job must not keep it waiting as well.
ALL = (SNAPSHOTS, SCORING_RUNS, REBUILDS, APPENDS)

_LOOK_SECONDS = 0.5


@contextmanager
def turn(
    settings: Settings,
    scenario: str,
    names: Sequence[str],
    *,
    job: str,
    log: Callable[[str], None],
) -> Iterator[None]:
    """Inside the block this `job` alone writes what `names` stand for; waits for its turn.

    Raises `LeaseLost` at the end when somebody took over meanwhile, which only follows a standstill
    of half a minute: what was written may lack files then.
    """
    store = hbase_store(settings)
    with ExitStack() as stack:
        leases = []
        for name in names:
            is_waiting = False
            while True:
                try:
                    attempt = lease(store, scenario, name, job=job, log=log)
                    leases.append(stack.enter_context(attempt))
                    break
                except LeaseHeld as refusal:
                    if not is_waiting:
                        who = str(refusal).partition(", last renewed")[0]
                        log(f"{job} waits for its turn: {who}")
                    is_waiting = True
                    time.sleep(_LOOK_SECONDS)
            if is_waiting:
                log(f"{job} goes on")
        yield
        for held_lease in leases:
            held_lease.check()
