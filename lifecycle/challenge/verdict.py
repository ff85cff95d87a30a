"""Is the other version better, worse, or is it not known yet? One sentence, from one estimate."""

from dataclasses import dataclass
from typing import Literal

from lifecycle.challenge.confidence_sequence import LEAST_VALUES, Estimate, values_until

Word = Literal["better", "worse", "not known yet"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is known of the other version.

    more  about how many more labels it takes when the difference stays as it is; None: the
          difference is too small to say, or it is known
    """

    word: Word
    more: int | None
    sentence: str


def verdict(
    difference: Estimate, *, rho: float, alpha: float, other: str, measure: str, unit: str
) -> Verdict:
    """The verdict on `other` from its mean `difference` of `measure` to the champion's.

    Less of the measure is better. unit: what a value is of, in the plural, such as "entities".
    """
    low, high, count = difference.low, difference.high, difference.count
    between = f"{measure} {difference.mean:+.5f} ({low:+.5f} to {high:+.5f}) on {count:,} {unit}"
    if count < LEAST_VALUES:
        missing = LEAST_VALUES - count
        early = (
            f"{count:,} {unit} with mature labels, needs about {missing:,} more for a first look"
        )
        sentence = f"{other} is not known yet to be better or worse: {early}"
        return Verdict(word="not known yet", more=missing, sentence=sentence)
    if high < 0.0:
        return Verdict(word="better", more=None, sentence=f"{other} is better: {between}")
    if low > 0.0:
        return Verdict(word="worse", more=None, sentence=f"{other} is worse: {between}")
    needed = values_until(difference.mean, difference.deviation, rho=rho, alpha=alpha)
    more = None if needed is None else max(1, needed - count)
    needs = (
        "the difference is too small to say how many labels it takes"
        if more is None
        else (f"needs about {more:,} more labels if the difference stays")
    )
    return Verdict(
        word="not known yet",
        more=more,
        sentence=f"{other} is not known yet to be better or worse: {between}; {needs}",
    )
