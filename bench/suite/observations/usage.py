"""What a system and the platform use while it runs: seconds of CPU, and memory at its peak."""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import psutil

_SAMPLE_EVERY_SECONDS = 0.25
# To list a tree takes 2 ms of CPU, to add up the memory that a JVM shares 20 to 50: done for every
# group at every look, as it was, the meter took a tenth of a core from the measured system.
_TREE_EVERY_SECONDS = 1.0
_PSS_EVERY_SECONDS = 5.0
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

    A process that lives for less than a second between two looks is not seen.
    with_memory: whether memory is looked at as well, else it is 0.
    """

    roots: set[int]
    with_memory: bool = True
    cpu_of: dict[tuple[int, float], float] = field(default_factory=dict)
    processes: dict[tuple[int, float], psutil.Process] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    _next_tree_seconds: float = 0.0
    _next_pss_seconds: float = 0.0

    def look(self, *, at_seconds: float) -> None:
        """Add a sample; between two looks at shared memory it repeats that figure."""
        has_grown = self._found_more(at_seconds)
        with_pss = self.with_memory and (at_seconds >= self._next_pss_seconds or has_grown)
        if with_pss:
            self._next_pss_seconds = at_seconds + _PSS_EVERY_SECONDS
        rss = pss = 0
        for identity, process in list(self.processes.items()):
            try:
                if not process.is_running():  # another process may have its pid by now
                    raise psutil.NoSuchProcess(process.pid)
                times = process.cpu_times()
                self.cpu_of[identity] = times.user + times.system
                rss += process.memory_info().rss if self.with_memory else 0
                pss += process.memory_full_info().pss if with_pss else 0
            except psutil.Error:
                del self.processes[identity]
        last_pss = self.samples[-1].pss_mib if self.samples else 0.0
        self.samples.append(
            Sample(
                at_seconds=at_seconds,
                cpu_seconds=sum(self.cpu_of.values()),
                rss_mib=rss / _BYTES_PER_MIB,
                pss_mib=pss / _BYTES_PER_MIB if with_pss else last_pss,
            )
        )

    def _found_more(self, at_seconds: float) -> bool:
        if at_seconds < self._next_tree_seconds:
            return False
        self._next_tree_seconds = at_seconds + _TREE_EVERY_SECONDS
        before = len(self.processes)
        for process in _tree(self.roots):
            with suppress(psutil.Error):
                self.processes.setdefault((process.pid, process.create_time()), process)
        return len(self.processes) > before


def _tree(roots: Iterable[int]) -> list[psutil.Process]:
    processes = []
    for root in roots:
        with suppress(psutil.Error):
            process = psutil.Process(root)
            processes += [process, *process.children(recursive=True)]
    return processes


def cpu_seconds_between(samples: Sequence[Sample], begin: float, end: float) -> float:
    """CPU used from `begin` to `end` (monotonic clock), between samples in proportion."""
    if not samples:
        return 0.0
    at = [sample.at_seconds for sample in samples]
    used = [sample.cpu_seconds for sample in samples]
    return float(np.interp(end, at, used) - np.interp(begin, at, used))


class Meter:
    """A thread that looks at groups of processes; `watch` adds a group, or roots to one."""

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)

    def watch(self, name: str, roots: Iterable[int], *, with_memory: bool = True) -> None:
        """From now on count `roots` and everything below them as `name`."""
        with self._lock:
            group = self._groups.setdefault(name, Group(set(), with_memory))
            group.roots.update(roots)
            group._next_tree_seconds = 0.0

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
