"""Create a scenario's topics and tables; what exists is checked and left as it is."""

from typing import Annotated

from typer import Option

from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.wiring.streaming import kafka_cluster
from jobs.wiring.topics_and_tables import make_places, scenario_tables, scenario_topics
from scenarios.contract.keyed import Keyed, keyed_entities
from streaming.query.recent_keys import partitioner_warning

SPARK = False


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Show what would be made.")] = False,
    alters: Annotated[
        bool, Option("--alter-topics", help="Give existing topics the settings that they need.")
    ] = False,
) -> None:
    with job_run(
        scenario=scenario,
        env=env,
        overrides=overrides,
        verbose=verbose,
        needs=() if dry_run else ("kafka", "hbase"),
    ) as run:
        topics, tables = scenario_topics(run), scenario_tables(run)
        if dry_run:
            for topic in topics:
                run.console.print(f"topic {topic.name}: {dict(topic.configs)}", highlight=False)
            for table in tables:
                run.console.print(
                    table.shell_statement(run.settings.hbase.namespace), highlight=False
                )
            return
        new_topics, new_tables = make_places(run, alters=alters)
        show = run.console.print
        show(f"topics: {', '.join(new_topics) or 'none'} made, {len(topics)} ready")
        everything: list[Keyed] = [run.scenario, *keyed_entities(run.scenario)]
        for keyed in everything:
            warning = partitioner_warning(
                kafka_cluster(run.settings), keyed.topic("events"), keyed.partitioner
            )
            if warning:
                run.log(f"warning: {warning}")
        show(f"tables: {', '.join(new_tables) or 'none'} made, {len(tables)} ready")


app = job_app(main, doc=__doc__, example="./spark-submit.sh prepare_scenario --scenario churn")
