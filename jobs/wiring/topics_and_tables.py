"""The topics and tables of a scenario and of its second entities, as the settings want them."""

from collections.abc import Sequence

from jobs.launcher.run import Run
from jobs.wiring.from_settings import hbase_store
from jobs.wiring.streaming import kafka_cluster
from jobs.wiring.table_making import make_tables
from scenarios.contract.keyed import Keyed, KeyedEntity, keyed_entities
from stores.hbase.tables import TableSpec, table_specs
from stores.kafka.topic_plan import TopicSpec, alter_topics, create_topics, misfits, topic_specs


def scenario_topics(run: Run) -> Sequence[TopicSpec]:
    """All topics of the run's scenario."""
    return topic_specs(
        run.scenario.name,
        max_message_bytes=run.settings.kafka.max_message_bytes,
        dead_letter_bytes=run.settings.stream.dead_letter_bytes,
        second_entities=_second_entities(run),
    )


def scenario_tables(run: Run) -> Sequence[TableSpec]:
    """The tables of the run's scenario, and those that scenarios share."""
    return table_specs(
        run.scenario.name,
        regions=run.settings.hbase.regions,
        state_versions=run.settings.hbase.state_versions,
        second_entities=_second_entities(run),
        has_attachments=bool(run.scenario.schema.attachments),
    )


def make_places(run: Run, *, alters: bool = False) -> tuple[list[str], list[str]]:
    """Make the missing topics and tables and return their names; what exists is checked.

    alters: existing topics get the settings that they need. Raises `TopicMisconfigured`, or
    `TablesToMake` on a cluster.
    """
    kafka, cluster, specs = run.settings.kafka, kafka_cluster(run.settings), scenario_topics(run)
    topics = create_topics(
        cluster,
        specs,
        partitions=kafka.partitions,
        replication_factor=kafka.replication_factor,
    )
    existing = [spec for spec in specs if spec.name not in topics]
    if alters:
        differences = misfits(cluster, existing)
        for misfit in (*differences.errors, *differences.warnings):
            run.log(
                f"topic {misfit.topic}: {misfit.setting} was {misfit.value}, is {misfit.needed} now"
            )
        alter_topics(cluster, [*differences.errors, *differences.warnings])
    else:
        _check(run, existing)
    return topics, make_tables(run.settings, hbase_store(run.settings), scenario_tables(run))


def check_topics(run: Run, topics: Sequence[str]) -> None:
    """Return when the run's `topics` are there and none would break a guarantee; logs warnings.

    Raises `TopicMissing` or `TopicMisconfigured`.
    """
    kafka_cluster(run.settings).identities(topics)
    _check(run, [spec for spec in scenario_topics(run) if spec.name in topics])


def stream_topics(keyed: Keyed) -> list[str]:
    """What a stream over the events of `keyed` reads and writes."""
    kinds = ("events", "dead-letter")
    outputs = () if isinstance(keyed, KeyedEntity) else ("predictions", "review")
    return [keyed.topic(kind) for kind in (*kinds, *outputs)]


def _check(run: Run, specs: Sequence[TopicSpec]) -> None:
    differences = misfits(kafka_cluster(run.settings), specs)
    differences.refuse()
    for warning in differences.warnings:
        run.log(f"warning: {warning}")


def _second_entities(run: Run) -> list[str]:
    return [keyed_entity.name for keyed_entity in keyed_entities(run.scenario)]
