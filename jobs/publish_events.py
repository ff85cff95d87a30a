"""Publish a scenario's history and simulated follow-up events to Kafka."""

from datetime import UTC, datetime

from batch.publishing.disturbance import Disturbance
from batch.publishing.event_source import load_source
from batch.publishing.order import Order, phases, publish_all, show_samples
from batch.publishing.publisher import Pace
from jobs.launcher.kafka_options import client_options
from jobs.launcher.run import Service, job_run
from jobs.options import publishing
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app

SPARK = False


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    history: publishing.HistoryOption = True,
    labels: publishing.LabelsOption = True,
    history_rate: publishing.HistoryRateOption = 0.0,
    rate: publishing.RateOption = 0.0,
    duration: publishing.DurationOption = None,
    bad_share: publishing.BadShareOption = 0.0,
    disorder: publishing.DisorderOption = 0.0,
    disorder_seconds: publishing.DisorderSecondsOption = 3600.0,
    duplicates: publishing.DuplicatesOption = 0.0,
    seed: publishing.SeedOption = 1,
    customers: publishing.CustomersOption = None,
    file: publishing.FileOption = None,
    dry_run: publishing.DryRunOption = False,
) -> None:
    needs: tuple[Service, ...] = () if dry_run else ("kafka",)
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=needs
    ) as run:
        conf, large = run.settings, run.settings.stream.max_event_bytes + 1
        source = load_source(scenario, conf.scenarios[scenario], file=file, limit=customers)
        order = Order(
            history=history,
            labels=labels,
            pace=Pace(records_per_second=rate, seconds=duration) if rate else None,
            bad_share=bad_share,
            seed=seed,
            history_rate=history_rate,
            disturbance=Disturbance(disorder, disorder_seconds, duplicate_share=duplicates),
        )
        planned_phases = phases(source, order, now=lambda: datetime.now(UTC), too_large_bytes=large)
        if dry_run:
            return show_samples(planned_phases, run.console)
        client = client_options(conf.kafka)
        publish_all(
            planned_phases,
            run.scenario,
            client_options=client,
            max_event_bytes=large,
            console=run.console,
        )


app = job_app(main, doc=__doc__, example="./spark-submit.sh publish_events --scenario churn")
