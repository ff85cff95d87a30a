"""Business figures of the mature periods, by what a scenario does: it makes offers, or reviews."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from monitoring.business.figures import BusinessFigure
from monitoring.business.offers import OfferOptions, offer_figures
from monitoring.business.reviews import ReviewOptions, review_figures
from monitoring.cases import Cases
from monitoring.period_data import PeriodData


def business_figures(
    data: Sequence[PeriodData],
    *,
    now_ms: int,
    maturity_ms: int,
    offers: OfferOptions | None = None,
    reviews: ReviewOptions | None = None,
) -> tuple[BusinessFigure, ...]:
    """Figures of offers over all mature periods together, of reviews in the newest mature one.

    data: by period, with names of codes that all share; nothing without a mature period with cases
    """
    mature = [
        replace(period, cases=period.cases.known_by(now_ms))
        for period in data
        if period.period.is_mature(now_ms, maturity_ms=maturity_ms) and len(period.cases)
    ]
    figures: list[BusinessFigure] = []
    if mature and offers is not None:
        figures += offer_figures(joined([period.cases for period in mature]), offers)
    if mature and reviews is not None:
        figures += review_figures(mature[-1].cases, mature[-1].period, reviews)
    return tuple(figures)


def joined(parts: Sequence[Cases]) -> Cases:
    """The cases of at least one part in one; the parts share the names of their codes."""
    first = parts[0]
    columns: dict[str, Any] = {
        column.name: np.concatenate([getattr(part, column.name) for part in parts])
        for column in fields(first)
        if isinstance(getattr(first, column.name), np.ndarray)
    }
    slices = {name: np.concatenate([part.slices[name] for part in parts]) for name in first.slices}
    return replace(first, **columns, slices=slices)
