"""Whether quiet weeks look drifted beside the training snapshot, because its rows are other ones.

A training row of a scenario whose labels are of entities has the features of the entity's last
event before its outcome; a case of a period those of its last event in the period. Whoever calls
often has a case in every week, but no more training rows than others. Customers on paper call at
rates that differ and never change, so every alarm is false.
"""

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import typer
from rich.table import Table
from typer import Option

from monitoring.cases import DAY_MS, Flags, Floats, Ints, Period
from monitoring.drift.alarms import quiet_weeks
from monitoring.drift.options import DriftOptions
from monitoring.estimate.calibration import sigmoid
from monitoring.period_data import PeriodData
from monitoring.simulation.unlabelled import unlabelled
from reports.terminal import Terminal

_WEEK_DAYS = 7.0
_FEATURES = ("days_since_last", "calls_30d", "charges_eur")
# Weeks of which rows are trained on, quiet weeks, and weeks that are tested by these.
_TRAINED, _QUIET, _TESTED = range(12, 28), range(28, 36), range(36, 44)
_OF_SNAPSHOT = "the training snapshot"


@dataclass(frozen=True, kw_only=True)
class Design:
    """What a case is, and what a training row: "outcome", "week" (last event before), "event"."""

    name: str
    case: str
    row: str


DESIGNS = (
    Design(name="labels of entities, rows as of outcomes", case="week", row="outcome"),
    Design(name="labels of entities, rows as of weeks", case="week", row="week"),
    Design(name="labels of events, rows as of events", case="event", row="event"),
)


@dataclass(frozen=True, kw_only=True)
class Calls:
    """n calls by customer and time: int64 (n,), days float64 (n,), features float64 (n, 3)."""

    customers: Ints
    days: Floats
    features: Floats


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Of tested weeks: with an alarm beside the snapshot, beside quiet weeks, and without one."""

    by_snapshot: float
    by_weeks: float
    without_snapshot: float
    weeks: int


def main(
    seeds: Annotated[int, Option(min=1, help="Histories of each design.")] = 20,
    customers: Annotated[int, Option(min=100, help="Customers.")] = 3_000,
) -> None:
    """Test the weeks and print the table."""
    console, options = Terminal(), DriftOptions(most_rows=1_000, resamples=500)
    table = Table("design", "weeks tested", "alarm beside the snapshot", "beside quiet weeks",
                  "any, without a snapshot")  # fmt: skip
    for design in DESIGNS:
        with console.status(design.name) as status:
            parts = []
            for seed in range(seeds):
                status.update(f"{design.name}: history {seed + 1} of {seeds}")
                parts.append(alarm_shares(design, calls(customers, seed=seed), options))
        table.add_row(
            design.name,
            f"{sum(part.weeks for part in parts):,}",
            f"{np.mean([part.by_snapshot for part in parts]):.1%}",
            f"{np.mean([part.by_weeks for part in parts]):.1%}",
            f"{np.mean([part.without_snapshot for part in parts]):.1%}",
        )
    console.print(table)


def alarm_shares(design: Design, made: Calls, options: DriftOptions) -> Shares:
    """The tested weeks of one history."""
    weeks = {number: _week(made, number, design.case) for number in (*_QUIET, *_TESTED)}
    quiet = [weeks[number] for number in _QUIET]
    with_snapshot = quiet_weeks(quiet, _snapshot(made, design.row), options=options)
    alone = quiet_weeks(quiet, None, options=options)
    if with_snapshot is None or alone is None:
        raise ValueError(f"{len(quiet)} quiet weeks are too few for {options}")
    beside, usual, without = [], [], []
    for number in _TESTED:
        sentences = [alarm.sentence for alarm in with_snapshot.test(weeks[number]).alarms]
        beside.append(any(_OF_SNAPSHOT in sentence for sentence in sentences))
        usual.append(any(_OF_SNAPSHOT not in sentence for sentence in sentences))
        without.append(bool(alone.test(weeks[number]).alarms))
    return Shares(
        by_snapshot=float(np.mean(beside)),
        by_weeks=float(np.mean(usual)),
        without_snapshot=float(np.mean(without)),
        weeks=len(_TESTED),
    )


def calls(customers: int, *, seed: int) -> Calls:
    """All calls of the weeks; customers call once a week in the mean, some far more often."""
    random = np.random.default_rng((seed, customers))
    rates = random.gamma(1.0, 1.0, customers)
    names = np.repeat(np.arange(customers), random.poisson(rates * _TESTED.stop))
    days = random.uniform(0.0, _TESTED.stop * _WEEK_DAYS, len(names))
    order = np.lexsort((days, names))
    names, days = names[order], days[order]
    since = np.full(len(days), np.nan)
    since[1:] = np.where(names[1:] == names[:-1], np.diff(days), np.nan)
    # One axis for all customers, far enough apart that no window reaches another one.
    places = days + names * 2.0 * _TESTED.stop * _WEEK_DAYS
    in_window = np.arange(len(days)) - np.searchsorted(places, places - 30.0) + 1.0
    charges = np.exp(3.0 + 0.3 * np.log(rates + 0.1) + 0.4 * random.normal(size=customers))
    features = np.column_stack([since, in_window, charges[names]])
    return Calls(customers=names, days=days, features=features)


def _week(made: Calls, number: int, case: str) -> PeriodData:
    inside = _between(made, number, number + 1)
    return _period(made, _last_of_customers(made, inside) if case == "week" else inside, number)


def _snapshot(made: Calls, row: str) -> PeriodData:
    if row == "event":
        rows = _between(made, _TRAINED.start, _TRAINED.stop)
    elif row == "week":
        rows = np.concatenate(
            [_last_of_customers(made, _between(made, week, week + 1)) for week in _TRAINED]
        )
    else:
        # Outcomes lie anywhere in these weeks, one of each customer.
        random = np.random.default_rng(len(made.days))
        count = int(made.customers.max()) + 1
        ends = random.uniform(_TRAINED.start, _TRAINED.stop, count) * _WEEK_DAYS
        rows = _last_of_customers(made, np.flatnonzero(made.days < ends[made.customers]))
    return _period(made, rows, _TRAINED.start)


def _between(made: Calls, first_week: int, end_week: int) -> Ints:
    is_inside: Flags = made.days >= first_week * _WEEK_DAYS
    is_inside &= made.days < end_week * _WEEK_DAYS
    return np.flatnonzero(is_inside)


def _last_of_customers(made: Calls, rows: Ints) -> Ints:
    """The last of each customer's `rows`, which are by customer and time."""
    names = made.customers[rows]
    is_last = np.append(names[1:] != names[:-1], np.ones(min(len(rows), 1), dtype=np.bool_))
    last: Ints = rows[is_last]
    return last


def _period(made: Calls, rows: Ints, number: int) -> PeriodData:
    features = made.features[rows]
    scores = sigmoid(-1.0 + 0.1 * features[:, 1])
    length_ms = int(_WEEK_DAYS * DAY_MS)
    cases = replace(unlabelled(scores, made_ms=number * length_ms), entities=made.customers[rows])
    return PeriodData(
        period=Period(number=number, begin_ms=number * length_ms, end_ms=(number + 1) * length_ms),
        cases=cases,
        features=features,
        feature_names=_FEATURES,
        reason_counts={},
        counts={"events": len(_between(made, number, number + 1))},
    )


if __name__ == "__main__":
    typer.run(main)
