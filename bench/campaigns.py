"""Campaigns on paper: how often the reported effect of an offer is right, and the naive one.

Each campaign has a control group, offers whose effect differs from customer to customer, and agents
who prefer to call customers that would stay anyway: they notice what the model does not see. The
true effect is computed from 300,000 customers.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from rich.table import Table
from typer import Option

from monitoring.business.control_quality import CONTROL_PART, control_quality
from monitoring.business.effect import Effect, Uptake, effect
from monitoring.business.qini import Qini, qini
from monitoring.cases import Cases
from monitoring.period_report import Interval
from reports.terminal import Terminal

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_BANDS = ("low", "medium", "high")
_LIMITS = (0.0, 0.25, 0.5)
_ACTED_BANDS = ("medium", "high")
_OFFER_COST = 20.0
_TRUTH_CUSTOMERS = 300_000
_DESIGNS = ((0.05, 0.5), (0.10, 0.5), (0.20, 0.5), (0.10, 0.0))


@dataclass(frozen=True, kw_only=True)
class Customers:
    """n customers: what the model sees (x) and what only agents notice (z), and all that follows.

    would_leave  churns without an offer that saves him; saved: an accepted offer would keep him
    """

    scores: Floats
    would_leave: Flags
    would_be_shown: Flags
    would_accept: Flags
    saved: Flags

    @property
    def eligible(self) -> Flags:
        """Whose band calls for an action."""
        flags: Flags = self.scores >= _LIMITS[1]
        return flags

    @property
    def leaves_if_acted_on(self) -> Flags:
        """Churns where agents work as they do."""
        stays_for_offer = self.would_be_shown & self.would_accept & self.saved
        return self.would_leave & ~stays_for_offer


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What a campaign of all customers would show."""

    avoided: float
    per_offer: float
    qini: float
    auroc: float


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """What is reported of one campaign."""

    effect: Effect
    shown: Uptake
    qini: Qini
    auroc_control: Interval
    auroc_all: Interval


def main(
    seeds: Annotated[int, Option(min=1, help="Campaigns of each design.")] = 100,
    customers: Annotated[int, Option(min=500, help="Customers of a campaign.")] = 10_000,
    rounds: Annotated[int, Option(min=50, help="Resamples behind the Qini interval.")] = 200,
    only: Annotated[str, Option(help="Only designs whose name has this in it.")] = "",
) -> None:
    """Run the campaigns and print the table."""
    console = Terminal()
    columns = []
    for share, strength in _DESIGNS:
        name = f"control {share:.0%}, offer {'works' if strength else 'does nothing'}"
        if only not in name:
            continue
        truth = true_figures(strength)
        campaigns = []
        with console.status(name) as status:
            for seed in range(seeds):
                campaigns.append(campaign(seed, customers, share, strength, rounds=rounds))
                status.update(f"{name}: {seed + 1} of {seeds} campaigns")
        columns.append({"": name, **_figures(truth, campaigns)})
    title = f"{seeds:,} campaigns of {customers:,} customers each; effects in points of churn"
    table = Table("", *(column[""] for column in columns), title=title)
    for figure in list(columns[0])[1:] if columns else ():
        table.add_row(figure, *(column[figure] for column in columns))
    console.print(table)


def _figures(truth: Truth, campaigns: list[Campaign]) -> dict[str, str]:
    effects = [c.effect.avoided.interval() for c in campaigns]
    per_offer = [c.shown.effect.interval() for c in campaigns]
    naive = [c.shown.naive.interval() for c in campaigns]
    curves = [c.qini.coefficient for c in campaigns]
    return {
        "effect of acting: true": _points(truth.avoided),
        "reported, mean": _points(_mean(effects)),
        "true one in the interval": _inside(effects, truth.avoided),
        "effect per offer: true": _points(truth.per_offer),
        "reported, mean ": _points(_mean(per_offer)),
        "true one in the interval ": _inside(per_offer, truth.per_offer),
        "naive, mean": _points(_mean(naive)),
        "true one in the naive interval": _inside(naive, truth.per_offer),
        "Qini coefficient: true": f"{100 * truth.qini:.2f}",
        "reported, mean  ": f"{100 * _mean(curves):.2f}",
        "true one in the interval  ": _inside(curves, truth.qini),
        "AUROC: true": f"{truth.auroc:.3f}",
        "control group, mean": f"{_mean([c.auroc_control for c in campaigns]):.3f}",
        "all customers, mean": f"{_mean([c.auroc_all for c in campaigns]):.3f}",
    }


