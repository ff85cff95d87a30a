"""Search better hyper-parameters for a scenario's model on the weeks before a test."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

from typer import Option

from batch.training.protocol import Protocol
from batch.training.protocol_run import split_of
from batch.training.trial_progress import TrialProgress
from batch.training.tune import Fold, TuningSet, load_search, search_best
from batch.training.tuned_thresholds import tuned_thresholds
from batch.training_sets.history_features import history_features, load_history
from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.wiring.from_settings import tracking_place
from models.registry.run_log import open_run_log

SPARK = False


def main(
    scenario: ScenarioOption,
    test_start: Annotated[
        datetime, Option(formats=["%Y-%m-%d"], help="No verdict of this day or later is used.")
    ],
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    folds: Annotated[int, Option(min=1, help="Validation weeks.")] = 4,
    trials: Annotated[int, Option(min=1, help="How many choices are tried.")] = 40,
    file: Annotated[Path | None, Option(help="Another data file of the same form.")] = None,
) -> None:
    with job_run(scenario=scenario, env=env, overrides=overrides, verbose=verbose) as run:
        conf, show, lengths = run.settings, run.log, Protocol()
        seed, module = conf.training.seed, conf.scenarios[scenario]
        search = load_search(scenario, module)
        history = load_history(scenario, module, file=file)
        starts = lengths.validation_starts(test_start.date(), folds)
        weeks = [
            Fold(start, split_of(history, test_start=start, protocol=lengths)) for start in starts
        ]
        show(f"features of {len(history.outcomes):,} events")
        tuning = TuningSet(history, history_features(run.scenario, history), weeks)
        place, title = tracking_place(conf), f"search before {test_start.date()}"
        with open_run_log(place, scenario, name=title, progress=show) as log:
            progress = TrialProgress(log=log, trials=trials, folds=starts, show=show)
            best = search_best(search, tuning, trials=trials, seed=seed, on_trial=progress)
            show("thresholds by cost, on the best trial's validation scores")
            thresholds = tuned_thresholds(search, tuning, best.choice, seed=seed)
            progress.keep_best(best, thresholds)
        print(search.constants(best.choice), *thresholds.lines(), sep="\n")


app = job_app(
    main,
    doc=__doc__,
    example="./spark-submit.sh tune_model --scenario fraud --test-start 2018-06-11",
)
