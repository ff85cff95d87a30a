"""Show how a scenario stands: topics, progress per partition, model, epoch, failures."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from typer import Option

from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.status.deployment_notes import deployment_notes
from jobs.status.progress_tables import (
    rekeying_progress,
    shadow_counts,
    stream_progress,
    unscorable_causes,
)
from jobs.status.service_alarms import model_alarms
from jobs.status.stream_metrics import model_metrics, stream_metrics
from jobs.wiring.from_settings import hbase_store
from jobs.wiring.streaming import kafka_cluster, store_session
from local.cache import cache_dir
from reports.metrics_file import Metric, write_metrics
from scenarios.contract.keyed import Keyed, keyed_entities
from stores.records.control import load_failures, read_last_good
from stores.records.deployments import deployment_of, read_deployment
from stores.records.epochs import read_epoch
from stores.records.erasures import ErasureTable
from stores.records.losses import read_losses
from streaming.position.epochs import epoch_warning
from streaming.position.progress import partition_progress, recent_markers
from streaming.position.staleness import stream_lag

SPARK = False


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    metrics_file: Annotated[
        Path | None, Option(help="Write figures for Prometheus' textfile collector, NAME.prom.")
    ] = None,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("kafka", "hbase")
    ) as run:
        session, kafka = store_session(run.settings), kafka_cluster(run.settings)
        show, now = run.console.print, datetime.now(UTC)
        metrics: list[Metric] = []
        deployment = read_deployment(hbase_store(run.settings), scenario)
        champion = deployment.champion if deployment else None
        model = f"{champion.name} version {champion.version}" if champion else "none"
        show(f"champion: {model}" + (f", since {deployment.deployed_at}" if deployment else ""))
        for line in deployment_notes(session, run.scenario, deployment):
            show(line, markup=False, highlight=False, soft_wrap=True)
        count, failure = load_failures(session, scenario)
        show(f"failed model loads: {count}" + (f", last: {failure.message}" if failure else ""))
        for erasure in ErasureTable(session, scenario).read().unfinished:
            show(erasure.unfinished_sentence, markup=False, highlight=False, soft_wrap=True)

        def show_stream(keyed: Keyed) -> None:
            epoch = read_epoch(session, keyed.name)
            text = f"{epoch.epoch} ({epoch.reason}, {epoch.begun_at})" if epoch else "none"
            show(f"epoch: {text}" if keyed.name == scenario else f"{keyed.name} epoch: {text}")
            topic = keyed.topic("events")
            survey = kafka.survey([topic])[topic]
            if warning := epoch_warning(epoch, survey.identity, scenario=keyed.name):
                show(warning, markup=False, highlight=False, soft_wrap=True)
            markers = recent_markers(keyed, session, survey.offsets)
            partitions = partition_progress(
                keyed, kafka, session, epoch, survey=survey, markers=markers
            )
            show(stream_progress(keyed, partitions))
            for line in (*unscorable_causes(keyed, markers), *shadow_counts(markers)):
                show(line, markup=False, highlight=False, soft_wrap=True)
            for loss in read_losses(session, keyed.name):
                show(loss.sentence, markup=False, highlight=False, soft_wrap=True)
            if metrics_file is not None:
                limit = run.settings.stream.stale_after_seconds
                lag = stream_lag(keyed, kafka, session, limit_seconds=limit)
                metrics.extend(stream_metrics(keyed.name, survey, lag, markers, now=now))

        show_stream(run.scenario)
        for entity in keyed_entities(run.scenario):
            show(rekeying_progress(entity, kafka, session))
            show_stream(entity)
        if metrics_file is not None:
            good = deployment_of(read_last_good(session, scenario))
            alarms = model_alarms(run.scenario, (deployment, good), cache=cache_dir() / "models")
            available = deployment is not None and not alarms
            metrics += model_metrics(
                scenario, deployment, is_available=available, failures=count, now=now
            )
            show(f"written to {write_metrics(metrics_file, metrics)}", markup=False)


app = job_app(main, doc=__doc__, example="./spark-submit.sh show_status --scenario churn")
