"""The protocol's results as tables: the models beside each other, and what the policy does."""

import sys
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from rich.table import Table

from batch.training.protocol import Protocol, days_of
from batch.training.protocol_run import Round
from models.evaluation.card_precision import CARDS_PER_DAY
from models.evaluation.cost_thresholds import cards_in_days
from models.registry.run_log import LoggedRun
from reports.terminal import Terminal
from scenarios.contract.policy import Policy
from scenarios.contract.scenario import Scenario
from scenarios.simulation.labelled_history import LabelledHistory

_WIDTH = 140
_MEASURES = ("auroc", "average_precision", "card_precision", "brier", "expected_calibration_error")


def print_report(
    rounds: Sequence[Round], history: LabelledHistory, scenario: Scenario, protocol: Protocol
) -> None:
    """Print both tables, the second for the scenario's own model, to stdout."""
    own_rounds = [test_round for test_round in rounds if test_round.candidate == scenario.name]
    out = Terminal(width=None if sys.stdout.isatty() else _WIDTH)
    out.print(measures_table(rounds))
    out.print(bands_table(own_rounds, history, scenario.policy, protocol))


def measures_table(rounds: Sequence[Round]) -> Table:
    """One line per test and model, then each model's mean over the tests."""
    table = Table(title="measures of the test days", title_justify="left", box=None)
    for name in ("test from", "model"):
        table.add_column(name)
    short = ("AUROC", "avg. precision", f"card prec. {CARDS_PER_DAY}", "Brier", "calibration error")
    for name in (*short, "payments", "removed"):
        table.add_column(name, justify="right")
    for test_round in rounds:
        sizes = (f"{int(test_round.split.test.sum()):,}", f"{test_round.split.removed:,}")
        table.add_row(
            str(test_round.test_start), test_round.candidate, *_figures([test_round]), *sizes
        )
    for model in dict.fromkeys(test_round.candidate for test_round in rounds):
        model_rounds = [test_round for test_round in rounds if test_round.candidate == model]
        table.add_row("mean", model, *_figures(model_rounds), "", "", style="bold")
    return table


def bands_table(
    rounds: Sequence[Round], history: LabelledHistory, policy: Policy, protocol: Protocol
) -> Table:
    """What falls into each band of `policy` a day: cases, entities, and how many are positive."""
    table = Table(title="a day under the policy", title_justify="left", box=None)
    for name in ("test from", "band", "from score"):
        table.add_column(name)
    for name in ("payments", "cards", "frauds", "share of frauds", "of all frauds"):
        table.add_column(name, justify="right")
    limits = policy.thresholds()
    for test_round in rounds:
        outcomes = history.outcomes[test_round.split.test]
        cards = history.events.entity_codes[test_round.split.test]
        days_paid = days_of(history.events.times_ms)[test_round.split.test]
        bands = np.searchsorted(list(limits.values()), test_round.scores, side="right") - 1
        for code, (band, lowest) in enumerate(limits.items()):
            inside = bands == code
            cases, frauds = int(inside.sum()), int(outcomes[inside].sum())
            days = protocol.test_days
            table.add_row(
                str(test_round.test_start),
                band,
                f"{lowest:.3f}",
                f"{cases / days:,.1f}",
                f"{cards_in_days(days_paid[inside], cards[inside]) / days:,.1f}",
                f"{frauds / days:,.1f}",
                f"{frauds / max(cases, 1):.3f}",
                f"{frauds / max(int(outcomes.sum()), 1):.3f}",
            )
    return table


def logged(test_round: Round, protocol: Protocol, *, git_commit: str) -> LoggedRun:
    """The round as it is stored in MLflow."""
    return LoggedRun(
        name=f"{test_round.candidate} from {test_round.test_start}",
        params={
            "model": test_round.candidate,
            "test_start": test_round.test_start,
            **asdict(protocol),
        },
        metrics=test_round.metrics(),
        tags={"everscore.evaluation": "protocol", "mlflow.source.git.commit": git_commit},
    )


def _figures(rounds: Sequence[Round]) -> list[str]:
    digits = {"brier": 5, "expected_calibration_error": 5}
    return [
        f"{np.mean([getattr(test_round, name) for test_round in rounds]):.{digits.get(name, 3)}f}"
        for name in _MEASURES
    ]
