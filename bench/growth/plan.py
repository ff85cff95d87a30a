"""Which sizes the growth benchmark runs through."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.growth.points import Setting
from bench.suite.load.keys import Customers

_SEED = 11
# Of fewer customers than this in a partition, some would share rows of a batch.
BATCH_ROWS = 4_000


@dataclass(frozen=True, kw_only=True)
class GrowthPlan:
    """Customers grow at `base_partitions`, partitions grow at `base_customers`.

    events: of every run, so that all are equally warm; the default is two turns of a million
    customers, so that the measured half meets whom the stream has just met. With more customers
    than that it meets everyone for the first time.
    """

    workload: str = "stateless"
    customers: Sequence[int] = (10_000, 100_000, 1_000_000, 10_000_000)
    partitions: Sequence[int] = (1, 2, 4, 8)
    base_customers: int = 100_000
    base_partitions: int = 2
    events: int = 2_000_000
    rounds: int = 2

    def settings(self, round_number: int) -> Sequence[Setting]:
        """What a round from 1 on measures: few customers first, in even rounds last."""
        sizes = {(customers, self.base_partitions) for customers in self.customers}
        widths = {(self.base_customers, partitions) for partitions in self.partitions}
        settings = sizes | widths if round_number == 1 else set(filter(self.met_again, sizes))
        return sorted(settings, reverse=round_number % 2 == 0)

    def met_again(self, setting: Setting) -> bool:
        """Whether the measured half meets customers whom the stream has just met."""
        return setting[0] <= self.events // 2 and setting[1] == self.base_partitions

    def text(self) -> str:
        """The plan in a sentence."""
        return (
            f"Workload {self.workload}, {self.events:,} events; "
            f"{', '.join(f'{customer:,}' for customer in self.customers)} customers at "
            f"{self.base_partitions} partitions, up to {self.events // 2:,} in {self.rounds} "
            f"rounds; {', '.join(map(str, self.partitions))} partitions at "
            f"{self.base_customers:,} customers."
        )


def in_turns(customers: int, *, events: int) -> Customers:
    """Customers in random order, everyone once before anyone is again; int64 (events,)."""
    random = np.random.default_rng(_SEED)
    if events <= customers:
        # A sample without repeats; a permutation of ten million would be made for a few of them.
        return random.choice(customers, size=events, replace=False).astype(np.int64)
    turns = -(-events // customers)
    return np.concatenate([random.permutation(customers) for _ in range(turns)])[:events]
