"""Thresholds by cost on the scores that the best choice gives in the validation weeks."""

from dataclasses import dataclass

import numpy as np

from batch.training.protocol import days_of
from batch.training.tune import TuningSet
from models.evaluation.cost_thresholds import (
    Scored,
    Thresholds,
    thresholds_by_cost,
    total_cost_usd,
)
from models.training.fitting import reproducible_fitting
from models.training.search_space import Choice, Search


@dataclass(frozen=True, kw_only=True)
class TunedThresholds:
    """The thresholds, and what a day costs with them and when everything is allowed."""

    thresholds: Thresholds
    usd_per_day: float
    usd_per_day_without: float

    def lines(self) -> list[str]:
        """For a person to read and to store."""
        thresholds = self.thresholds
        return [
            f"REVIEW_FROM = {thresholds.review_from:.3f}",
            f"BLOCK_FROM = {thresholds.block_from:.3f}",
            f"# {thresholds.cards_reviewed_per_day:.0f} cards reviewed a day, a review counted as "
            f"{thresholds.review_price_usd:.2f} USD; {self.usd_per_day:,.0f} USD a day, "
            f"{self.usd_per_day_without:,.0f} when everything is allowed",
        ]

    def metrics(self) -> dict[str, float]:
        """All of it by name."""
        return {
            "review_from": self.thresholds.review_from,
            "block_from": self.thresholds.block_from,
            "cards_reviewed_per_day": self.thresholds.cards_reviewed_per_day,
            "usd_per_day": self.usd_per_day,
            "usd_per_day_without": self.usd_per_day_without,
        }


def tuned_thresholds(
    search: Search, tuning_set: TuningSet, choice: Choice, *, seed: int
) -> TunedThresholds:
    """Fit the calibrated estimator on each fold's training rows and score its validation rows."""
    history, features = tuning_set.history, tuning_set.features
    scores = []
    with reproducible_fitting():
        for fold in tuning_set.folds:
            train, test = fold.split.train, fold.split.test
            estimator = search.estimator(choice, seed).fit(features[train], history.outcomes[train])
            scores.append(estimator.predict_proba(features[test])[:, 1])
    rows = np.concatenate([np.flatnonzero(fold.split.test) for fold in tuning_set.folds])
    scored = Scored(
        days=days_of(history.events.times_ms)[rows],
        cards=history.events.entity_codes[rows],
        scores=np.concatenate(scores),
    )
    thresholds = thresholds_by_cost(scored, search.costs)
    outcomes, days = history.outcomes[rows], len(np.unique(scored.days))
    cost_usd = total_cost_usd(outcomes, scored, search.costs, thresholds)
    return TunedThresholds(
        thresholds=thresholds,
        usd_per_day=cost_usd / days,
        usd_per_day_without=float(outcomes.sum()) * search.costs.missed_usd / days,
    )
