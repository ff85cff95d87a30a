"""The outcome of an audit in one sentence."""

from collections.abc import Sequence

from batch.proofs.audits.facts import FeatureFact, FieldFact, Outcome, PolicyFacts

_MOST_NAMED = 3


def outcome_of(
    features: Sequence[FeatureFact],
    fields: Sequence[FieldFact],
    obstacles: Sequence[str],
    *,
    contents: int,
) -> Outcome:
    """Whether every logged value was reproduced; `contents` counts the different messages."""
    if contents > 1 or differences(features, fields):
        return "not reproduced"
    return "not checkable" if obstacles else "reproduced"


def verdict_of(
    outcome: Outcome,
    features: Sequence[FeatureFact],
    fields: Sequence[FieldFact],
    obstacles: Sequence[str],
    *,
    policy: PolicyFacts,
) -> str:
    """The outcome as a sentence for the auditor."""
    if outcome == "not reproduced":
        wrong = differences(features, fields)
        named = "; ".join(wrong[:_MOST_NAMED]) or "one prediction id was logged with two contents"
        more = f"; and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
        return f"NOT reproduced: {named}{more}."
    if outcome == "not checkable":
        return f"Not recomputed: {'; '.join(obstacles)}."
    recomputed = sum(feature.equal is not None for feature in features)
    equal_parts = f"{recomputed} features"
    if recomputed < len(features):
        equal_parts += f" ({len(features) - recomputed} more, of second entities, taken as logged)"
    if not policy.is_todays:
        return (
            f"Reproduced to the last bit: {equal_parts} and the score. The policy has "
            f"changed since (then {policy.version}, now {policy.todays_version}), so band, action "
            "and review were not decided again."
        )
    return (
        f"Reproduced to the last bit: {equal_parts}, the score, band, action, review and reasons."
    )


def differences(features: Sequence[FeatureFact], fields: Sequence[FieldFact]) -> list[str]:
    """What differs, one sentence each."""
    facts: list[FeatureFact | FieldFact] = [*features, *fields]
    return [
        f"{fact.name} was {_text(fact.logged)}, comes out as {_text(fact.recomputed)}"
        for fact in facts
        if fact.equal is False
    ]


def _text(value: object) -> str:
    return "missing" if value is None else repr(value) if isinstance(value, float) else str(value)
