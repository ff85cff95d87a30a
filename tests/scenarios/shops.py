"""A scenario with a second entity: payments of customers at shops, judged some time later."""

from typing import Any

from features.definitions import LastValue, WindowCount, WindowMean
from features.schema import Category, EventSchema, EventType, Number
from models.training.recipes import calibrated_trees
from scenarios.contract.policy import Band, Policy, Rule
from scenarios.contract.scenario import Label, Scenario
from scenarios.contract.second_entity import Rekeyed, SecondEntity

PAYMENT_ID = Number(name="payment_id", unit="", minimum=0, maximum=1e15, integer=True)
SHOP_ID = Number(name="shop_id", unit="", minimum=0, maximum=1e15, integer=True, required=False)
KNOWN_SHOP_ID = Number(name="shop_id", unit="", minimum=0, maximum=1e15, integer=True)
AMOUNT = Number(name="amount_eur", unit="EUR", minimum=0, maximum=1e6, decimals=2)
KIND = Category(name="kind", values=("chip", "online"), required=False)
VERDICT = Category(name="verdict", values=("genuine", "fraud"))

PAYMENT = EventType(name="payment", meaning="a payment", fields=(PAYMENT_ID, SHOP_ID, AMOUNT, KIND))
JUDGED = EventType(
    name="verdict", meaning="what it was", fields=(PAYMENT_ID, KNOWN_SHOP_ID, VERDICT)
)

SHOP = SecondEntity(
    name="shop",
    key_field="shop_id",
    schema=EventSchema(
        entity_field="shop_id",
        types=(
            EventType(name="payment", meaning="a payment there", fields=(PAYMENT_ID, AMOUNT, KIND)),
            EventType(name="verdict", meaning="what one was", fields=(PAYMENT_ID, VERDICT)),
        ),
    ),
    features=(
        WindowCount(name="shop_payments_1d", on=("payment",), days=1),
        WindowMean(name="shop_amount_mean_7d", on=("payment",), field="amount_eur", days=7),
        WindowCount(name="shop_verdicts_7d", on=("verdict",), days=7),
        WindowMean(name="shop_fraud_share_7d", on=("verdict",), field="verdict", days=7),
    ),
    sources=(
        Rekeyed(topic_kind="events", event_type="payment"),
        Rekeyed(topic_kind="labels", event_type="verdict"),
    ),
    identity_field="payment_id",
)


def estimator(seed: int) -> Any:
    """Untrained trees."""
    return calibrated_trees(seed)


SCENARIO = Scenario(
    name="shops",
    title="Payments at shops",
    schema=EventSchema(
        entity_field="customer_id",
        types=(PAYMENT, EventType(name="call", meaning="a call", fields=())),
    ),
    features=(
        LastValue(name="amount_eur", on=("payment",), field="amount_eur"),
        WindowCount(name="payments_1d", on=("payment",), days=1),
    ),
    label=Label(
        schema=EventSchema(entity_field="customer_id", types=(JUDGED,)),
        event_type="verdict",
        field="verdict",
        positive="fraud",
        maturity_days=0,
        of_event=("payment", "payment_id"),
    ),
    policy=Policy(
        bands=(Band(name="ok", lowest_score=0.0), Band(name="odd", lowest_score=0.5)),
        rules=(Rule(action="look", bands=("odd",)), Rule(action="none", bands=("ok",))),
        valid_days=1,
    ),
    estimator=estimator,
    required_feature="amount_eur",
    second_entities=(SHOP,),
    identity_field="payment_id",
)
