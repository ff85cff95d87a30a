"""An interrupt in a held-back block takes effect at its end, not in the middle."""

import signal
import threading

import pytest

from local.interrupts import held_back


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
