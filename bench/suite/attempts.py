"""One run after the other: each in a place of its own, recorded as a figure or as a failure."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from rich.console import Console

from bench.suite.measurements.results import Failure, Results
from bench.suite.plan import Plan, rotated
from bench.suite.systems.catalogue import System
from bench.suite.systems.ground import Ground
from bench.suite.systems.place import Place

# A failed run of one system leaves the others' figures what they are.
_REASON_CHARACTERS = 300
_FOLDERS = re.compile(r"(?:/[^\s/:'\"]+)+/")


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A system's turn in a round of one part of the plan."""

    part: str
    ground: Ground
    system: System
    round_number: int

    def __str__(self) -> str:
        """As the progress names it."""
        workload = self.ground.workload.name
        return f"{workload}, {self.part}, round {self.round_number}, {self.system.name}"


@dataclass
class Attempts:
    """What all parts of a run share; `save` is called whenever `results` have grown."""

    plan: Plan
    systems: Mapping[str, System]
    console: Console
    save: Callable[[Results], None]
    results: Results = field(default_factory=Results)
    # On a platform that is used again, an earlier run's tables are another's.
    _numbers: Iterator[int] = field(default_factory=lambda: count(int(time.time())))

    def turns(self, part: str, ground: Ground, names: Sequence[str]) -> Iterator[Sequence[Turn]]:
        """Round by round the turns of those of `names` that are there; the order rotates."""
        present = [name for name in names if name in self.systems]
        for number in range(1, self.plan.rounds_of(ground.workload.name, part) + 1):
            yield [
                Turn(part=part, ground=ground, system=self.systems[name], round_number=number)
                for name in rotated(present, number)
            ]

    def place(self, ground: Ground, name: str) -> Place:
        """A new place."""
        return ground.place(f"b{next(self._numbers)}_{name.replace('-', '_')}")

    @contextmanager
    def attempt(self, turn: Turn) -> Iterator[Place]:
        """A place for the turn, cleared afterwards; an error inside becomes a failure."""
        place = self.place(turn.ground, turn.system.name)
        try:
            yield place
        except Exception as error:  # whatever a system under test may do
            self.tell(f"{turn} FAILED: {type(error).__name__}: {error}")
            self.results.failures.append(
                Failure(
                    part=turn.part,
                    workload=turn.ground.workload.name,
                    system=turn.system.name,
                    round_number=turn.round_number,
                    reason=reason_of(error),
                )
            )
        finally:
            turn.ground.clear(place)
            self.save(self.results)

    def tell(self, line: str) -> None:
        """Print a line of progress with the time."""
        now = time.strftime("%H:%M:%SZ", time.gmtime())
        self.console.print(f"{now} {line}", markup=False, highlight=False, soft_wrap=True)


def reason_of(error: Exception) -> str:
    """The error's kind and message for a report, which is read on other machines.

    Of several lines the first and the last one, which names the cause; paths without their folders.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = " ".join(lines if len(lines) < 2 else (lines[0], lines[-1]))
    return f"{type(error).__name__}: {_FOLDERS.sub('', message)}"[:_REASON_CHARACTERS]
