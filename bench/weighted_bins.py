"""A fit of the fraud scenario's trees: scikit-learn's bins of weighted rows beside ours."""

import time
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from threadpoolctl import threadpool_limits
from typer import Option

from bench.machine import tell_machine
from jobs.launcher.outcome import ending_with_exit_code
from models.training.recipes import boosted_trees
from models.training.weighted_bins import quick_weighted_bins
from reports.terminal import Terminal
from scenarios.fraud.parameters import PARAMETERS
from scenarios.fraud.scenario import SCENARIO

_SEED = 1

Floats = npt.NDArray[np.float64]


def main(
    rows: Annotated[int, Option(min=1_000, help="Rows to train on.")] = 12_000,
    rounds: Annotated[int, Option(min=1, help="Alternations.")] = 3,
) -> None:
    """Measure both in turns; the last line holds the ratio."""
    console = Terminal(stderr=True)
    with ending_with_exit_code(console, verbose=False):
        tell_machine(console)
        features, outcomes = _drawn(rows)
        _seconds(features[:1_000], outcomes[:1_000], quick_weighted_bins())  # compiles and imports
        ratios = []
        for number in range(1, rounds + 1):
            library = _seconds(features, outcomes, nullcontext())
            ours = _seconds(features, outcomes, quick_weighted_bins())
            ratios.append(library / ours)
            console.print(f"round {number}: scikit-learn's bins {library:.2f} s, ours {ours:.2f} s")
    print(f"a fit on {rows:,} rows: {float(np.median(ratios)):.1f} times as fast as without")


def _drawn(rows: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Features (rows, k), as many as the scenario has, and outcomes (rows,), few positive."""
    random = np.random.default_rng(_SEED)
    features = random.normal(size=(rows, len(SCENARIO.feature_names)))
    features[random.random(features.shape) < 0.1] = np.nan
    outcomes = np.nan_to_num(features[:, 0]) + random.normal(size=rows) > 2.6
    return features, outcomes.astype(np.int64)


def _seconds(
    features: Floats, outcomes: npt.NDArray[np.int64], bins: AbstractContextManager[None]
) -> float:
    estimator = boosted_trees(_SEED, parameters=PARAMETERS)
    with threadpool_limits(limits=1), bins:
        started = time.perf_counter()
        estimator.fit(features, outcomes)
        return time.perf_counter() - started


if __name__ == "__main__":
    typer.run(main)
