"""The costs that derive_thresholds needs: all of one kind of policy, none of the other."""

from datetime import UTC, datetime

import pytest
from typer import BadParameter

from jobs.derive_thresholds import _costs, _mature_days
from models.evaluation.cost_thresholds import Costs
from monitoring.business.offer_threshold import OfferCosts

NO_REVIEWS, NO_OFFERS = (None, None, None, None), (None, None, None)


def test_the_options_say_which_kind_of_policy_it_is() -> None:
    reviews = _costs((160.0, 20.0, 1.0, 100.0), NO_OFFERS)
    assert reviews == Costs(
        missed_usd=160.0, false_alarm_usd=20.0, review_usd=1.0, cards_per_day=100.0
    )
    offers = _costs(NO_REVIEWS, (400.0, 20.0, 50.0))
    assert offers == OfferCosts(customer_value=400.0, offer_cost=20.0, offers_per_day=50.0)


@pytest.mark.parametrize(
    ("reviews", "offers"),
    [
        (NO_REVIEWS, NO_OFFERS),
        ((160.0, 20.0, None, 100.0), NO_OFFERS),
        ((160.0, 20.0, 1.0, 100.0), (400.0, None, None)),
    ],
)
def test_none_some_or_both_are_refused(
    reviews: tuple[float | None, ...], offers: tuple[float | None, ...]
) -> None:
    with pytest.raises(BadParameter, match="--cards-per-day, or all of"):
        _costs(reviews, offers)


def test_only_whole_days_are_read_whose_labels_have_all_come() -> None:
    period = _mature_days(datetime(2026, 11, 29, 15, tzinfo=UTC), 28, 7.0)
    assert datetime.fromtimestamp(period.end_ms / 1000, UTC) == datetime(2026, 11, 22, tzinfo=UTC)
    assert period.end_ms - period.begin_ms == 28 * 86_400_000
