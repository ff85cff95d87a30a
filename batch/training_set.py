"""The training set in memory, in an order that does not depend on Spark."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame

from batch.event_features import event_features
from batch.outcomes import mature, outcomes
from batch.training_rows import TEST, TrainingOptions, refusal_counts, rows_as_of_outcomes
from scenarios.scenario import Scenario

# Fewer of a kind leave a fold of the cross-validation without one.
MINIMUM_PER_CLASS = 10


class NothingToTrain(RuntimeError):
    """No events, no labels, or outcomes of one kind only; says what was found."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """r rows, ordered by entity and label time.

    entities r ids; outcomes int64 (r,) of 0 and 1; features float64 (r, k); is_test bool (r,);
    counts: what was read, refused and used
    """

    entities: list[str]
    outcomes: npt.NDArray[np.int64]
    features: npt.NDArray[np.float64]
    is_test: npt.NDArray[np.bool_]
    counts: Mapping[str, int]

    @property
    def digest(self) -> str:
        """32 hex digits over entities, outcomes, features and the split."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update("\n".join(self.entities).encode())
        for array in (self.outcomes, self.features, self.is_test):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def read_training_set(
    events: DataFrame, labels: DataFrame, scenario: Scenario, *, options: TrainingOptions
) -> TrainingSet:
    """The rows of `training_rows` and how many records were read, refused and used.

    Frames have the columns of `RECORD_COLUMNS`; each is folded once and kept while counting.
    """
    folded = event_features(events, scenario, options.limits).persist()
    found = outcomes(labels, scenario.label, options.limits).persist()
    try:
        known = mature(found, scenario.label, now_ms=options.now_ms)
        frame = rows_as_of_outcomes(folded, known, scenario, test_fraction=options.test_fraction)
        rows = frame.toPandas().sort_values(["entity", "label_time_ms"], kind="stable")
        counts = {**_counts("event", folded), **_counts("label", found)}
        counts["labels_mature"] = known.count()
    finally:
        folded.unpersist()
        found.unpersist()
    is_test = (rows["split"] == TEST).to_numpy(dtype=np.bool_)
    outcome = rows["label"].to_numpy(dtype=np.int64)
    counts |= {
        "train_rows": int((~is_test).sum()),
        "train_positives": int(outcome[~is_test].sum()),
        "test_rows": int(is_test.sum()),
        "test_positives": int(outcome[is_test].sum()),
    }
    return TrainingSet(
        entities=rows["entity"].tolist(),
        outcomes=outcome,
        features=rows[list(scenario.plan.feature_names)].to_numpy(dtype=np.float64),
        is_test=is_test,
        counts=counts,
    )


def check_trainable(found: TrainingSet, scenario: Scenario) -> None:
    """Raise `NothingToTrain` unless both outcomes occur often enough in both parts."""
    counts = found.counts
    for kind in ("events", "labels"):
        if not counts[kind]:
            raise NothingToTrain(
                f"topic {scenario.topic(kind)} has no valid record ({dict(counts)}): "
                f"publish some with publish_events --scenario {scenario.name}"
            )
    for part, least in (("train", MINIMUM_PER_CLASS), ("test", 1)):
        positives = counts[f"{part}_positives"]
        negatives = counts[f"{part}_rows"] - positives
        if min(positives, negatives) < least:
            raise NothingToTrain(
                f"the {part} part has {positives} positive and {negatives} negative outcomes, "
                f"expected at least {least} of each; counts: {dict(counts)}"
            )


def _counts(kind: str, frame: DataFrame) -> dict[str, int]:
    refused = refusal_counts(frame)
    valid = frame.where("refusal is null").count()
    by_reason = {f"{kind}s_refused_{code}": count for code, count in sorted(refused.items())}
    return {f"{kind}s": valid, f"{kind}s_refused": sum(refused.values()), **by_reason}
