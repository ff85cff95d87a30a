"""What to run when a stream refuses; a second entity's stream is derived, so it is rebuilt."""

from scenarios.contract.keyed import scenario_name_of


def remedy(name: str, job: str) -> str:
    """The command that repairs the stream `name`: `job`; for a second entity, deriving it again.

    A second entity's states and topic come from events and labels, which are retained: deriving
    all of it again is the answer to lost states, other definitions and changed topics alike.
    """
    scenario = scenario_name_of(name)
    if scenario == name:
        return f"./spark-submit.sh {job} --scenario {name}"
    return f"{_maintain_features(name)} --from-scratch"


def accept_loss_command(name: str) -> str:
    """The command by which the stream `name` goes on without what Kafka no longer holds."""
    if scenario_name_of(name) == name:
        return f"./spark-submit.sh score_stream --scenario {name} --accept-loss"
    return f"{_maintain_features(name)} --accept-loss"


def _maintain_features(name: str) -> str:
    scenario = scenario_name_of(name)
    entity = name.removeprefix(f"{scenario}.")
    return f"./spark-submit.sh maintain_features --scenario {scenario} --entity {entity}"
