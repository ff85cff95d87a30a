"""What an audit concludes from what it found."""

from batch.proofs.audits.facts import FeatureFact, FieldFact, PolicyFacts
from batch.proofs.audits.verdict import outcome_of, verdict_of

POLICY = PolicyFacts(version="p1", todays_version="p1", thresholds={"ok": 0.0})


def feature(*, equal: bool | None) -> FeatureFact:
    return FeatureFact(name="heat", words="hot", logged=0.1, recomputed=None, equal=equal)


def field(*, equal: bool | None) -> FieldFact:
    return FieldFact(name="score", logged=0.25, recomputed=0.5, equal=equal)


def test_a_difference_outweighs_an_obstacle() -> None:
    features, fields = [feature(equal=True)], [field(equal=False)]
    outcome = outcome_of(features, fields, ["no model"], contents=1)
    assert outcome == "not reproduced"
    verdict = verdict_of(outcome, features, fields, ["no model"], policy=POLICY)
    assert verdict == "NOT reproduced: score was 0.25, comes out as 0.5."


def test_two_contents_under_one_id_are_never_reproduced() -> None:
    features, fields = [feature(equal=True)], [field(equal=True)]
    outcome = outcome_of(features, fields, [], contents=2)
    assert outcome == "not reproduced"
    assert "two contents" in verdict_of(outcome, features, fields, [], policy=POLICY)


def test_an_obstacle_alone_is_told_as_it_is() -> None:
    outcome = outcome_of([feature(equal=None)], [field(equal=None)], ["no model"], contents=1)
    assert outcome == "not checkable"
    assert verdict_of(outcome, [], [], ["no model"], policy=POLICY) == "Not recomputed: no model."
