"""What payments and verdicts look like: fields, units and allowed values."""

from features.schema import Category, EventSchema, EventType, Number

ENTITY_FIELD = "customer_id"

# Event times count in milliseconds; a verdict is dated when it becomes known, not when one paid.
VERDICT_DELAY_DAYS = 7

GENUINE, FRAUD = "genuine", "fraud"
VERDICTS = (GENUINE, FRAUD)  # in this order: a mean of their codes is the share of frauds

# Up to here a whole number is exact as a float.
_LARGEST_ID = float(2**53 - 1)
# The file's largest payment is 1,071.15 USD; a card that pays a million is a mistake.
_LARGEST_AMOUNT_USD = 1_000_000

PAYMENT_ID = Number(name="payment_id", unit="", minimum=0, maximum=_LARGEST_ID, integer=True)
TERMINAL_ID = Number(name="terminal_id", unit="", minimum=0, maximum=1_000_000_000, integer=True)
AMOUNT = Number(name="amount_usd", unit="USD", minimum=0, maximum=_LARGEST_AMOUNT_USD, decimals=2)
VERDICT = Category(name="verdict", values=VERDICTS)

SCHEMA = EventSchema(
    entity_field=ENTITY_FIELD,
    types=(
        EventType(
            name="payment",
            meaning="the customer's card pays at a terminal",
            fields=(PAYMENT_ID, TERMINAL_ID, AMOUNT),
        ),
    ),
)

LABEL_SCHEMA = EventSchema(
    entity_field=ENTITY_FIELD,
    types=(
        EventType(
            name="verdict",
            meaning="what a payment turned out to be",
            fields=(PAYMENT_ID, TERMINAL_ID, VERDICT),
        ),
    ),
)
