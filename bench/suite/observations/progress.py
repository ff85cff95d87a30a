"""How far a system is: the steps of each partition that are still to come."""

from collections.abc import Mapping, Sequence

from bench.suite.observations.steps import Mark, Step


class Progress:
    """Takes what the rows show and marks the steps that are done, in order per partition."""

    def __init__(self, steps: Mapping[int, Sequence[Step]]) -> None:
        self._left = {partition: list(pending) for partition, pending in steps.items()}
        self.marks: list[Mark] = []

    @property
    def is_done(self) -> bool:
        """Whether every step of every partition is done."""
        return not any(self._left.values())

    def next_customers(self) -> list[str]:
        """The customers whose rows show the next step of each partition."""
        return [
            customer for pending in self._left.values() if pending for customer in pending[0].picks
        ]

    def take(self, shown: Mapping[str, int], *, at_seconds: float) -> bool:
        """Mark what is done by customer → offset shown; True when anything was."""
        done = [
            pending for pending in self._left.values() if pending and _is_done(pending[0], shown)
        ]
        for pending in done:
            step = pending.pop(0)
            mark = Mark(
                partition=step.partition,
                number=step.number,
                events=step.events,
                at_seconds=at_seconds,
            )
            self.marks.append(mark)
        return bool(done)


def _is_done(step: Step, shown: Mapping[str, int]) -> bool:
    return all(shown.get(customer, -1) >= offset for customer, offset in step.picks.items())
