"""A second question that is asked only of some bands' cases, such as which kind of pneumonia.

The answer is read from one feature, the calibrated log-odds of it, by limits of the policy: it
belongs to the verdict like the band, and rules can act on it by `SecondStage.condition`.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scenarios.contract.judging.condition import Condition
from stores.hbase.predictions import SecondStageFinding

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NOT_ASKED, NEGATIVE, POSITIVE, UNCLEAR = -1, 0, 1, 2


class SecondStageError(ValueError):
    """A second stage that cannot be asked; raised at start."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class SecondStage:
    """What is asked, of which bands, and from which certainty on it is answered.

    name                what is asked, such as "cause"
    feature             the log-odds of `positive` against `negative`
    positive, negative  the two answers
    unclear             what is said below `least_certain`: the model abstains
    least_certain       least probability of the likelier answer, in (0.5, 1)
    """

    name: str
    feature: str
    bands: tuple[str, ...]
    positive: str
    negative: str
    unclear: str = "unclear"
    least_certain: float

    def __post_init__(self) -> None:
        if not 0.5 < self.least_certain < 1.0:
            raise SecondStageError(
                f"second stage {self.name!r}: least_certain is {self.least_certain}, expected "
                "between 0.5 and 1"
            )
        if len({self.positive, self.negative, self.unclear}) < 3:
            raise SecondStageError(f"second stage {self.name!r} has two answers of one name")

    @property
    def findings(self) -> tuple[str, str, str]:
        """The answer per code."""
        return (self.negative, self.positive, self.unclear)

    def limits(self, finding: str) -> tuple[float, float]:
        """Log-odds [from, below) that mean `finding`; raises `SecondStageError`."""
        certain = math.log(self.least_certain / (1.0 - self.least_certain))
        match finding:
            case self.positive:
                return certain, math.inf
            case self.negative:
                return -math.inf, -certain
            case self.unclear:
                return -certain, certain
        raise SecondStageError(f"{finding!r} is not one of {self.findings}")

    def condition(self, finding: str) -> Condition:
        """What a rule asks that acts on `finding`; raises `SecondStageError`."""
        least, below = self.limits(finding)
        return Condition(feature=self.feature, at_least=least, below=below)

    def answers(self, log_odds: Floats, is_asked: npt.NDArray[np.bool_]) -> "SecondAnswers":
        """The answers to n cases with `log_odds` (n,); a missing one is unclear."""
        codes = np.full(len(log_odds), UNCLEAR, dtype=np.int64)
        for code, finding in ((NEGATIVE, self.negative), (POSITIVE, self.positive)):
            least, below = self.limits(finding)
            codes[(log_odds >= least) & (log_odds < below)] = code
        codes[~is_asked] = NOT_ASKED
        # Beyond 700 the exponential would overflow; the probability is 0 or 1 long before.
        with np.errstate(invalid="ignore"):
            probabilities = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -700.0, 700.0)))
        return SecondAnswers(codes=codes, probabilities=probabilities)


@dataclass(frozen=True, kw_only=True)
class SecondAnswers:
    """Of n cases.

    codes          int64 (n,)    `NOT_ASKED`, or a position in `SecondStage.findings`
    probabilities  float64 (n,)  of the positive answer; NaN: its log-odds are missing
    """

    codes: Ints
    probabilities: Floats

    def of(self, rows: Ints) -> "SecondAnswers":
        """Those of `rows`."""
        return SecondAnswers(codes=self.codes[rows], probabilities=self.probabilities[rows])

    def finding(self, row: int, stage: SecondStage) -> SecondStageFinding | None:
        """As the prediction has it; None where it was not asked."""
        code = int(self.codes[row])
        if code == NOT_ASKED:
            return None
        probability = float(self.probabilities[row])
        return SecondStageFinding(
            name=stage.name,
            finding=stage.findings[code],
            probability=None if math.isnan(probability) else probability,
        )
