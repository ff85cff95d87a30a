"""Features of the whole payments file: our fold beside pandas' rolling windows per group."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import numpy.typing as npt
import typer
from rich.table import Table
from typer import Option

from batch.training_sets.history_features import history_features
from bench.machine import tell_machine
from bench.offline_features.handbook_features import (
    as_matrix,
    handbook_features,
    payments_frame,
    with_handbook_features,
)
from jobs.launcher.outcome import ending_with_exit_code
from reports.terminal import Terminal
from scenarios.fraud.columns import HANDBOOK_FEATURES, labelled_history
from scenarios.fraud.payments import Payments, payments_file, read_payments
from scenarios.fraud.scenario import SCENARIO

_AIM = 10.0
_LARGEST_DIFFERENCE = 1e-9
_WARMING_CUSTOMERS = 20

Floats = npt.NDArray[np.float64]
Made = TypeVar("Made")


@dataclass(frozen=True, kw_only=True)
class Round:
    """Seconds of one alternation: the Handbook's features by both, all of the scenario's by us."""

    pandas_seconds: float
    fold_seconds: float
    fold_all_seconds: float
    largest_difference: float

    @property
    def ratio(self) -> float:
        """How many times faster the fold is, both with the Handbook's features."""
        return self.pandas_seconds / self.fold_seconds


def main(
    rounds: Annotated[int, Option(min=1, help="Alternations.")] = 3,
    customers: Annotated[int | None, Option(min=1, help="Take only the first so many.")] = None,
    file: Annotated[Path | None, Option(help="Another payments file.")] = None,
) -> None:
    """Measure both; the last line holds the ratio that must be 10 or more."""
    console = Terminal(stderr=True)
    with ending_with_exit_code(console, verbose=False):
        tell_machine(console)
        payments = read_payments(file or payments_file(), limit=customers)
        few = payments.of_first_customers(_WARMING_CUSTOMERS)
        _round(few)  # compiles the fold
        measured_rounds = []
        for number in range(1, rounds + 1):
            console.print(f"round {number} of {rounds}: {len(payments):,} payments")
            measured_rounds.append(_round(payments))
    Terminal(width=None if sys.stdout.isatty() else 120).print(_table(measured_rounds))
    ratio = float(np.median([turn.ratio for turn in measured_rounds]))
    worst = max(turn.largest_difference for turn in measured_rounds)
    print(
        f"offline features: fold {ratio:.1f} times as fast as pandas (aim {_AIM:.0f}), "
        f"largest difference {worst:.1e} (aim {_LARGEST_DIFFERENCE:.0e})"
    )
    if ratio < _AIM or worst > _LARGEST_DIFFERENCE:
        raise typer.Exit(5)


def _round(payments: Payments) -> Round:
    reduced = with_handbook_features()
    history, frame = labelled_history(payments), payments_frame(payments)
    pandas_seconds, peer = _timed(lambda: handbook_features(frame))
    fold_seconds, ours = _timed(lambda: history_features(reduced, history))
    fold_all_seconds, _ = _timed(lambda: history_features(SCENARIO, history))
    return Round(
        pandas_seconds=pandas_seconds,
        fold_seconds=fold_seconds,
        fold_all_seconds=fold_all_seconds,
        largest_difference=_difference(as_matrix(peer, reduced.feature_names), ours),
    )


def _timed(make: Callable[[], Made]) -> tuple[float, Made]:
    started = time.perf_counter()
    made = make()
    return time.perf_counter() - started, made


def _difference(peer: Floats, ours: Floats) -> float:
    """The largest; what is missing with us is 0 in the Handbook."""
    return float(np.abs(np.nan_to_num(ours, nan=0.0) - peer).max())


def _table(rounds: Sequence[Round]) -> Table:
    handbook, everything = len(HANDBOOK_FEATURES), len(SCENARIO.feature_names)
    table = Table(box=None)
    for name in (
        "round",
        f"pandas, {handbook} features",
        f"fold, {handbook}",
        f"fold, all {everything}",
    ):
        table.add_column(name, justify="right")
    table.add_column("ratio", justify="right")
    for number, turn in enumerate(rounds, start=1):
        seconds = (turn.pandas_seconds, turn.fold_seconds, turn.fold_all_seconds)
        table.add_row(f"{number}", *(f"{value:.1f} s" for value in seconds), f"{turn.ratio:.1f}")
    return table


if __name__ == "__main__":
    typer.run(main)
