"""What Kafka is started with."""

from local.servers.kafka import new_cluster_id


def test_a_cluster_id_is_never_taken_for_an_option() -> None:
    """One UUID in 64 begins with a dash, and the storage tool refused it."""
    made = {new_cluster_id() for _ in range(2_000)}
    assert len(made) == 2_000
    assert not any(each.startswith("-") for each in made)
    assert {len(each) for each in made} == {22}
