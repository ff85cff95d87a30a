"""What is done about a churn score: bands, actions and who gets a second look."""

from scenarios.churn.events import CHANGEABLE
from scenarios.contract.judging.condition import Condition
from scenarios.contract.policy import Band, Policy, Rule


def _is(feature: str, value: str) -> Condition:
    code = float(CHANGEABLE[feature].index(value))
    return Condition(feature=feature, at_least=code, below=code + 1)


# One call within the last 30 days weighs at least 0.5.
_CALLED_LATELY = Condition(feature="support_calls_recent", at_least=0.5)
_SPOKE_OF_CANCELLING = Condition(feature="cancellation_calls", at_least=1)
_COMPLAINED = Condition(feature="complaint_calls", at_least=1)
_LOYAL = Condition(feature="tenure_months", at_least=48)

POLICY = Policy(
    bands=(
        Band(name="low", lowest_score=0.0),
        Band(name="medium", lowest_score=0.25, explained=True),
        Band(name="high", lowest_score=0.5, explained=True),
    ),
    rules=(
        Rule(
            action="call back within one day",
            bands=("high",),
            when=(_CALLED_LATELY, _SPOKE_OF_CANCELLING),
            review=True,
        ),
        Rule(action="call back within one day", bands=("high",), when=(_CALLED_LATELY,)),
        Rule(action="retention call", bands=("high",), when=(_LOYAL,), review=True),
        Rule(
            action="offer a longer contract",
            bands=("high",),
            when=(_is("contract", "Month-to-month"),),
        ),
        Rule(action="retention call", bands=("high",)),
        Rule(
            action="answer the complaint",
            bands=("medium",),
            when=(_CALLED_LATELY, _COMPLAINED),
        ),
        Rule(action="send a loyalty offer", bands=("medium",)),
        Rule(action="none", bands=("low",)),
    ),
    control_share=0.05,
    valid_days=30,
)
