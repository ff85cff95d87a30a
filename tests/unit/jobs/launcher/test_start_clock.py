"""Where the seconds of a start went."""

import time

from jobs.launcher.start_clock import StartClock


def test_steps_add_up_to_the_time_since_the_process_began() -> None:
    clock = StartClock(_before=time.monotonic() - 2.0)
    clock.note("imports")
    clock.note("services")
    time.sleep(0.1)
    clock.note("services")
    assert clock.sentence() == "2.1 s: imports 2.0, services 0.1"


def test_the_first_step_began_with_the_process() -> None:
    clock = StartClock()
    clock.note("imports")
    seconds = float(clock.sentence().partition(" s")[0])
    assert seconds > 0.1  # Python and pytest have been imported
