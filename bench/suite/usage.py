"""What a system and the platform use while it runs: seconds of CPU, and memory at its peak."""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import psutil

_SAMPLE_EVERY_SECONDS = 0.25
# Shared memory of a JVM takes 10 to 20 ms to add up.
_PSS_EVERY_SECONDS = 2.0
_BYTES_PER_MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a group had used by `at_seconds` (monotonic clock), and what it held then."""

    at_seconds: float
    cpu_seconds: float
    rss_mib: float
    pss_mib: float


@dataclass
class Group:
    """The processes below some roots: CPU of those that have ended stays counted.

    A process that lives for less than a quarter of a second between two looks is not seen.
    """

    roots: set[int]
    cpu_of: dict[tuple[int, float], float] = field(default_factory=dict)
    known: dict[tuple[int, float], psutil.Process] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    _next_pss_seconds: float = 0.0

    def look(self, *, at_seconds: float) -> None:
        """Add a sample; between two looks at shared memory it repeats that figure."""
        before = len(self.known)
        for process in _tree(self.roots):
            with suppress(psutil.Error):
                self.known.setdefault((process.pid, process.create_time()), process)
        with_pss = at_seconds >= self._next_pss_seconds or len(self.known) > before
        if with_pss:
            self._next_pss_seconds = at_seconds + _PSS_EVERY_SECONDS
        rss = pss = 0
        for identity, process in list(self.known.items()):
            try:
                if not process.is_running():  # another process may have its pid by now
                    raise psutil.NoSuchProcess(process.pid)
                times = process.cpu_times()
                self.cpu_of[identity] = times.user + times.system
                rss += process.memory_info().rss
                pss += process.memory_full_info().pss if with_pss else 0
            except psutil.Error:
                del self.known[identity]
        last_pss = self.samples[-1].pss_mib if self.samples else 0.0
        self.samples.append(
            Sample(
                at_seconds=at_seconds,
                cpu_seconds=sum(self.cpu_of.values()),
                rss_mib=rss / _BYTES_PER_MIB,
                pss_mib=pss / _BYTES_PER_MIB if with_pss else last_pss,
            )
        )


def _tree(roots: Iterable[int]) -> list[psutil.Process]:
    found = []
    for root in roots:
        with suppress(psutil.Error):
            process = psutil.Process(root)
            found += [process, *process.children(recursive=True)]
    return found


def cpu_seconds_between(samples: Sequence[Sample], begin: float, end: float) -> float:
    """CPU used from `begin` to `end` (monotonic clock), between samples in proportion."""
    if not samples:
        return 0.0
    at = [each.at_seconds for each in samples]
    used = [each.cpu_seconds for each in samples]
    return float(np.interp(end, at, used) - np.interp(begin, at, used))


class Meter:
    """A thread that looks at groups of processes; `watch` adds a group, or a root to one."""

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)

    def watch(self, name: str, roots: Iterable[int]) -> None:
        """From now on count `roots` and everything below them as `name`."""
        with self._lock:
            self._groups.setdefault(name, Group(set())).roots.update(roots)

    def __enter__(self) -> "Meter":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=10.0)

    def samples(self) -> Mapping[str, Sequence[Sample]]:
        """Group → its samples so far."""
        with self._lock:
            return {name: tuple(group.samples) for name, group in self._groups.items()}

    def _run(self) -> None:
        while not self._stop.is_set():
            now = time.monotonic()
            with self._lock:
                for group in self._groups.values():
                    group.look(at_seconds=now)
            self._stop.wait(_SAMPLE_EVERY_SECONDS)
