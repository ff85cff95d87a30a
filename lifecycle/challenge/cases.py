"""The labelled cases of an experiment as arrays, and what a version's score of a case costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lifecycle.challenge.confidence_sequence import arm_differences
from scenarios.contract.experiment import CHALLENGER

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

MeasureName = Literal["brier", "cost"]
# Columns with this prefix hold a feature whose slices are looked at.
SLICE_PREFIX = "slice_of_"


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What is compared: less is better.

    brier: squared distance of score and outcome. cost: `missed` for a positive case whose score
    does not reach the alarm's threshold, `false_alarm` for a negative one whose score does.
    """

    name: MeasureName = "brier"
    missed: float = 10.0
    false_alarm: float = 1.0

    def of(self, scores: Floats, labels: Floats, thresholds: Floats) -> Floats:
        """The measure of n cases, float64 (n,)."""
        if self.name == "brier":
            squares: Floats = (scores - labels) ** 2
            return squares
        is_alarm = scores >= thresholds
        return np.where(
            labels == 1.0, np.where(is_alarm, 0.0, self.missed), is_alarm * self.false_alarm
        )


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """n labels whose prediction both versions scored; failed: cases that one could not score.

    slice_features: feature → its value in each case, float64 (n,), of the features with slices
    """

    champion: Floats
    other: Floats
    labels: Floats
    thresholds: Floats
    known_ms: Ints
    failed: int
    slice_features: Mapping[str, Floats] = field(default_factory=dict)

    def differences(self, measure: Measure) -> Floats:
        """The other version's measure less the champion's, per label."""
        other = measure.of(self.other, self.labels, self.thresholds)
        return other - measure.of(self.champion, self.labels, self.thresholds)


@dataclass(frozen=True, kw_only=True)
class ArmCases:
    """n labels of the experiment's entities, by the score that decided.

    entities int64 (n,) numbers of the entities; propensity: of the challenger's arm
    """

    entities: Ints
    in_challenger: Flags
    scores: Floats
    labels: Floats
    thresholds: Floats
    known_ms: Ints
    propensity: float

    def differences(self, measure: Measure) -> Floats:
        """Per entity a value whose mean is the difference of the arms; empty without both arms.

        Several labels of an entity count as their mean: what it does later is no new entity.
        """
        if not self.in_challenger.any() or self.in_challenger.all():
            return np.empty(0)
        costs = measure.of(self.scores, self.labels, self.thresholds)
        _, first, rows, counts = np.unique(
            self.entities, return_index=True, return_inverse=True, return_counts=True
        )
        means = np.bincount(rows, weights=costs) / counts
        return arm_differences(means, self.in_challenger[first], self.propensity)

    def until(self, known_ms: int) -> "ArmCases":
        """Those whose label was known by then."""
        rows = self.known_ms <= known_ms
        return ArmCases(
            entities=self.entities[rows],
            in_challenger=self.in_challenger[rows],
            scores=self.scores[rows],
            labels=self.labels[rows],
            thresholds=self.thresholds[rows],
            known_ms=self.known_ms[rows],
            propensity=self.propensity,
        )


@dataclass(frozen=True, kw_only=True)
class Cases:
    """What an experiment has so far; None where it has no challenger, or no shadow."""

    experiment: str
    predictions: int
    champion_version: str
    challenger_version: str
    shadow_version: str
    arms: ArmCases | None
    pairs: Pairs | None
    shadow: Pairs | None


def cases_of(experiment: str, labelled: Mapping[str, Any], *, predictions: int) -> Cases:
    """The cases in the frames "arms", "pairs" and "shadow", one row per label.

    Columns as in `lifecycle.challenge.evidence`. When the share has changed within the experiment,
    the arms of the newest one count: an entity may have changed its arm with it.
    """
    arms, pairs, shadow = labelled["arms"], labelled["pairs"], labelled["shadow"]
    has_challenger = bool((arms["propensity"] < 1.0).any())
    by_champion = _champion_decided(pairs)
    return Cases(
        experiment=experiment,
        predictions=predictions,
        champion_version=_champion_version(arms, pairs),
        challenger_version=_newest(
            pairs.assign(
                challenger=np.where(by_champion, pairs["other_version"], pairs["version"])
            ),
            "challenger",
        ),
        shadow_version=_newest(shadow, "shadow_version"),
        arms=_arm_cases(arms) if has_challenger else None,
        pairs=_pairs(
            pairs,
            champion=np.where(by_champion, pairs["score"], pairs["other_score"]),
            other=np.where(by_champion, pairs["other_score"], pairs["score"]),
        )
        if has_challenger
        else None,
        shadow=_pairs(
            shadow,
            champion=np.where(_champion_decided(shadow), shadow["score"], shadow["other_score"]),
            other=shadow["shadow_score"],
        )
        if len(shadow)
        else None,
    )


def _champion_decided(frame: Any) -> Flags:
    """Whether the champion's score decided: also where it stood in for a challenger that failed."""
    fell_back = frame["other_version"].notna() & frame["other_score"].isna()
    decided: Flags = ((frame["arm"] != CHALLENGER) | fell_back).to_numpy(dtype=np.bool_)
    return decided


def _champion_version(arms: Any, pairs: Any) -> str:
    by_champion = arms[arms["arm"] != CHALLENGER]
    if len(by_champion):
        return _newest(by_champion, "version")
    return _newest(pairs, "other_version")


def _newest(frame: Any, column: str) -> str:
    return "" if not len(frame) else str(frame.loc[frame["scored_ms"].idxmax(), column])


def _arm_cases(frame: Any) -> ArmCases:
    in_challenger = (frame["arm"] == CHALLENGER).to_numpy(dtype=np.bool_)
    shares = np.where(in_challenger, frame["propensity"], 1.0 - frame["propensity"]).round(12)
    newest = shares[int(frame["scored_ms"].to_numpy().argmax())]
    rows = shares == newest
    entities = np.unique(frame["entity"].to_numpy(dtype=np.str_), return_inverse=True)[1]
    return ArmCases(
        entities=entities[rows],
        in_challenger=in_challenger[rows],
        scores=_floats(frame["score"])[rows],
        labels=_floats(frame["label"])[rows],
        thresholds=_floats(frame["threshold"])[rows],
        known_ms=frame["known_ms"].to_numpy(dtype=np.int64)[rows],
        propensity=float(newest),
    )


def _pairs(frame: Any, *, champion: Any, other: Any) -> Pairs:
    champion, other = _floats(champion), _floats(other)
    is_scored = ~np.isnan(champion) & ~np.isnan(other)
    return Pairs(
        champion=champion[is_scored],
        other=other[is_scored],
        labels=_floats(frame["label"])[is_scored],
        thresholds=_floats(frame["threshold"])[is_scored],
        known_ms=frame["known_ms"].to_numpy(dtype=np.int64)[is_scored],
        failed=int((~is_scored).sum()),
        slice_features={
            name.removeprefix(SLICE_PREFIX): _floats(frame[name])[is_scored]
            for name in frame.columns
            if name.startswith(SLICE_PREFIX)
        },
    )


def _floats(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float64)
