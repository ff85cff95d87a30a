"""Business figures rest on mature periods only, and on what the scenario does."""

from dataclasses import replace

import numpy as np

from conf.settings import load_settings
from jobs.wiring.monitoring import offer_options, review_options
from monitoring.business.figures import BusinessFigure
from monitoring.business.offers import OfferOptions
from monitoring.business.reviews import ReviewOptions
from monitoring.page.business import business_figures, joined
from tests.support.periods import WEEK_MS, cases, period

OFFERS = OfferOptions(bands=("middle", "high"), customer_value=100.0)
REVIEWS = ReviewOptions(
    review_bands=("middle",),
    blocked_bands=("high",),
    false_alarm_cost=20.0,
    review_cost=1.0,
    cards_per_day=100.0,
)
WEEKS = [
    period(n, replace(cases(800, seed=n, begin_ms=n * WEEK_MS, control_share=0.2)))
    for n in range(4)
]


def test_periods_that_are_not_mature_do_not_count() -> None:
    def figures(*, weeks: slice, does: str) -> tuple[BusinessFigure, ...]:
        return business_figures(
            WEEKS[weeks],
            now_ms=4 * WEEK_MS,
            maturity_ms=2 * WEEK_MS,
            offers=OFFERS if "offers" in does else None,
            reviews=REVIEWS if "reviews" in does else None,
        )

    every, mature, newest = slice(0, 4), slice(0, 2), slice(1, 2)
    of_offers = figures(weeks=every, does="offers")
    assert of_offers == figures(weeks=mature, does="offers")
    assert any(figure.value is not None for figure in of_offers)
    assert figures(weeks=every, does="reviews") == figures(weeks=newest, does="reviews")
    assert figures(weeks=slice(2, 4), does="offers, reviews") == ()
    assert figures(weeks=every, does="") == ()


def test_joined_cases_are_all_of_them_in_order() -> None:
    together = joined([WEEKS[0].cases, WEEKS[1].cases])
    assert len(together) == 1_600
    assert np.array_equal(together.scores[800:], WEEKS[1].cases.scores)
    assert np.array_equal(together.slices["plan"][:800], WEEKS[0].cases.slices["plan"])


def test_the_settings_declare_both_kinds() -> None:
    conf = load_settings("local")
    churn, fraud = offer_options(conf, "churn"), review_options(conf, "fraud")
    assert churn is not None
    assert churn.bands == ["medium", "high"]
    assert fraud is not None
    assert fraud.blocked_bands == ["block"]
    assert offer_options(conf, "fraud") is None
    assert review_options(conf, "churn") is None
