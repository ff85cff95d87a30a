"""An interrupt in a held-back block takes effect at its end, not in the middle."""

import signal
import threading
from collections.abc import Iterator

import pytest

from local.servers.interrupts import held_back


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Python's own handler, which a shell's background job does not have: it ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    reached = False
    with pytest.raises(KeyboardInterrupt), held_back():  # noqa: PT012 - the order matters
        signal.raise_signal(signal.SIGINT)
        reached = True
    assert reached


def test_the_handlers_are_as_before() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with held_back():
        pass
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_another_thread_has_nothing_to_hold_back() -> None:
    passed = list[bool]()

    def in_thread() -> None:
        with held_back():
            passed.append(True)

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    assert passed == [True]
