"""Topics as a test finds them: empty, whatever an earlier test of the same process left in them."""

from collections.abc import Sequence

from kafka import KafkaAdminClient

from stores.kafka.cluster import KafkaCluster
from stores.kafka.topic_plan import TopicSpec, create_topics
from tests.support.processes import wait_until

_SECONDS = 60.0


def empty_topics(cluster: KafkaCluster, specs: Sequence[TopicSpec], *, partitions: int) -> None:
    """Delete the topics of `specs` that exist, and create all of them."""
    names = {spec.name for spec in specs}
    admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap_servers)
    try:
        if existing := sorted(names & set(admin.list_topics())):
            admin.delete_topics(existing)
        wait_until(
            lambda: not names & set(admin.list_topics()),
            timeout=_SECONDS,
            what=f"deletion of {existing}",
        )
    finally:
        admin.close()
    create_topics(cluster, specs, partitions=partitions, replication_factor=1)
