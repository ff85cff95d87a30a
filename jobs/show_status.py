"""Show how a scenario stands: topics, progress per partition, model, epoch, failures."""

from datetime import UTC, datetime

from rich.table import Table

from jobs.from_settings import hbase_store
from jobs.options import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.parts import kafka_cluster, store_session
from jobs.run import job_run
from stores.control import load_failures
from stores.deployments import read_deployment
from stores.epochs import read_epoch
from stores.states import StateTable

SPARK = False


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
) -> None:
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("kafka", "hbase")
    ) as run:
        session, show = store_session(run.settings), run.console.print
        deployment = read_deployment(hbase_store(run.settings), scenario)
        champion = deployment.champion if deployment else None
        told = f"{champion.name} version {champion.version}" if champion else "none"
        show(f"champion: {told}" + (f", since {deployment.deployed_at}" if deployment else ""))
        count, failure = load_failures(session, scenario)
        show(f"failed model loads: {count}" + (f", last: {failure.message}" if failure else ""))
        epoch = read_epoch(session, scenario)
        show(f"epoch: {epoch.epoch} ({epoch.reason}, {epoch.begun_at})" if epoch else "epoch: none")
        table = Table("partition", "first", "end", "scored up to", "waiting", "last batch")
        states, now_ms = StateTable(session, scenario), datetime.now(UTC).timestamp() * 1000
        for partition, (first, end) in (
            kafka_cluster(run.settings).offsets(run.scenario.topic("events")).items()
        ):
            marker = states.newest_marker(partition)
            upto = marker.offset + 1 if marker and epoch and marker.epoch == epoch.epoch else first
            age = f"{(now_ms - marker.written_at_ms) / 1000:,.0f} s ago" if marker else "never"
            numbers = (partition, first, end, upto, max(end - upto, 0))
            table.add_row(*(f"{number:,}" for number in numbers), age)
        show(table)


app = job_app(main, doc=__doc__, example="./spark-submit.sh show_status --scenario churn")
