"""Cohen's kappa, on numbers that can be checked by hand."""

import pytest
from msgspec.structs import replace

from scenarios.contract.review.plan import ReviewPlan
from serving.review_queue.agreement import agreement_figures, cohens_kappa
from stores.records.review_cases import RANDOM, Opinion, ReviewCase, Sent
from tests.support.review_cases import tiny_case

PLAN = ReviewPlan()


def answers(table: list[list[int]]) -> list[tuple[str, str]]:
    """Pairs of answers from how often each pair was given."""
    return [
        (f"answer {row}", f"answer {column}")
        for row, counts in enumerate(table)
        for column, count in enumerate(counts)
        for _ in range(count)
    ]


def test_kappa_of_a_table_that_was_computed_by_hand() -> None:
    agreement = cohens_kappa(answers([[20, 5], [10, 15]]))
    assert agreement.observed == pytest.approx(35 / 50)
    assert agreement.expected == pytest.approx(0.5 * 0.6 + 0.5 * 0.4)
    assert agreement.kappa == pytest.approx(0.4)
    error = (0.7 * 0.3 / (50 * 0.25)) ** 0.5
    assert agreement.low == pytest.approx(0.4 - 1.959964 * error)
    assert agreement.high == pytest.approx(0.4 + 1.959964 * error)


def test_agreement_in_everything_chance_and_nothing() -> None:
    assert cohens_kappa(answers([[7, 0], [0, 3]])).kappa == 1.0
    assert cohens_kappa(answers([[4, 4], [4, 4]])).kappa == pytest.approx(0.0)
    assert cohens_kappa(answers([[0, 5], [5, 0]])).kappa == -1.0
    one_sided = cohens_kappa(answers([[9]]))
    assert (one_sided.observed, one_sided.kappa) == (1.0, None)
    assert cohens_kappa([]).cases == 0


def case(number: int, *verdicts: str, score: float = 0.9, propensity: float = 1.0) -> ReviewCase:
    opinions = tuple(
        Opinion(reviewer=f"r{at}", verdict=verdict, at_ms=0) for at, verdict in enumerate(verdicts)
    )
    sent = Sent(because=(RANDOM,), propensity=propensity)
    return replace(
        tiny_case(number, score=score), opinions=opinions, opinions_wanted=len(verdicts), sent=sent
    )


def test_reviewers_are_compared_in_pairs_and_with_the_model() -> None:
    cases = [
        case(1, "confirmed", "confirmed"),
        case(2, "dismissed", "confirmed", "dismissed"),
        case(3, "dismissed", score=0.1, propensity=0.25),
        case(4, "unclear", score=0.1),
        case(5, "confirmed", score=0.2),
    ]
    figures = agreement_figures(cases, PLAN)
    assert figures.opinions.cases == 2
    assert figures.opinions.observed == 0.5
    assert [*figures.reviewers] == ["r0 | r1"]
    # The model is right about 1 and 3, of which 3 stands for four cases, and wrong about 2 and 5.
    assert figures.with_model.cases == 4
    assert figures.with_model.observed == pytest.approx(5 / 7)
