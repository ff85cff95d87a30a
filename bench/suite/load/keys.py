"""Which customer each event belongs to: evenly spread, or a few who send most."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

Customers = npt.NDArray[np.int64]

CUSTOMERS = 50_000
ZIPF_EXPONENT = 1.1
_SEED = 42


def uniform(events: int, random: np.random.Generator) -> Customers:
    """Customers 0 to 49,999, each as likely as any other; int64 (events,)."""
    return random.integers(0, CUSTOMERS, size=events, dtype=np.int64)


def zipf(events: int, random: np.random.Generator) -> Customers:
    """The same customers, the k-th most active one with a share proportional to k^-1.1.

    Activity has nothing to do with the customer's number, so partitions stay as even as they can.
    """
    shares = np.arange(1, CUSTOMERS + 1, dtype=np.float64) ** -ZIPF_EXPONENT
    ranks = np.searchsorted(np.cumsum(shares) / shares.sum(), random.random(events), side="right")
    by_rank = random.permutation(CUSTOMERS).astype(np.int64)
    return by_rank[np.minimum(ranks, CUSTOMERS - 1)]


def one(events: int, random: np.random.Generator) -> Customers:
    """Customer 0 alone; int64 (events,)."""
    return np.zeros(events, dtype=np.int64)


DISTRIBUTIONS: Mapping[str, Callable[[int, np.random.Generator], Customers]] = {
    "uniform": uniform,
    "zipf": zipf,
}


# For feeds only; no throughput is measured over it.
OF_FEEDS: Mapping[str, Callable[[int, np.random.Generator], Customers]] = {
    **DISTRIBUTIONS,
    "one": one,
}


def customers_of(distribution: str, *, events: int) -> Customers:
    """The customers of `events` events; the same ones every time."""
    return DISTRIBUTIONS[distribution](events, np.random.default_rng(_SEED))
