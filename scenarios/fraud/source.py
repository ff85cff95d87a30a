"""Where payments come from: the Handbook's file, and payments drawn from it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scenarios.fraud.columns import labelled_history
from scenarios.fraud.history import History
from scenarios.fraud.payments import Payments, payments_file, read_payments
from scenarios.fraud.simulator import FollowUps
from scenarios.simulation.labelled_history import LabelledHistory
from scenarios.simulation.records import Record


@dataclass(frozen=True)
class FraudSource:
    """Events of `payments`."""

    payments: Payments

    def history(self, *, with_labels: bool) -> Sequence[Record]:
        """The payments day by day and, `with_labels`, each day's verdicts after its payments.

        The same bytes every time.
        """
        return History(self.payments, has_verdicts=with_labels)

    def follow_ups(
        self, *, seed: int, now: Callable[[], datetime], bad_share: float, too_large_bytes: int
    ) -> Iterable[Record]:
        """Endless simulated payments; see `FollowUps`."""
        return FollowUps(
            payments=self.payments,
            seed=seed,
            now=now,
            bad_share=bad_share,
            too_large_bytes=too_large_bytes,
        )

    def history_columns(self) -> LabelledHistory:
        """All payments with their outcomes, as columns."""
        return labelled_history(self.payments)


def open_source(file: Path | None, limit: int | None) -> FraudSource:
    """The source for the first `limit` customers of `file`, by default `payments_file()`.

    Raises `FraudFileError`.
    """
    return FraudSource(read_payments(file or payments_file(), limit=limit))
