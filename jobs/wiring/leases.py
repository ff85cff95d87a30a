"""One job at a time where two would get in each other's way, see `stores.records.leases`."""

from contextlib import AbstractContextManager

from jobs.launcher.run import Run
from jobs.wiring.from_settings import hbase_store
from stores.records.leases import Lease, lease


def job_lease(
    run: Run, name: str, lease_name: str, *, job: str, take_over: bool = False
) -> AbstractContextManager[Lease]:
    """The lease `lease_name` of the stream `name` for a block, held for `job`.

    Raises `LeaseHeld` when another process has it and lives, `TableMissing` without a control
    table.
    """
    store = hbase_store(run.settings)
    return lease(store, name, lease_name, job=job, log=run.log, is_taken_over=take_over)
