"""The training set in memory, in an order that does not depend on Spark."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame

from batch.training_sets.rows import TEST, WEIGHT

_ORDER = ("entity", "label_time_ms", "epoch", "offset")


class NothingToTrain(RuntimeError):
    """Too little to learn from; says what was read and what was needed."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """r rows, ordered by entity, label time and the event's position.

    entities r ids; outcomes int64 (r,) of 0 and 1; features float64 (r, k); is_test bool (r,);
    counts: what was read, refused and used; weights float64 (r,): what each row counts in training,
    None where all count alike
    """

    entities: list[str]
    outcomes: npt.NDArray[np.int64]
    features: npt.NDArray[np.float64]
    is_test: npt.NDArray[np.bool_]
    counts: Mapping[str, int]
    weights: npt.NDArray[np.float64] | None = None

    @property
    def digest(self) -> str:
        """32 hex digits over entities, outcomes, features, the split, and weights if there are."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update("\n".join(self.entities).encode())
        for array in (self.outcomes, self.features, self.is_test):
            digest.update(np.ascontiguousarray(array).tobytes())
        if self.weights is not None:
            digest.update(np.ascontiguousarray(self.weights).tobytes())
        return digest.hexdigest()


def training_set_of(
    rows: DataFrame, feature_names: Sequence[str], *, counts: Mapping[str, int]
) -> TrainingSet:
    """The rows of `rows_as_of_outcomes` in memory; counts of rows and positives are added.

    A column `WEIGHT`, where there is one, becomes the weights.
    """
    weight = [WEIGHT] if WEIGHT in rows.columns else []
    table = rows.select(*_ORDER, "label", "split", *feature_names, *weight).toPandas()
    table = table.sort_values(list(_ORDER), kind="stable")
    is_test = (table["split"] == TEST).to_numpy(dtype=np.bool_)
    outcomes = table["label"].to_numpy(dtype=np.int64)
    return TrainingSet(
        entities=table["entity"].tolist(),
        outcomes=outcomes,
        features=table[list(feature_names)].to_numpy(dtype=np.float64),
        is_test=is_test,
        counts={**counts, **part_counts(outcomes, is_test)},
        weights=table[WEIGHT].to_numpy(dtype=np.float64) if weight else None,
    )


def part_counts(
    outcomes: npt.NDArray[np.int64], is_test: npt.NDArray[np.bool_]
) -> Mapping[str, int]:
    """Rows and positives of the training and of the held-out part, of n outcomes of 0 and 1."""
    return {
        "train_rows": int((~is_test).sum()),
        "train_positives": int(outcomes[~is_test].sum()),
        "test_rows": int(is_test.sum()),
        "test_positives": int(outcomes[is_test].sum()),
    }
