"""A search for better hyper-parameters on time-ordered folds, with Optuna.

Akiba et al., "Optuna: A Next-generation Hyperparameter Optimization Framework" (2019); its
tree-structured Parzen estimator proposes, its median rule ends trials that begin badly.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from batch.training.protocol import Split
from models.training.fitting import reproducible_fitting
from models.training.search_space import Choice, Search
from scenarios.contract.loading import provided
from scenarios.simulation.labelled_history import LabelledHistory

Floats = npt.NDArray[np.float64]

_TRIALS_BEFORE_PRUNING = 8


class NothingToTune(ValueError):
    """The scenario declares no search, or no trial could be finished."""

    exit_code = 2


@dataclass(frozen=True)
class Fold:
    """One validation round."""

    test_start: date
    split: Split


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One choice and its average precision per fold; fewer folds when it was given up early."""

    number: int
    choice: Choice
    average_precisions: tuple[float, ...]
    is_complete: bool
    seconds: float

    @property
    def mean(self) -> float:
        """Mean average precision of the folds that ran."""
        return float(np.mean(self.average_precisions))


@dataclass(frozen=True)
class TuningSet:
    """What every trial works on; features float64 (n, k) of the history's events."""

    history: LabelledHistory
    features: Floats
    folds: Sequence[Fold]


def load_search(scenario: str, module: str) -> Search:
    """`SEARCH` of the module `tuning` beside the scenario's; raises `NothingToTune`."""
    name = f"{module.rpartition('.')[0]}.tuning"
    search: Search | None = provided(name, "SEARCH")
    if search is None:
        raise NothingToTune(f"scenario {scenario!r} has no {name}.SEARCH")
    return search


def search_best(
    search: Search,
    tuning_set: TuningSet,
    *,
    trials: int,
    seed: int,
    on_trial: Callable[[Trial], None],
) -> Trial:
    """The complete trial with the highest mean average precision; `on_trial` gets every one."""
    import optuna
    from optuna.trial import TrialState

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_TRIALS_BEFORE_PRUNING),
    )
    study.enqueue_trial(dict(search.first))
    ended: dict[int, Trial] = {}

    def objective(optuna_trial: Any) -> float:
        choice = {name: _suggested(optuna_trial, name, search) for name in search.ranges}
        trial = _run_trial(optuna_trial, choice, search, tuning_set, seed=seed)
        ended[optuna_trial.number] = trial
        on_trial(trial)
        if not trial.is_complete:
            raise optuna.TrialPruned
        return trial.mean

    study.optimize(objective, n_trials=trials)
    complete = study.get_trials(states=(TrialState.COMPLETE,))
    if not complete:
        raise NothingToTune(f"none of {trials} trials was completed")
    return ended[study.best_trial.number]


def _suggested(optuna_trial: Any, name: str, search: Search) -> float:
    allowed = search.ranges[name]
    if allowed.is_whole:
        low, high = round(allowed.low), round(allowed.high)
        return float(optuna_trial.suggest_int(name, low, high, log=allowed.is_log))
    return float(optuna_trial.suggest_float(name, allowed.low, allowed.high, log=allowed.is_log))


def _run_trial(
    optuna_trial: Any, choice: Choice, search: Search, tuning_set: TuningSet, *, seed: int
) -> Trial:
    started = time.monotonic()
    precisions: list[float] = []
    is_complete = True
    for number, fold in enumerate(tuning_set.folds):
        precisions.append(_average_precision(search.ranker(choice, seed), tuning_set, fold.split))
        optuna_trial.report(float(np.mean(precisions)), step=number)
        if number + 1 < len(tuning_set.folds) and optuna_trial.should_prune():
            is_complete = False
            break
    return Trial(
        number=optuna_trial.number,
        choice=choice,
        average_precisions=tuple(precisions),
        is_complete=is_complete,
        seconds=time.monotonic() - started,
    )


def _average_precision(estimator: Any, tuning_set: TuningSet, rows: Split) -> float:
    from sklearn.metrics import average_precision_score

    features, outcomes = tuning_set.features, tuning_set.history.outcomes
    with reproducible_fitting():
        estimator.fit(features[rows.train], outcomes[rows.train])
        scores = estimator.predict_proba(features[rows.test])[:, 1]
    return float(average_precision_score(outcomes[rows.test], scores))
