"""How estimators are fitted wherever Everscore trains one."""

from collections.abc import Iterator
from contextlib import contextmanager

from models.training.weighted_bins import quick_weighted_bins


@contextmanager
def reproducible_fitting() -> Iterator[None]:
    """Within it, equal rows give an estimator with equal bits on every machine, in good time.

    One thread: sums of several depend on how many there are, and two threads that contend for two
    busy cores took 19 s for what one does in 1 s.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1), quick_weighted_bins():
        yield
