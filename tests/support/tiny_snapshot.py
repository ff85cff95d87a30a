"""Rows of a training snapshot of the tiny scenario, made up: hot machines fail."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from batch.explore.sample import SnapshotSample
from batch.training_sets.snapshots import SnapshotRecord
from tests.scenarios.tiny import SCENARIO

ROWS = 1_500
NAMES = SCENARIO.plan.feature_names


def tiny_rows(*, seed: int = 1, rows: int = ROWS) -> pd.DataFrame:
    """Columns of a snapshot's table; a tenth of `parts` is missing."""
    random = np.random.default_rng(seed)
    values = {name: random.normal(60.0, 10.0, size=rows) for name in NAMES}
    values["mode"] = random.integers(0, 3, size=rows).astype(np.float64)
    values["parts"][random.random(rows) < 0.1] = np.nan
    fails = values["temperature_c"] + random.normal(0, 5, size=rows) > 70
    return pd.DataFrame(
        {
            "entity": [f"m{number:05d}" for number in range(rows)],
            "label_time_ms": np.full(rows, 1_767_225_600_000),
            "features_as_of_ms": np.full(rows, 1_767_225_000_000),
            "label": fails.astype(np.int64),
            "split": np.where(np.arange(rows) % 5 == 0, "test", "train"),
            "epoch": np.ones(rows, dtype=np.int64),
            "partition": np.zeros(rows, dtype=np.int64),
            "offset": np.arange(rows),
            **values,
        }
    )


def tiny_record(path: str, *, number: int = 1, rows: int = ROWS) -> SnapshotRecord:
    """The record of a snapshot at `path`."""
    return SnapshotRecord(
        scenario="tiny",
        number=number,
        path=path,
        as_of=f"2026-0{number}-01T00:00:00Z",
        events_version=3,
        labels_version=2,
        definitions_digest=SCENARIO.plan.digest,
        feature_names=NAMES,
        test_fraction=0.2,
        rows=rows,
        rows_digest="0" * 32,
        counts={"events": rows},
        created_at=f"2026-0{number}-01T00:00:01Z",
        git_commit="unknown",
    )


def tiny_sample(
    rows: pd.DataFrame, *, number: int = 1, columns: Sequence[str] = NAMES
) -> SnapshotSample:
    """All of `rows` as a sample."""
    return SnapshotSample(
        record=tiny_record(f"/delta/tiny/training_sets/00000{number}", number=number),
        version=0,
        rows=len(rows),
        positives=int(rows["label"].sum()),
        test_rows=int((rows["split"] == "test").sum()),
        features=rows[list(columns)],
        outcomes=rows["label"].to_numpy(dtype=np.int64),
        seed=1,
    )
