"""A search as it goes on: a line for each trial on screen, a run for each in MLflow."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from batch.training.tune import Trial
from batch.training.tuned_thresholds import TunedThresholds
from models.registry.run_log import LoggedRun, RunLog


@dataclass(kw_only=True)
class TrialProgress:
    """Called with each trial; `folds` are the first validation days, in the order of the folds."""

    log: RunLog
    trials: int
    folds: Sequence[date]
    show: Callable[[str], None]
    _done: int = 0
    _best: float = float("-inf")
    _started: float = field(default_factory=time.monotonic)

    def __call__(self, trial: Trial) -> None:
        """Show and log `trial`."""
        self._done += 1
        if trial.is_complete:
            self._best = max(self._best, trial.mean)
        self.log.add(self._run(trial))
        elapsed = time.monotonic() - self._started
        minutes = elapsed / self._done * (self.trials - self._done) / 60
        precision = f"{trial.mean:.4f}" if trial.is_complete else f"given up at {trial.mean:.4f}"
        self.show(
            f"trial {self._done} of {self.trials}: average precision {precision}, "
            f"best {self._best:.4f}, {trial.seconds:.0f} s, about {minutes:.0f} min left"
        )

    def keep_best(self, best: Trial, thresholds: TunedThresholds) -> None:
        """Log the best trial's choice and thresholds with the search itself."""
        metrics = {"average_precision": best.mean, **thresholds.metrics()}
        self.log.describe(LoggedRun(name="best", params=best.choice, metrics=metrics))

    def _run(self, trial: Trial) -> LoggedRun:
        per_fold = zip(self.folds, trial.average_precisions, strict=False)
        return LoggedRun(
            name=f"trial {trial.number}",
            params=trial.choice,
            metrics={
                "average_precision": trial.mean,
                **{f"average_precision_{day}": value for day, value in per_fold},
                "seconds": trial.seconds,
            },
            tags={"everscore.trial": "complete" if trial.is_complete else "given up"},
        )