def campaign(
    seed: int, customers: int, share: float, strength: float, *, rounds: int = 200
) -> Campaign:
    """One campaign and its figures; raises `ValueError` when an arm is too small for them."""
    random = np.random.default_rng(seed)
    cases = cases_of(drawn_customers(random, customers, strength), random, share)
    result = effect(cases, bands=_ACTED_BANDS)
    curve = qini(cases, bands=_ACTED_BANDS, rounds=rounds, seed=seed)
    if not (
        isinstance(result, Effect) and isinstance(result.shown, Uptake) and isinstance(curve, Qini)
    ):
        raise ValueError(f"{customers} customers are too few: {result}")
    aurocs = {
        measurement.part: measurement.interval
        for measurement in control_quality(cases, maturity="mature", rounds=2)
        if measurement.metric == "auroc"
    }
    return Campaign(
        effect=result,
        shown=result.shown,
        qini=curve,
        auroc_control=aurocs[CONTROL_PART],
        auroc_all=aurocs[""],
    )


def drawn_customers(random: np.random.Generator, count: int, strength: float) -> Customers:
    """Customers; strength: the largest share of leavers that an accepted offer keeps."""
    x, z = random.normal(size=(2, count))
    # The model's probability averages over what it does not see (MacKay's approximation).
    signal = -0.3 + 1.3 * x
    return Customers(
        scores=_sigmoid(signal / np.sqrt(1.0 + np.pi / 8.0)),
        would_leave=random.random(count) < _sigmoid(signal + z),
        would_be_shown=random.random(count) < _sigmoid(0.8 - z),
        would_accept=random.random(count) < _sigmoid(-0.2 - 0.3 * x - 0.8 * z),
        saved=random.random(count) < strength * _sigmoid(1.0 - 0.6 * x),
    )


def cases_of(customers: Customers, random: np.random.Generator, share: float) -> Cases:
    """The customers as mature cases; `share` of them are in the control group."""
    count = len(customers.scores)
    is_control = random.random(count) < share
    bands = np.searchsorted(_LIMITS, customers.scores, side="right") - 1
    is_acted_on = customers.eligible & ~is_control
    leaves = np.where(is_acted_on, customers.leaves_if_acted_on, customers.would_leave)
    is_shown = is_acted_on & customers.would_be_shown
    is_accepted = is_shown & customers.would_accept
    zeros = np.zeros(count, dtype=np.int64)
    return Cases(
        entities=np.arange(count),
        made_ms=zeros,
        scores=customers.scores,
        labels=leaves.astype(np.float64),
        known_ms=zeros,
        versions=zeros,
        bands=bands.astype(np.int64),
        actions=is_acted_on.astype(np.int64),
        limits=np.tile(_LIMITS, (count, 1)),
        is_control=is_control,
        propensity=np.where(is_control, share, 1.0 - share),
        is_shown=is_shown,
        is_accepted=is_accepted,
        action_cost=np.where(is_accepted, _OFFER_COST, 0.0),
        amounts=np.full(count, np.nan),
        slices={},
        version_names=("1",),
        band_names=_BANDS,
        action_names=("none", "offer"),
        slice_values={},
    )


def true_figures(strength: float) -> Truth:
    """Of 300,000 customers whose outcome with and without offers is known."""
    customers = drawn_customers(np.random.default_rng(10**6), _TRUTH_CUSTOMERS, strength)
    eligible = np.flatnonzero(customers.eligible)
    avoided = (customers.would_leave & ~customers.leaves_if_acted_on).astype(np.float64)[eligible]
    ranked = avoided[np.argsort(-customers.scores[eligible])]
    curve = np.cumsum(ranked) / len(ranked)
    line = curve[-1] * np.arange(1, len(ranked) + 1) / len(ranked)
    ranks = np.argsort(np.argsort(customers.scores)) + 1.0
    leavers = int(customers.would_leave.sum())
    below = ranks[customers.would_leave].sum() - leavers * (leavers + 1) / 2.0
    return Truth(
        avoided=float(avoided.mean()),
        per_offer=float(avoided.mean() / customers.would_be_shown[eligible].mean()),
        qini=float((curve - line).mean()),
        auroc=float(below / (leavers * (_TRUTH_CUSTOMERS - leavers))),
    )


def holds(interval: Interval, truth: float) -> bool:
    """Whether an interval contains the truth."""
    return (
        interval.low is not None
        and interval.high is not None
        and interval.low <= truth <= interval.high
    )


def _inside(intervals: list[Interval], truth: float) -> str:
    return f"{sum(holds(interval, truth) for interval in intervals)} of {len(intervals)}"


def _mean(intervals: list[Interval]) -> float:
    return float(np.mean([interval.value for interval in intervals if interval.value is not None]))


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _sigmoid(logit: Floats) -> Floats:
    share: Floats = 1.0 / (1.0 + np.exp(-logit))
    return share


if __name__ == "__main__":
    typer.run(main)
