"""What is done about a payment's score, by what it costs: allow, review or block."""

from models.evaluation.cost_thresholds import Costs
from scenarios.contract.policy import Band, Policy, Rule

# What the decisions cost; a bank puts its own figures here and derives the thresholds again.
COSTS = Costs(
    # The mean fraud of the file is 133 USD; the rest is the work of refunding it and a new card.
    missed_usd=160.0,
    # The payment is lost (54 USD in the mean, of which the bank earns 1), the holder calls, and one
    # of fifty gives the card up.
    false_alarm_usd=20.0,
    # The team is paid whether it is busy or not; a call costs some of the holder's patience.
    review_usd=1.0,
    # What the team can take: eight analysts with a dozen calls a day each.
    cards_per_day=100.0,
)

# Derived from the costs by the command in `scenarios/fraud/parameters.py`, on its validation weeks:
# the team is busy with 100 cards a day, and a day costs 2,310 USD instead of 8,792.
REVIEW_FROM = 0.013
BLOCK_FROM = 0.898

POLICY = Policy(
    bands=(
        Band(name="allow", lowest_score=0.0),
        Band(name="review", lowest_score=REVIEW_FROM, explained=True),
        Band(name="block", lowest_score=BLOCK_FROM, explained=True),
    ),
    rules=(
        Rule(action="decline the payment and block the card", bands=("block",)),
        Rule(action="hold the payment and call the card holder", bands=("review",), review=True),
        Rule(action="allow", bands=("allow",)),
    ),
    valid_days=1,
    # No control group: nobody's card is left to thieves to measure what blocking brings.
    control_share=0.0,
    control_action="allow",
)
