"""What score-now answers: verdicts on cases that no event on Kafka stands for."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from scenarios.contract.judge import Verdicts, valid_ms
from scenarios.contract.scenario import Scenario
from stores.hbase.predictions import Model, Reason, SecondStageFinding


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one case.

    case              which of the events or feature rows of the request
    score             probability in [0, 1]
    valid_until_ms    UTC epoch ms, counted from the request
    features_as_of_ms the latest event time in the features; None: the caller gave the features
    is_what_if        true: nothing of it is stored or published
    second_stage      the answer to the policy's second question, where it was asked
    """

    case: int
    score: float
    band: str
    action: str
    review: bool
    control_group: bool
    reasons: Sequence[Reason]
    model: Model
    valid_until_ms: int
    features_as_of_ms: int | None = None
    is_what_if: bool = True
    second_stage: SecondStageFinding | None = None


class Unjudged(msgspec.Struct, frozen=True, kw_only=True):
    """A case without a verdict.

    disposition   what the stream would make of it: "suppressed", or "dead letter" where model,
                  explainer or policy cannot judge it
    """

    case: int
    disposition: str
    reason_code: str
    reason: str


@dataclass(frozen=True)
class Judged:
    """Every case of a request is in exactly one of them, by number."""

    verdicts: list[Verdict]
    unjudged: list[Unjudged]


def verdict_list(
    verdicts: Verdicts,
    scenario: Scenario,
    models: tuple[Model, Model],
    *,
    cases: Sequence[int],
    as_of_ms: Sequence[int] | None,
    now_ms: int,
) -> list[Verdict]:
    """`verdicts` one by one.

    models: of champion and challenger; cases: the number of each judged row; as_of_ms: by row
    """
    policy, second = scenario.policy, verdicts.second
    bands, actions = [band.name for band in policy.bands], policy.actions
    decisions = verdicts.decisions
    return [
        Verdict(
            case=cases[row],
            score=float(verdicts.scores[at]),
            band=bands[decisions.bands[at]],
            action=actions[decisions.actions[at]],
            review=bool(decisions.review[at]),
            control_group=bool(verdicts.control[at]),
            reasons=verdicts.reasons.get(at, []),
            model=models[int(verdicts.challenged[at])],
            valid_until_ms=now_ms + valid_ms(scenario),
            features_as_of_ms=None if as_of_ms is None else as_of_ms[row],
            second_stage=(
                second.finding(at, policy.second_stage) if second and policy.second_stage else None
            ),
        )
        for at, row in enumerate(verdicts.rows.tolist())
    ]
