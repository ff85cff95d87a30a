"""Quiet weeks on paper: how often drift alarms ring although nothing happens, and how soon else.

Weeks of four features and a score; in steady weeks only chance differs, in wandering ones the means
move from week to week as well. Beside ours stands Evidently's preset at its defaults, which calls
a week drifted by half of the columns, and any single column of it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pandas as pd
import typer
from rich.table import Table
from typer import Option

from monitoring.cases import Period
from monitoring.drift.alarms import quiet_weeks
from monitoring.drift.columns import rows_of
from monitoring.drift.options import DriftOptions
from monitoring.period_data import PeriodData
from monitoring.simulation.unlabelled import unlabelled
from reports.terminal import Terminal

Floats = npt.NDArray[np.float64]

_FEATURES = ("age", "balance", "amount", "contract")
_WEEK_MS = 7 * 86_400_000
_QUIET_WEEKS, _TESTED_WEEKS = 8, 4
_SNAPSHOT = 10_000


@dataclass(frozen=True, kw_only=True)
class Design:
    """How weeks differ; wander: standard deviation of a week's mean age, in its own deviations."""

    name: str
    wander: float
    shift: float = 0.0
    broken: bool = False


_DESIGNS = (
    Design(name="quiet, steady", wander=0.0),
    Design(name="quiet, wandering by 0.1", wander=0.1),
    Design(name="one mean moves by 0.3", wander=0.0, shift=0.3),
    Design(name="one mean moves by 1", wander=0.1, shift=1.0),
    Design(name="a tenth goes missing", wander=0.1, broken=True),
)


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Of tested weeks: with any alarm, with one of harm.

    printed: the rates beside alarms of columns, against quiet weeks and snapshot, added up
    """

    any_alarm: float
    harm: float
    printed: float
    weeks: int


def main(
    seeds: Annotated[int, Option(min=1, help="Histories of each design.")] = 100,
    cases: Annotated[int, Option(min=100, help="Cases a week.")] = 1_500,
    rate: Annotated[float, Option(help="Declared share of quiet weeks with an alarm.")] = 0.05,
    evidently_seeds: Annotated[int, Option(min=0, help="Histories that Evidently sees.")] = 5,
    only: Annotated[str, Option(help="Only weeks whose name has this in it.")] = "",
) -> None:
    """Test the weeks and print the table."""
    console = Terminal()
    options = DriftOptions(false_alarm_rate=rate, categories=frozenset({"contract"}))
    table = Table(
        "weeks",
        "tested",
        "any alarm",
        "of harm",
        "declared",
        "of columns, by resamples",
        "Evidently: preset",
        "any column",
        title=f"{seeds:,} histories, {_QUIET_WEEKS} quiet weeks of {cases:,} cases each; "
        f"{evidently_seeds} weeks for Evidently",
    )
    for design in (design for design in _DESIGNS if only in design.name):
        with console.status(design.name) as status:
            shares = alarm_shares(
                design,
                seeds,
                cases,
                options,
                progress=status.update,
            )
            status.update(f"{design.name}: Evidently")
            preset = [_evidently(design, seed, cases) for seed in range(evidently_seeds)]
        by_preset, by_column = (
            f"{np.mean([result[part] for result in preset]):.0%}" if preset else "-"
            for part in (0, 1)
        )
        table.add_row(
            design.name,
            f"{shares.weeks:,}",
            f"{shares.any_alarm:.1%}",
            f"{shares.harm:.1%}",
            f"{rate:.0%}" if design.name.startswith("quiet") else "-",
            f"{shares.printed:.1%}",
            by_preset,
            by_column,
        )
    console.print(table)


def alarm_shares(
    design: Design,
    seeds: int,
    cases: int,
    options: DriftOptions,
    *,
    progress: Callable[[str], None],
) -> Shares:
    """Histories of quiet weeks, and weeks of the design that are tested by them."""
    alarms, harm, printed = 0, 0, []
    for seed in range(seeds):
        quiet = [
            week(seed, number, cases, replace(design, shift=0.0, broken=False))
            for number in range(_QUIET_WEEKS)
        ]
        thresholds = quiet_weeks(quiet, _snapshot(seed, design), options=options)
        if thresholds is None:
            raise ValueError(f"{len(quiet)} quiet weeks are too few for {options}")
        rates = [thresholds.bound.false_alarm_rate]
        if thresholds.reference_bound is not None:
            rates.append(thresholds.reference_bound.false_alarm_rate)
        for number in range(_QUIET_WEEKS, _QUIET_WEEKS + _TESTED_WEEKS):
            result = thresholds.test(week(seed, number, cases, design)).alarms
            alarms += bool(result)
            harm += any(alarm.harm for alarm in result)
        printed.append(sum(rates))
        progress(f"{design.name}: {seed + 1} of {seeds} histories")
    weeks = seeds * _TESTED_WEEKS
    return Shares(
        any_alarm=alarms / weeks,
        harm=harm / weeks,
        printed=float(np.mean(printed)),
        weeks=weeks,
    )


def week(seed: int, number: int, cases: int, design: Design) -> PeriodData:
    """A week of the design, whose features and counts depend on seed and number only."""
    random = np.random.default_rng((seed, number))
    age = random.normal(size=cases) + design.wander * random.normal() + design.shift
    balance = 0.6 * age + 0.8 * random.normal(size=cases)
    balance[random.random(cases) < (0.15 if design.broken else 0.05)] = np.nan
    amount = np.exp(3.0 + random.normal(size=cases))
    contract = random.choice([0.0, 1.0, 2.0], cases, p=[0.6, 0.3, 0.1])
    scores = 1.0 / (1.0 + np.exp(1.0 - age))
    counts = {
        "events": int(random.poisson(2 * cases) * np.exp(0.05 * random.normal())),
        "lateness_ms": int(1_500 * np.exp(0.1 * random.normal())),
        "dead_letter.bad_json": int(random.poisson(4)),
        "dead_letter.unknown_type": int(random.poisson(0.5)),
    }
    reasons = random.multinomial(cases, [0.5, 0.3, 0.2]).tolist()
    return PeriodData(
        period=Period(number=number, begin_ms=number * _WEEK_MS, end_ms=(number + 1) * _WEEK_MS),
        cases=unlabelled(scores, made_ms=number * _WEEK_MS),
        features=np.stack([age, balance, amount, contract], axis=1),
        feature_names=_FEATURES,
        reason_counts=dict(zip(("AGE", "BALANCE", "AMOUNT"), reasons, strict=True)),
        counts=counts,
    )


def _snapshot(seed: int, design: Design) -> PeriodData:
    """The training snapshot: of many weeks, so it lies in their middle."""
    return week(seed, 1_000, _SNAPSHOT, replace(design, wander=0.0, shift=0.0, broken=False))


def _evidently(design: Design, seed: int, cases: int) -> tuple[bool, bool]:
    """Whether the preset at its defaults calls the week drifted, and any of its columns."""
    os.environ["DO_NOT_TRACK"] = os.environ["ITERATIVE_DO_NOT_TRACK"] = "1"
    from evidently import Report
    from evidently.presets import DataDriftPreset

    frames = [
        pd.DataFrame(dict(rows_of(period, most_rows=cases, seed=seed).columns))
        for period in (
            week(seed, _QUIET_WEEKS, cases, design),
            week(seed, 0, cases, replace(design, shift=0.0, broken=False)),
        )
    ]
    with np.errstate(all="ignore"):
        metrics = Report([DataDriftPreset()]).run(*frames).dict()["metrics"]
    (drifted,) = (m for m in metrics if m["config"]["type"].endswith(":DriftedColumnsCount"))
    return drifted["value"]["share"] >= 0.5, drifted["value"]["count"] > 0


if __name__ == "__main__":
    typer.run(main)
