"""Create a scenario's topics and tables; what exists is checked and left as it is."""

from typing import Annotated

from typer import Option

from jobs.from_settings import hbase_store
from jobs.options import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.parts import kafka_cluster
from jobs.run import job_run
from jobs.table_making import make_tables
from stores.tables import table_specs
from streaming.topic_plan import create_topics, topic_specs

SPARK = False


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Show what would be made.")] = False,
) -> None:
    with job_run(
        scenario=scenario,
        env=env,
        overrides=overrides,
        verbose=verbose,
        needs=() if dry_run else ("kafka", "hbase"),
    ) as run:
        kafka, hbase = run.settings.kafka, run.settings.hbase
        topics = topic_specs(scenario, max_message_bytes=kafka.max_message_bytes)
        tables = table_specs(scenario, regions=hbase.regions, state_versions=hbase.state_versions)
        if dry_run:
            for topic in topics:
                run.console.print(f"topic {topic.name}: {dict(topic.configs)}", highlight=False)
            for table in tables:
                run.console.print(table.shell_statement(hbase.namespace), highlight=False)
            return
        made = create_topics(
            kafka_cluster(run.settings),
            topics,
            partitions=kafka.partitions,
            replication_factor=kafka.replication_factor,
        )
        run.console.print(f"topics: {', '.join(made) or 'none'} made, {len(topics)} ready")
        made = make_tables(run.settings, hbase_store(run.settings), tables)
        run.console.print(f"tables: {', '.join(made) or 'none'} made, {len(tables)} ready")


app = job_app(main, doc=__doc__, example="./spark-submit.sh prepare_scenario --scenario churn")
