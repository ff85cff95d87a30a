"""One holder at a time, on a real control table: refused, released, expired, taken over, lost."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable

import msgspec
import pytest

from stores.hbase.connection import HBaseStore, Session
from stores.records.leases import Holder, Lease, LeaseCell, LeaseHeld, LeaseLost, lease
from tests.support.processes import wait_until

TTL_SECONDS = 2.0
RENEW_SECONDS = 0.2


def held(store: HBaseStore, log: Callable[[str], None] = print, *, is_taken_over: bool = False):  # type: ignore[no-untyped-def]
    """The lease that these tests compete for."""
    return lease(
        store,
        "tiny",
        "scoring",
        job="score_stream",
        log=log,
        is_taken_over=is_taken_over,
        ttl_seconds=TTL_SECONDS,
        renew_seconds=RENEW_SECONDS,
    )


def hold_for_ever(store: HBaseStore, holds: "multiprocessing.synchronize.Event") -> None:
    """What another process does."""
    with held(store):
        holds.set()
        time.sleep(600)


def cell_of(session: Session) -> LeaseCell:
    """The lease's cell."""
    return LeaseCell(session, "tiny", "scoring")


def elsewhere(session: Session) -> Holder:
    """Write a holder on another machine into the cell."""
    other = Holder(
        token="other",
        job="score_stream",
        host="another-machine",
        user="somebody",
        pid=4711,
        machine="another kernel",
        began="1",
        since="2026-11-28T00:00:00Z",
        ttl_seconds=TTL_SECONDS,
    )
    assert cell_of(session).swap(None, msgspec.json.encode(other))
    return other


def test_a_second_holder_is_refused_with_the_first_ones_name_and_comes_in_after_it(
    store: HBaseStore,
) -> None:
    with held(store) as first:
        with pytest.raises(LeaseHeld, match=rf"score_stream, process {os.getpid()} .*--take-over"):
            held(store).__enter__()
        first.check()
    with held(store):
        pass


def test_leases_of_other_names_and_scenarios_are_apart(store: HBaseStore) -> None:
    with (
        held(store),
        lease(store, "tiny", "archive", job="archive_stream", log=print),
        lease(store, "shops", "scoring", job="score_stream", log=print),
    ):
        pass


def test_of_many_that_come_at_once_one_gets_it(store: HBaseStore) -> None:
    begin, outcomes = threading.Barrier(6), []

    def compete() -> None:
        begin.wait()
        try:
            with held(store):
                outcomes.append("held")
                time.sleep(1.0)
        except LeaseHeld:
            outcomes.append("refused")

    threads = [threading.Thread(target=compete) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["held"] + ["refused"] * 5


def test_a_killed_holder_of_this_machine_is_replaced_at_once(store: HBaseStore) -> None:
    context = multiprocessing.get_context("spawn")
    holds = context.Event()
    process = context.Process(target=hold_for_ever, args=(store, holds))
    process.start()
    assert holds.wait(60)
    with pytest.raises(LeaseHeld, match=f"process {process.pid} "):
        held(store).__enter__()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    # It has ended, and nobody has taken its exit code yet: a zombie holds nothing.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    lines: list[str] = []
    began = time.monotonic()
    with held(store, lines.append):
        assert time.monotonic() - began < TTL_SECONDS
    process.join()
    assert "taken over" in lines[0]


def test_a_dead_holder_elsewhere_is_waited_for_until_its_lease_has_expired(
    store: HBaseStore, session: Session
) -> None:
    elsewhere(session)
    lines: list[str] = []
    began = time.monotonic()
    with held(store, lines.append):
        assert time.monotonic() - began > TTL_SECONDS - 0.5
    assert "another-machine" in lines[0]
    assert "waiting for at most 2 s" in lines[0]
    assert "ended without releasing it" in lines[1]


def test_a_living_holder_elsewhere_is_noticed_by_its_next_renewal(
    store: HBaseStore, session: Session
) -> None:
    holder_session = Session(store, retry_seconds=5.0)
    other = Lease(cell_of(holder_session), elsewhere(session), RENEW_SECONDS, print)
    other.start()
    with pytest.raises(LeaseHeld, match="kill 4711 on another-machine"):
        held(store).__enter__()
    other.release()


def test_who_is_taken_over_notices_and_does_not_take_it_back(
    store: HBaseStore, session: Session
) -> None:
    with held(store) as first:
        with held(store, is_taken_over=True) as second:
            wait_until(lambda: is_lost(first), timeout=20.0, what="notice of the loss")
            with pytest.raises(LeaseLost, match="has taken over from this score_stream"):
                first.check()
        first.release()
        state = cell_of(session).read()
        assert state.holder is not None
        assert state.holder.token == second.holder.token


def test_a_holder_whose_control_row_was_lost_writes_it_again(
    store: HBaseStore, session: Session
) -> None:
    with held(store) as first:
        session.call(lambda connection: connection.table("control").delete(b"tiny"))
        wait_until(
            lambda: cell_of(session).read().holder is not None, timeout=20.0, what="the lease"
        )
        first.check()


def is_lost(held_lease: Lease) -> bool:
    """Whether its holder knows that it has lost it."""
    try:
        held_lease.check()
    except LeaseLost:
        return True
    return False
