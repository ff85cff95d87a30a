"""The topics and tables of a scenario and of its second entities, as the settings want them."""

from collections.abc import Sequence

from jobs.from_settings import hbase_store
from jobs.parts import kafka_cluster
from jobs.run import Run
from jobs.table_making import make_tables
from scenarios.keyed import keyed_entities
from stores.tables import TableSpec, table_specs
from streaming.topic_plan import TopicSpec, create_topics, topic_specs


def scenario_topics(run: Run) -> Sequence[TopicSpec]:
    """All topics of the run's scenario."""
    return topic_specs(
        run.scenario.name,
        max_message_bytes=run.settings.kafka.max_message_bytes,
        dead_letter_bytes=run.settings.stream.dead_letter_bytes,
        second_entities=_second_entities(run),
    )


def scenario_tables(run: Run) -> Sequence[TableSpec]:
    """The tables of the run's scenario, and the control table."""
    return table_specs(
        run.scenario.name,
        regions=run.settings.hbase.regions,
        state_versions=run.settings.hbase.state_versions,
        second_entities=_second_entities(run),
    )


def make_places(run: Run) -> tuple[list[str], list[str]]:
    """Make the missing topics and tables and return their names; what exists is checked.

    Raises `TopicMisconfigured`, or `TablesToMake` on a cluster.
    """
    kafka = run.settings.kafka
    topics = create_topics(
        kafka_cluster(run.settings),
        scenario_topics(run),
        partitions=kafka.partitions,
        replication_factor=kafka.replication_factor,
    )
    return topics, make_tables(run.settings, hbase_store(run.settings), scenario_tables(run))


def _second_entities(run: Run) -> list[str]:
    return [each.name for each in keyed_entities(run.scenario)]
