"""Seconds of CPU and memory of process trees."""

import subprocess
import sys
import time

import pytest

from bench.suite.observations.usage import Group, Meter, Sample, cpu_seconds_between

# A child burns half a second of CPU and ends; its parent says so and waits.
PROGRAM = """
import subprocess, sys
burn = "import time\\nwhile time.process_time() < 0.9: pass"
subprocess.run([sys.executable, "-c", burn], check=True)
print("ended", flush=True)
sys.stdin.read()
"""


def sample(at_seconds: float, cpu_seconds: float) -> Sample:
    return Sample(at_seconds=at_seconds, cpu_seconds=cpu_seconds, rss_mib=0.0, pss_mib=0.0)


def test_cpu_between_two_samples_is_in_proportion() -> None:
    samples = [sample(10.0, 5.0), sample(20.0, 25.0)]
    assert cpu_seconds_between(samples, 12.5, 15.0) == pytest.approx(5.0)
    assert cpu_seconds_between(samples, 0.0, 30.0) == pytest.approx(20.0)
    assert cpu_seconds_between([], 0.0, 1.0) == 0.0


def test_a_child_that_has_ended_stays_counted() -> None:
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        with Meter() as meter:
            meter.watch("system", [parent.pid])
            assert parent.stdout is not None
            assert parent.stdout.readline() == b"ended\n"
            time.sleep(0.6)  # two looks at the parent alone
        parent.communicate()
    samples = meter.samples()["system"]
    # All but what it burnt after the last look at it, a quarter of a second before its end.
    assert samples[-1].cpu_seconds >= 0.4
    assert max(sample.rss_mib for sample in samples) > 1.0
    assert max(sample.pss_mib for sample in samples) > 0.0


def test_a_group_without_processes_uses_nothing() -> None:
    group = Group({2**22 + 1})
    group.look(at_seconds=1.0)
    assert group.samples == [sample(1.0, 0.0)]
