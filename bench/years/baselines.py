"""What others would notice on the same streams: a weekly z-test, ADWIN, Evidently's preset."""

import math
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.years.notices import Notice, measures_control
from models.evaluation.auroc import auroc_influences
from monitoring.cases import Cases
from monitoring.period_data import PeriodData
from monitoring.simulation.world import HISTORY_WEEKS, WEEKS, World, Year, mature
from monitoring.watching import REFERENCE_PERIODS

_Z = 1.6448536  # one-sided, 5 %


def weekly_z_tests(played: Year) -> list[Notice]:
    """Wait for mature labels and test every week: AUROC too low or Brier too high, at 5 % each."""
    world = played.world
    known = mature(played.periods, world)[: WEEKS - world.maturity_weeks]
    labelled = [_labelled(data.cases, world) for data in known]
    areas, losses = [], []
    for cases in labelled:
        if not 0.0 < cases.labels.sum() < len(cases):
            areas.append((math.nan, math.nan))
            losses.append((math.nan, math.nan))
            continue
        area, influences = auroc_influences(cases.labels, cases.scores)
        areas.append((area, float((influences**2).sum())))
        loss = (cases.scores - cases.labels) ** 2
        losses.append((float(loss.mean()), float(loss.var()) / len(loss)))
    alarms = []
    for figures, sign in ((np.array(areas), -1.0), (np.array(losses), 1.0)):
        before = figures[:REFERENCE_PERIODS].mean(axis=0) / [1.0, REFERENCE_PERIODS]
        with np.errstate(invalid="ignore"):
            z = sign * (figures[:, 0] - before[0]) / np.sqrt(figures[:, 1] + before[1])
        alarms += np.flatnonzero(z > _Z).tolist()
    return [
        Notice(week=week + world.maturity_weeks, part="z-test", subject="", harm=True)
        for week in sorted(set(alarms))
        if week >= HISTORY_WEEKS
    ]


def adwin_on_losses(played: Year) -> list[Notice]:
    """ADWIN at river's defaults on the loss of each mature case, in order; changes to the worse."""
    from river.drift import ADWIN

    world = played.world
    known = mature(played.periods, world)[: WEEKS - world.maturity_weeks]
    detector, alarms = ADWIN(), []
    for data in known:
        cases = _labelled(data.cases, world)
        for loss in ((cases.scores - cases.labels) ** 2).tolist():
            before = detector.estimation
            detector.update(loss)
            is_worse = detector.drift_detected and detector.estimation > before
            if is_worse and data.period.number >= HISTORY_WEEKS:
                week = data.period.number + world.maturity_weeks
                alarms.append(Notice(week=week, part="ADWIN", subject="", harm=True))
    return alarms


def adwin_on_scores(played: Year) -> list[Notice]:
    """ADWIN at river's defaults on the scores as they are made."""
    from river.drift import ADWIN

    detector, alarms = ADWIN(), []
    for data in played.periods:
        for score in data.cases.scores.tolist():
            detector.update(score)
            if detector.drift_detected and data.period.number >= HISTORY_WEEKS:
                alarms.append(
                    Notice(week=data.period.number, part="ADWIN", subject="score", harm=True)
                )
    return alarms


def evidently_preset(played: Year, *, every_weeks: int) -> list[Notice]:
    """Evidently's DataDriftPreset at defaults, against the weeks before the year.

    An alarm is a week in which it calls any column drifted.
    """
    reference = _frame(played.periods[HISTORY_WEEKS - 4 : HISTORY_WEEKS])
    alarms = []
    for data in played.periods[HISTORY_WEEKS:WEEKS:every_weeks]:
        count = _drifted_columns(_frame([data]), reference)
        if count:
            alarms.append(
                Notice(week=data.period.number, part="Evidently", subject=str(count), harm=True)
            )
    return alarms


def _labelled(cases: Cases, world: World) -> Cases:
    is_measured = cases.is_control if measures_control(world) else np.ones(len(cases), np.bool_)
    return cases.where(cases.is_labelled & is_measured)


def _frame(periods: Sequence[PeriodData]) -> pd.DataFrame:
    features = np.concatenate([data.features for data in periods])
    frame = pd.DataFrame(features, columns=list(periods[0].feature_names))
    frame["score"] = np.concatenate([data.cases.scores for data in periods])
    return frame


def _drifted_columns(new: pd.DataFrame, old: pd.DataFrame) -> int:
    # Evidently and what it brings send usage data unless these are set before the import.
    os.environ["DO_NOT_TRACK"] = os.environ["ITERATIVE_DO_NOT_TRACK"] = "1"
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    definition = DataDefinition(
        numerical_columns=[name for name in new.columns if name != "plan"],
        categorical_columns=["plan"],
    )
    current, reference = (
        Dataset.from_pandas(frame.astype({"plan": str}), data_definition=definition)
        for frame in (new, old)
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        metrics = Report([DataDriftPreset()]).run(current, reference).dict()["metrics"]
    return int(next(_counts(metrics)))


def _counts(metrics: Sequence[dict[str, Any]]) -> Iterator[float]:
    for metric in metrics:
        value = metric["value"]
        if isinstance(value, dict) and "count" in value:
            yield float(value["count"])
