"""How far reviewers agree with each other, and with the model: Cohen's kappa.

Kappa is (observed - expected) / (1 - expected), where `expected` is the agreement of two who give
each answer as often as these do, but by chance; its standard error is
sqrt(observed (1 - observed) / (n (1 - expected)^2)) (Cohen 1960). 1 is agreement in everything, 0
that of chance.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from scenarios.contract.review.plan import ReviewPlan
from serving.review_queue.rules import final_verdict
from stores.records.review_cases import ReviewCase

_Z = 1.959964  # of a 95 % interval
# The model's answer: a score is a probability.
MORE_LIKELY_THAN_NOT = 0.5
_YES, _NO = "positive", "negative"


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Of two who answered the same cases.

    cases      how many
    observed   share of the cases with equal answers; None without cases
    expected   that share by chance
    kappa      None where chance alone would agree in everything
    low, high  95 % interval of kappa, within [-1, 1]
    """

    cases: int
    observed: float | None = None
    expected: float | None = None
    kappa: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class AgreementFigures:
    """Agreement on the decided cases of a scenario.

    opinions    of the first and the second opinion about a case, given without knowledge of each
                other
    reviewers   the same for each two people, who answered as "a | b"
    with_model  of the decision and the model (positive from `MORE_LIKELY_THAN_NOT` on); each case
                weighs 1 / propensity, so the figure is of all cases and not of the sent ones; its
                interval uses the effective number of cases (Kish 1965)
    """

    opinions: Agreement
    reviewers: Mapping[str, Agreement]
    with_model: Agreement


def agreement_figures(cases: Sequence[ReviewCase], plan: ReviewPlan) -> AgreementFigures:
    """The figures of `cases`, of which those without an opinion do not count."""
    answers: list[tuple[str, str]] = []
    by_pair: dict[str, list[tuple[str, str]]] = defaultdict(list)
    with_model: list[tuple[str, str]] = []
    weights: list[float] = []
    for case in cases:
        if len(case.opinions) >= 2:
            first, second = case.opinions[:2]
            answers.append((first.verdict, second.verdict))
            by_name = sorted((first, second), key=lambda opinion: opinion.reviewer)
            pair = " | ".join(opinion.reviewer for opinion in by_name)
            by_pair[pair].append((by_name[0].verdict, by_name[1].verdict))
        if case.is_decided and case.opinions and case.prediction is not None:
            label = plan.label_of(final_verdict(case.opinions))
            if label is not None:
                is_positive = case.prediction.score >= MORE_LIKELY_THAN_NOT
                with_model.append((_answer(is_positive=label), _answer(is_positive=is_positive)))
                weights.append(1.0 / case.sent.propensity)
    return AgreementFigures(
        opinions=cohens_kappa(answers),
        reviewers={pair: cohens_kappa(by_pair[pair]) for pair in sorted(by_pair)},
        with_model=cohens_kappa(with_model, weights),
    )


def cohens_kappa(
    answers: Sequence[tuple[str, str]], weights: Sequence[float] | None = None
) -> Agreement:
    """The agreement of two who gave `answers`, each case with its weight (1 without weights)."""
    if not answers:
        return Agreement(cases=0)
    weights = weights if weights is not None else [1.0] * len(answers)
    total = sum(weights)
    shares: list[dict[str, float]] = [{}, {}]
    equal = 0.0
    for pair, weight in zip(answers, weights, strict=True):
        equal += weight * (pair[0] == pair[1])
        for share, answer in zip(shares, pair, strict=True):
            share[answer] = share.get(answer, 0.0) + weight / total
    observed = equal / total
    expected = sum(share * shares[1].get(answer, 0.0) for answer, share in shares[0].items())
    if expected >= 1.0 - 1e-12:
        return Agreement(cases=len(answers), observed=observed, expected=expected)
    kappa = (observed - expected) / (1.0 - expected)
    effective = total**2 / sum(weight**2 for weight in weights)
    error = sqrt(max(observed * (1.0 - observed), 0.0) / effective) / (1.0 - expected)
    return Agreement(
        cases=len(answers),
        observed=observed,
        expected=expected,
        kappa=kappa,
        low=max(kappa - _Z * error, -1.0),
        high=min(kappa + _Z * error, 1.0),
    )


def _answer(*, is_positive: bool) -> str:
    return _YES if is_positive else _NO
