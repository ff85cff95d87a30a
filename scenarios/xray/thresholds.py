"""Thresholds of the policy from the calibration part, and what they give on the held-out part.

`python -m scenarios.xray.thresholds` prints both; no child is in both parts, and scores of the
calibration part come from models that did not see the child.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features.attachments import NothingStored, Reading
from scenarios.xray.decision_model import DecisionModel, precision_at
from scenarios.xray.events import IMAGE
from scenarios.xray.images_file import Xrays, read_xrays, xray_folder
from scenarios.xray.patient_split import Part, child_key, is_in_part
from scenarios.xray.predictors import MODEL_FEATURES
from scenarios.xray.traffic.picture_files import PNG, data_url

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_RECALL = 0.97
LEAST_SPECIFICITY = 0.99
# That the recall is at least that, not only in this sample.
CONFIDENCE = 0.95
PREVALENCES = (0.01, 0.1, 0.25, 0.5)
_FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Of scores from a threshold on: how many ill are found, how many healthy are left alone."""

    recall: float
    specificity: float


def thresholds(outcomes: Ints, scores: Floats) -> tuple[float, float]:
    """(uncertain from, pneumonia from), three digits.

    Below the first are so few of the ill that the recall is at least `LEAST_RECALL` with
    `CONFIDENCE` (Clopper and Pearson 1934, one-sided); of the healthy at most 1 % reach the second.
    """
    ill, healthy = np.sort(scores[outcomes == 1]), scores[outcomes == 0]
    uncertain = np.floor(ill[most_missed(len(ill))] * 1_000) / 1_000
    highest = float(np.quantile(healthy, LEAST_SPECIFICITY, method="higher"))
    pneumonia = np.ceil(highest * 1_000) / 1_000
    return float(uncertain), float(max(pneumonia, uncertain + 0.001))


def most_missed(ill: int) -> int:
    """How many of `ill` people may be missed for the recall to be high enough with confidence."""
    from scipy.stats import beta

    missed = np.arange(ill)
    lowest = beta.ppf(1.0 - CONFIDENCE, ill - missed, missed + 1)
    return int(np.flatnonzero(lowest >= LEAST_RECALL).max(initial=0))


def rates(outcomes: Ints, scores: Floats, *, threshold: float) -> Rates:
    """Recall and specificity of "ill" from `threshold` on."""
    is_found = scores >= threshold
    return Rates(
        recall=float(is_found[outcomes == 1].mean()),
        specificity=float((~is_found)[outcomes == 0].mean()),
    )


def out_of_fold(features: Floats, outcomes: Ints, children: npt.NDArray[np.str_]) -> Floats:
    """Scores (n,) of models that saw no image of the same child."""
    from sklearn.model_selection import GroupKFold

    scores = np.empty(len(outcomes))
    model = DecisionModel(columns=tuple(range(features.shape[1])))
    for rows, others in GroupKFold(_FOLDS).split(features, outcomes, children):
        fitted = model.fit(features[rows], outcomes[rows])
        scores[others] = fitted.predict_proba(features[others])[:, 1]
    return scores


def network_figures(xrays: Xrays) -> Iterator[dict[str, float]]:
    """What an event with each image would have as figures, by name."""
    reader = IMAGE.reader(NothingStored())
    names = [number.name.partition(".")[2] for number in IMAGE.figures]
    for levels in xrays.images:
        reading = reader.read(data_url(levels, PNG))
        if not isinstance(reading, Reading):
            raise ValueError(f"an image of the file is refused: {reading}")
        yield dict(zip(names, reading.figures, strict=True))


def part_columns(folder: Path, part: Part) -> tuple[Floats, Ints, npt.NDArray[np.str_]]:
    """Columns of the model (n, 2), outcomes (n,) and children (n,) of a part."""
    xrays = read_xrays(folder)
    xrays = xrays.rows(is_in_part(xrays.patients, part))
    rows = [[figures[name] for name in MODEL_FEATURES] for figures in network_figures(xrays)]
    children = np.array([child_key(str(patient)) for patient in xrays.patients])
    return np.array(rows), xrays.has_pneumonia.astype(np.int64), children


def main() -> None:
    """Print thresholds and rates."""
    folder = xray_folder()
    features, outcomes, children = part_columns(folder, "calibration")
    limits = thresholds(outcomes, out_of_fold(features, outcomes, children))
    print(f"UNCERTAIN_FROM = {limits[0]:g}\nPNEUMONIA_FROM = {limits[1]:g}")
    held_out, truth, _ = part_columns(folder, "held_out")
    model = DecisionModel(columns=tuple(range(features.shape[1]))).fit(features, outcomes)
    scores = model.predict_proba(held_out)[:, 1]
    for words, limit in zip(("from uncertain on", "pneumonia"), limits, strict=True):
        found = rates(truth, scores, threshold=limit)
        print(f"{words}: recall {found.recall:.3f}, specificity {found.specificity:.3f}")
        for prevalence in (*PREVALENCES, float(truth.mean())):
            share = precision_at(
                recall=found.recall, specificity=found.specificity, prevalence=prevalence
            )
            print(f"  at a prevalence of {prevalence:.0%}: precision {share:.3f}")
    is_uncertain = (scores >= limits[0]) & (scores < limits[1])
    print(f"uncertain: {is_uncertain.mean():.1%} of the held-out images")


if __name__ == "__main__":
    main()
