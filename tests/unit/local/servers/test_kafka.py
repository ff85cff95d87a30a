"""What Kafka is started with."""

from local.servers.kafka import new_cluster_id


def test_a_cluster_id_is_never_taken_for_an_option() -> None:
    """One UUID in 64 begins with a dash, and the storage tool refused it."""
    cluster_ids = {new_cluster_id() for _ in range(2_000)}
    assert len(cluster_ids) == 2_000
    assert not any(cluster_id.startswith("-") for cluster_id in cluster_ids)
    assert {len(cluster_id) for cluster_id in cluster_ids} == {22}
