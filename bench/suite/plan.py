"""What a run of the suite measures: systems, workloads, keys, rounds and sizes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.suite.load.keys import DISTRIBUTIONS
from bench.suite.load.workloads import WORKLOADS
from bench.suite.measurements.recovery import Blow
from bench.suite.measurements.surges import Surge
from bench.suite.systems.catalogue import BARE, EXPERT_LARGE, NAMES, REAL_TIME, US
from proofs.load import Load

PARTS = ("throughput", "latency", "recovery", "surges")
# What is measured of a workload by default: the whole plan takes an hour.
_PARTS_OF = {
    "stateless": ("throughput", "latency"),
    "stateful": ("throughput", "recovery", "surges"),
}
# Of several processes the one per partition is the quicker, of the expert's loops the one with
# large batches; the others are there by --systems.
_FULL = (
    *(US, REAL_TIME, BARE, "plain", "plain-each"),
    *(EXPERT_LARGE, "bytewax-each", "quixstreams-each"),
)
# Latency is measured of systems that an operator would compare; the others differ in throughput.
_LATENCY_SYSTEMS = (US, REAL_TIME, BARE, "plain", "expert", EXPERT_LARGE)
_SURGE_SYSTEMS = (US,)
# One process or several: what a kill leaves behind is the same.
_NOT_KILLED = ("plain-each", BARE)
# What has a JVM, and so takes half a minute of full load to warm up; others do not.
_STREAMS = (US, REAL_TIME, BARE)
# Those who are nearly alike are measured to the topic's end. Stopped earlier, independent processes
# would be credited with a lighter partition running ahead of a heavier one, which cannot last.
_TO_THE_END = (*_STREAMS, "expert", "expert-each", EXPERT_LARGE)
_IN_ROUNDS = ("stateless", "throughput")
# The floor stands beside the aims that it is a limit for; it has no history.
_FLOOR_OF, _FLOOR_KEYS, _FLOOR_RATE = "stateless", "uniform", 1_000.0


class UnknownChoice(ValueError):
    """An option names what is not there."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All options of a run; `rates` in events per second.

    parts: those of every workload; None: each workload's own. rounds: of throughput on the workload
    without history; everything else is measured `other_rounds` times.
    """

    systems: Sequence[str] = _FULL
    workloads: Sequence[str] = tuple(WORKLOADS)
    keys: Sequence[str] = tuple(DISTRIBUTIONS)
    parts: Sequence[str] | None = None
    rounds: int = 3
    other_rounds: int = 1
    events: int = 4_200_000
    partitions: int = 2
    throughput_seconds: float = 12.0
    long_throughput_seconds: float = 90.0
    rates: Sequence[float] = (200.0, 1_000.0, 5_000.0)
    warm_up_seconds: float = 20.0
    jvm_warm_up_seconds: float = 90.0
    latency_seconds: float = 20.0
    ceiling_seconds: float = 5.0
    blow: Blow = field(
        default_factory=lambda: Blow(
            events_per_second=1_000.0, keys="uniform", kill_after_seconds=20.0
        )
    )

    surges: Sequence[Surge] = (
        Surge(
            name="twenty times the usual rate",
            usual_per_second=500.0,
            extra_per_second=9_500.0,
            extra_keys="uniform",
        ),
        Surge(
            name="one customer with 100,000 events",
            usual_per_second=500.0,
            extra_per_second=100_000 / 60.0,
            extra_keys="one",
        ),
    )

    def __post_init__(self) -> None:
        for option, names, choices in (
            ("--systems", self.systems, NAMES),
            ("--workloads", self.workloads, tuple(WORKLOADS)),
            ("--keys", self.keys, tuple(DISTRIBUTIONS)),
            ("--parts", PARTS if self.parts is None else self.parts, PARTS),
        ):
            unknown = [name for name in names if name not in choices]
            if unknown or not names:
                raise UnknownChoice(
                    f"{option} is {','.join(names)!r}, expected some of {','.join(choices)}"
                )

    def parts_of(self, workload: str) -> Sequence[str]:
        """What is measured of `workload`, in order."""
        return _PARTS_OF[workload] if self.parts is None else self.parts

    def throughput_seconds_of(self, system: str) -> float:
        """How long a system may run at most."""
        return self.long_throughput_seconds if system in _TO_THE_END else self.throughput_seconds

    def rounds_of(self, workload: str, part: str) -> int:
        """How often each system has its turn in `part`."""
        is_often = workload == _IN_ROUNDS[0] and part.startswith(_IN_ROUNDS[1])
        return self.rounds if is_often else self.other_rounds

    def throughput_systems(self, workload: str, keys: str) -> Sequence[str]:
        """The systems that are measured at full speed."""
        with_floor = (workload, keys) == (_FLOOR_OF, _FLOOR_KEYS)
        return [system for system in self.systems if with_floor or system != BARE]

    def latency_systems(self, workload: str, rate: float) -> Sequence[str]:
        """The systems whose latency is measured at `rate`."""
        with_floor = (workload, rate) == (_FLOOR_OF, _FLOOR_RATE)
        systems = [system for system in self.systems if system in _LATENCY_SYSTEMS]
        return [system for system in systems if with_floor or system != BARE]

    @property
    def recovery_systems(self) -> Sequence[str]:
        """The systems that are killed."""
        return [system for system in self.systems if system not in _NOT_KILLED]

    @property
    def surge_systems(self) -> Sequence[str]:
        """The systems that go through surges: ours alone."""
        return [system for system in self.systems if system in _SURGE_SYSTEMS]

    def load(self, rate: float, system: str) -> Load:
        """A steady load for `system`; at 1,000 events/s a JVM compiles for minutes."""
        return Load(
            events_per_second=rate,
            warm_up_seconds=(
                self.jvm_warm_up_seconds if system in _STREAMS else self.warm_up_seconds
            ),
            seconds=self.latency_seconds,
        )

    def text(self) -> str:
        """The plan in a sentence."""
        return (
            f"{'; '.join(f'{name}: {self._parts_text(name)}' for name in self.workloads)}; systems "
            f"{', '.join(self.systems)}; keys {', '.join(self.keys)}; "
            f"{self.events:,} events, {self.partitions} partitions; latency at "
            f"{', '.join(f'{rate:,.0f}' for rate in self.rates)} events/s"
        )

    def _parts_text(self, workload: str) -> str:
        parts = self.parts_of(workload)
        return ", ".join(f"{part} {self.rounds_of(workload, part)} times" for part in parts)


FULL = Plan()
# What fits into ten minutes on two cores; everything else takes `make bench`.
QUICK = Plan(
    systems=(US, "plain", "plain-each", EXPERT_LARGE, "bytewax-each"),
    workloads=("stateless",),
    parts=("throughput", "latency"),
    keys=("uniform",),
    rounds=1,
    events=1_500_000,
    long_throughput_seconds=40.0,
    rates=(1_000.0,),
    jvm_warm_up_seconds=60.0,
)


def rotated(names: Sequence[str], round_number: int) -> Sequence[str]:
    """The order in round 1, 2, …: every system is first once before any is again."""
    first = (round_number - 1) % len(names) if names else 0
    return [*names[first:], *names[:first]]
