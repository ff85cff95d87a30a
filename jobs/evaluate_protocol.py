"""Train and test a scenario's model by the Fraud Handbook's protocol, beside reference models."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

from typer import Option

from batch.training.protocol import Protocol
from batch.training.protocol_report import logged, print_report
from batch.training.protocol_run import candidates, check_reach, round_of
from batch.training_sets.history_features import history_features, load_history
from jobs.launcher.code_version import git_commit
from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.wiring.from_settings import tracking_place
from models.registry.run_log import open_run_log

SPARK = False


def main(
    scenario: ScenarioOption,
    test_start: Annotated[
        list[datetime], Option(formats=["%Y-%m-%d"], help="First test day; may be repeated.")
    ],
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    train_days: Annotated[int, Option(min=1, help="Days to train on.")] = 7,
    delay_days: Annotated[int, Option(min=0, help="Days until verdicts are known.")] = 7,
    test_days: Annotated[int, Option(min=1, help="Days to test on.")] = 7,
    file: Annotated[Path | None, Option(help="Another data file of the same form.")] = None,
) -> None:
    with job_run(scenario=scenario, env=env, overrides=overrides, verbose=verbose) as run:
        declared, conf, show = run.scenario, run.settings, run.log
        lengths = Protocol(train_days=train_days, delay_days=delay_days, test_days=test_days)
        history = load_history(scenario, conf.scenarios[scenario], file=file)
        starts = [day.date() for day in test_start]
        check_reach(history, starts, protocol=lengths)
        show(f"features of {len(history.outcomes):,} events")
        features, rounds = history_features(declared, history), []
        place, title = tracking_place(conf), f"protocol {', '.join(map(str, starts))}"
        with open_run_log(place, scenario, name=title, progress=show) as log:
            for start in starts:
                for candidate in candidates(declared, history, seed=conf.training.seed):
                    show(f"test from {start}: {candidate.name}")
                    done = round_of(
                        candidate, history, features, test_start=start, protocol=lengths
                    )
                    log.add(logged(done, lengths, git_commit=git_commit()))
                    rounds.append(done)
        print_report(rounds, history, declared, lengths)


app = job_app(
    main,
    doc=__doc__,
    example="./spark-submit.sh evaluate_protocol --scenario fraud --test-start 2018-06-25",
)
