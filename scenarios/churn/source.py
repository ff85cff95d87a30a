"""Where churn events come from: the Telco file, and a simulation that follows it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scenarios.churn.simulator import FollowUps
from scenarios.churn.telco import Customer, history, read_customers
from scenarios.simulation.records import Record

_TELCO_FILE = Path(__file__).resolve().parents[2] / "data" / "telco_churn.csv"


@dataclass(frozen=True)
class ChurnSource:
    """Events of `customers`."""

    customers: Sequence[Customer]

    def history(self, *, with_labels: bool) -> Sequence[Record]:
        """A profile event per customer and, `with_labels`, then each one's outcome.

        The same bytes every time.
        """
        return list(history(self.customers, with_labels=with_labels))

    def follow_ups(
        self, *, seed: int, now: Callable[[], datetime], bad_share: float, too_large_bytes: int
    ) -> Iterable[Record]:
        """Endless simulated events; see `FollowUps`."""
        return FollowUps(
            customers=self.customers,
            seed=seed,
            now=now,
            bad_share=bad_share,
            too_large_bytes=too_large_bytes,
        )


def open_source(file: Path | None, limit: int | None) -> ChurnSource:
    """The source for the first `limit` customers of `file`, by default the Telco file in data/.

    Raises `TelcoFileError`.
    """
    return ChurnSource(read_customers(file or _TELCO_FILE, limit=limit))
