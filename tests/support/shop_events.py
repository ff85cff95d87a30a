"""Records of the scenario `tests.scenarios.shops`: payments, verdicts, and other things."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np

from features.events.decode import Records

BEGAN_MS = 1_767_225_600_000
HOUR_MS = 3_600_000

Record = tuple[bytes | None, bytes | None]


def payment(number: int, *, shop: int | None, hour: float, amount_eur: float = 10.0) -> Record:
    """Payment `number` of customer "c<number mod 7>", `hour` hours after the start of 2026."""
    fields: dict[str, object] = {"payment_id": number, "amount_eur": amount_eur}
    if shop is not None:
        fields["shop_id"] = shop
    return _record("payment", number, hour, fields)


def verdict(number: int, *, shop: int, hour: float, said: str = "genuine") -> Record:
    """What payment `number` was."""
    return _record(
        "verdict", number, hour, {"payment_id": number, "shop_id": shop, "verdict": said}
    )


def _record(event_type: str, number: int, hour: float, fields: dict[str, object]) -> Record:
    customer = f"c{number % 7}"
    moment = datetime.fromtimestamp((BEGAN_MS + round(hour * HOUR_MS)) / 1000, UTC)
    envelope = {"type": event_type, "customer_id": customer, "event_time": moment.isoformat()}
    return customer.encode(), msgspec.json.encode({**envelope, **fields})


def records(pairs: Sequence[Record], *, first: int = 0) -> Records:
    """`pairs` as a partition holds them from offset `first`, long after their event times."""
    count = len(pairs)
    return Records(
        keys=[key for key, _ in pairs],
        values=[value for _, value in pairs],
        offsets=np.arange(first, first + count),
        timestamps_ms=np.full(count, BEGAN_MS + 1000 * HOUR_MS),
    )


def random_payments(
    count: int, *, seed: int, shops: int, first: int = 0
) -> tuple[list[Record], list[Record]]:
    """`count` payments, some late, some bad, and verdicts on most of them."""
    random_ = random.Random(seed)
    payments, verdicts = [], []
    for number in range(first, first + count):
        hour = number * 0.05 - (random_.uniform(0, 30) if random_.random() < 0.1 else 0.0)
        shop, amount = random_.randrange(shops), random_.randrange(100, 20_000) / 100
        record = payment(number, shop=shop, hour=max(hour, 0.0), amount_eur=amount)
        is_bad = random_.random() < 0.02
        payments.append((record[0], b"{bad") if is_bad else record)
        if not is_bad and random_.random() < 0.8:
            said = random_.choice(["genuine", "genuine", "fraud"])
            verdicts.append(verdict(number, shop=shop, hour=max(hour, 0.0) + 24, said=said))
    return payments, verdicts
