"""Business figures of a scenario that makes offers: rates, customers saved, cost, return."""

from collections.abc import Collection
from dataclasses import dataclass

from monitoring.business.effect import Effect, NoEffect, Uptake, effect, in_bands
from monitoring.business.estimates import Estimate
from monitoring.business.figures import BusinessFigure
from monitoring.business.qini import qini
from monitoring.cases import Cases

_BY_PROPENSITY = "labelled cases weighted by 1/propensity, interval over customers"


@dataclass(frozen=True, kw_only=True)
class OfferOptions:
    """What the figures need to know of the scenario.

    bands            those in which the policy acts
    customer_value   what a customer who stays is worth, in `currency`
    """

    bands: Collection[str]
    customer_value: float
    currency: str = "EUR"


def offer_figures(cases: Cases, options: OfferOptions) -> tuple[BusinessFigure, ...]:
    """The figures of mature cases; each says why when it has no value.

    Shares are of labelled cases in `options.bands`, in both arms. Money and customers are of the
    acted-on customers in them, each once however many cases it has; where some labels are missing,
    they are scaled up to all of these.
    """
    acted_on = cases.where(in_bands(cases, options.bands) & ~cases.is_control)
    cost = BusinessFigure(
        name="cost of offers",
        value=float(acted_on.action_cost.sum()),
        unit=options.currency,
        method="sum over the outcome records of these cases; counted, so without an interval",
        cases=len(acted_on),
    )
    result = effect(cases, bands=options.bands)
    if isinstance(result, NoEffect):
        return (
            _unknown("churn rate acted on", "share", result.reason),
            _unknown("churn rate in the control group", "share", result.reason),
            _unknown("churn avoided by acting", "share", result.reason),
            _unknown("customers saved", "customers", result.reason),
            cost,
            _unknown("return of the offers", options.currency, result.reason),
            *_uptake_figures(result, "offer"),
            *_uptake_figures(result, "accepted offer"),
            _unknown("Qini coefficient", "share", result.reason),
        )
    return (
        *_effect_figures(result, cost.value or 0.0, options),
        cost,
        *_uptake_figures(result.shown, "offer"),
        *_uptake_figures(result.accepted, "accepted offer"),
        _qini_figure(cases, options),
    )


def _effect_figures(
    result: Effect, cost: float, options: OfferOptions
) -> tuple[BusinessFigure, ...]:
    saved = result.avoided.times(float(result.customers))
    profit = saved.times(options.customer_value).plus(-cost)
    labelled = result.acted_on_cases + result.control_cases
    note = ""
    if result.acted_on_cases < result.in_arm:
        note = f"{result.acted_on_cases:,} of {result.in_arm:,} acted-on cases have a label"
    return (
        _figure(
            "churn rate acted on",
            result.acted_on,
            "share",
            _BY_PROPENSITY,
            cases=result.acted_on_cases,
        ),
        _figure(
            "churn rate in the control group",
            result.control,
            "share",
            _BY_PROPENSITY,
            cases=result.control_cases,
        ),
        _figure(
            "churn avoided by acting",
            result.avoided,
            "share",
            f"control less acted on: {_BY_PROPENSITY}",
            cases=labelled,
        ),
        _figure(
            "customers saved",
            saved,
            "customers",
            f"churn avoided by acting times {result.customers:,} customers acted on, each once",
            cases=labelled,
            reason=note,
        ),
        _figure(
            "return of the offers",
            profit,
            options.currency,
            f"customers saved times {options.customer_value:,.2f} less the cost of offers",
            cases=labelled,
            reason=note,
        ),
    )


def _uptake_figures(uptake: Uptake | NoEffect, word: str) -> tuple[BusinessFigure, ...]:
    names = (
        f"churn avoided per {word}",
        f"naive: churn avoided per {word}",
        f"error of the naive figure per {word}",
    )
    if isinstance(uptake, NoEffect):
        return tuple(_unknown(name, "share", uptake.reason) for name in names)
    methods = (
        f"churn avoided by acting over the share with an {word} (Bloom 1984): right when those "
        "without one are not affected",
        f"rate without an {word} less rate with one, acted-on arm only",
        "naive less the figure by the control group, interval of the difference",
    )
    estimates = (uptake.effect, uptake.naive, uptake.error)
    notes = ("", "agents choose whom to call: not caused by the offer alone", "")
    return tuple(
        _figure(name, estimate, "share", method, cases=uptake.taken, reason=note)
        for name, estimate, method, note in zip(names, estimates, methods, notes, strict=True)
    )


def _qini_figure(cases: Cases, options: OfferOptions) -> BusinessFigure:
    curve = qini(cases, bands=options.bands)
    if isinstance(curve, NoEffect):
        return _unknown("Qini coefficient", "share", curve.reason)
    return BusinessFigure(
        name="Qini coefficient",
        value=curve.coefficient.value,
        low=curve.coefficient.low,
        high=curve.coefficient.high,
        unit="share",
        method="area of the Qini curve by score above the straight line (Radcliffe 2007), "
        "bootstrap of customers; above 0: those with a high score are helped most",
        cases=curve.cases,
    )


def _figure(
    name: str, estimate: Estimate, unit: str, method: str, *, cases: int, reason: str = ""
) -> BusinessFigure:
    ends = estimate.interval()
    return BusinessFigure(
        name=name,
        value=ends.value,
        low=ends.low,
        high=ends.high,
        unit=unit,
        method=method,
        reason=reason,
        cases=cases,
    )


def _unknown(name: str, unit: str, reason: str) -> BusinessFigure:
    return BusinessFigure(name=name, value=None, unit=unit, method="", reason=reason)
