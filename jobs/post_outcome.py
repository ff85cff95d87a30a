"""Post what was done about predictions: shown, accepted or refused, by prediction id.

One outcome from the options, or many from a file with a JSON object per line. All are checked
before the first is sent: when one would be refused, nothing is sent.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from batch.publishing.order import Phase, publish_all, show_samples
from batch.publishing.outcome_posting import (
    TOPIC_KIND,
    check_outcomes,
    completed,
    documents_in,
    records_of,
)
from batch.publishing.publisher import Pace
from jobs.launcher.kafka_options import client_options
from jobs.launcher.run import Service, job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.options.times import moment_of
from scenarios.contract.records.outcomes import STATUSES, OutcomeDecoder

SPARK = False


class NothingToPost(ValueError):
    """Neither one outcome nor a file of them was named, or both were."""

    exit_code = 2


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    prediction: Annotated[str | None, Option(help="The prediction's id.")] = None,
    entity: Annotated[str | None, Option(help="Whom it was made for.")] = None,
    status: Annotated[str | None, Option(help=f"One of {', '.join(STATUSES)}.")] = None,
    reason: Annotated[str | None, Option(help="Why it was refused.")] = None,
    offer: Annotated[str | None, Option(help="What was offered.")] = None,
    cost: Annotated[float | None, Option(help="What it cost, in the scenario's currency.")] = None,
    agent: Annotated[str | None, Option(help="Who did it.")] = None,
    at: Annotated[str | None, Option(help="When, ISO 8601; default now.")] = None,
    file: Annotated[
        Path | None, Option(help="Post the outcomes of this file, a JSON object per line.")
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Check and show, send nothing.")] = False,
) -> None:
    fields = {
        "prediction_id": prediction,
        "entity": entity,
        "status": status,
        "reason": reason,
        "offer": offer,
        "cost": cost,
        "agent": agent,
    }
    document = {name: value for name, value in fields.items() if value is not None}
    needs: tuple[Service, ...] = () if dry_run else ("kafka",)
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=needs
    ) as run:
        if (file is None) == (not document):
            raise NothingToPost(
                "name either one outcome, by --prediction, --entity and --status, or a --file"
            )
        now, stream = datetime.now(UTC), run.settings.stream

        def numbered() -> Iterator[tuple[int, dict[str, Any]]]:
            if file is not None:
                yield from documents_in(file, now=now)
            else:
                yield 1, completed(document, now=moment_of(at) or now)

        decoder = OutcomeDecoder(
            max_event_bytes=stream.max_event_bytes,
            max_future_skew_seconds=stream.max_future_skew_seconds,
        )
        total = check_outcomes(numbered(), decoder, scenario=scenario, now=now)
        phase = Phase(
            title="outcomes",
            records=records_of(checked for _, checked in numbered()),
            total=total,
            pace=Pace(),
        )
        if dry_run:
            return show_samples([phase], run.console)
        publish_all(
            [phase],
            run.scenario,
            client_options=client_options(run.settings.kafka),
            max_event_bytes=stream.max_event_bytes,
            console=run.console,
            topic_kinds=(TOPIC_KIND,),
        )


app = job_app(
    main,
    doc=__doc__,
    example="./spark-submit.sh post_outcome --scenario churn --prediction churn-1-0-1234-v2 "
    '--entity 7590-VHVEG --status refused --reason "too expensive" --offer "one year at 20 %" '
    "--agent a17; or many: ./spark-submit.sh post_outcome --scenario churn --file outcomes.jsonl "
    "--dry-run",
)
