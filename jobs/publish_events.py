"""Publish a scenario's history and simulated follow-up events to Kafka."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from typer import Option

from batch.event_source import load_source
from batch.publication import Order, phases, publish_all, show_samples
from batch.publishing import Pace
from jobs.kafka_options import client_options
from jobs.options import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.run import Service, job_run

SPARK = False


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    history: Annotated[bool, Option(help="Publish what is known of every customer.")] = True,
    labels: Annotated[bool, Option(help="With the history, publish outcomes.")] = True,
    rate: Annotated[float, Option(min=0, help="Follow-up events per second; 0 = none.")] = 0.0,
    duration: Annotated[
        float | None, Option(min=0, help="Seconds of follow-ups; without it, until stopped.")
    ] = None,
    bad_share: Annotated[float, Option(min=0, max=1, help="Share of bad follow-ups.")] = 0.0,
    seed: Annotated[int, Option(min=0, help="Another seed, other follow-ups.")] = 1,
    customers: Annotated[int | None, Option(min=1, help="Take only the first so many.")] = None,
    file: Annotated[Path | None, Option(help="Another data file of the same form.")] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Show samples, publish nothing.")] = False,
) -> None:
    needs: tuple[Service, ...] = () if dry_run else ("kafka",)
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=needs
    ) as run:
        settings, module = run.settings, run.settings.scenarios[scenario]
        source = load_source(scenario, module, file=file, limit=customers)
        pace = Pace(records_per_second=rate, seconds=duration) if rate else None
        order = Order(history=history, labels=labels, pace=pace, bad_share=bad_share, seed=seed)
        largest = settings.stream.max_event_bytes + 1  # the one that is refused as too large
        found = phases(source, order, now=lambda: datetime.now(UTC), too_large_bytes=largest)
        if dry_run:
            return show_samples(found, run.console)
        publish_all(
            found,
            run.scenario,
            client_options=client_options(settings.kafka),
            max_event_bytes=largest,
            console=run.console,
        )


app = job_app(
    main, doc=__doc__, example="./spark-submit.sh publish_events --scenario churn --rate 100"
)
