"""The loss of a prediction, and what is expected of it before its label is known."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from monitoring.cases import Cases, Floats
from monitoring.estimate.calibration import Calibration, logits


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A loss per case.

    kind   brier: (score - label)²; cost: `missed` for a positive below the highest band,
           `false_alarm` for a negative in it; log: minus the log of the label's probability, cut
           to 1e-6, which weighs rare positives that are not seen coming
    """

    kind: Literal["brier", "cost", "log"] = "brier"
    missed: float = 1.0
    false_alarm: float = 1.0

    def of_labels(self, cases: Cases, labels: Floats) -> Floats:
        """The loss (n,) of each case, given labels (n,) of 0 and 1; NaN without a label.

        A loss is linear in the label, so probabilities in place of labels give its expectation.
        """
        if self.kind == "brier":
            negative, positive = cases.scores**2, (1.0 - cases.scores) ** 2
        elif self.kind == "log":
            odds = logits(cases.scores)
            negative, positive = np.logaddexp(0.0, odds), np.logaddexp(0.0, -odds)
        else:
            is_flagged = cases.bands == len(cases.band_names) - 1
            negative = np.where(is_flagged, self.false_alarm, 0.0)
            positive = np.where(is_flagged, 0.0, self.missed)
        losses: Floats = negative + labels * (positive - negative)
        return losses

    def expected(self, cases: Cases, calibration: Calibration) -> Floats:
        """The expected loss (n,) under the calibrated scores: the proxy of an unlabelled case."""
        return self.of_labels(cases, calibration.probabilities(cases.scores))
