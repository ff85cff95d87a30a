"""Train a version again from its record alone, and say whether it is the same, or why not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from pyspark.sql import SparkSession

from batch.privacy.erasing import ErasureNote
from batch.training.register import estimator_parameters
from batch.training.train import fitted
from batch.training_sets.snapshots import MADE_BY, SnapshotRecord, load_training_set, record_at
from batch.training_sets.training_set import TrainingSet
from models.card import ModelCard, library_versions
from models.registry.probe import Probe
from scenarios.contract.scenario import Scenario
from stores.delta.tables import commits, rows_erased

Progress = Callable[[str], None]


class NoRecord(RuntimeError):
    """The version does not say what it was trained on."""

    exit_code = 4


@dataclass(frozen=True)
class Erasure:
    """Rows of a snapshot that were erased: how many, why and when (UTC, ISO 8601)."""

    rows: int
    reason: str
    at: str


@dataclass(frozen=True, kw_only=True)
class Retrained:
    """A version trained again.

    probe_rows, largest_difference   scores on the frozen probe set against those at training
    rows, rows_recorded              of the snapshot now and at training
    causes                           sentences on what is not as it was; empty: nothing
    erasures                         rows that are gone since, by reason
    """

    version: str
    snapshot: SnapshotRecord
    probe_rows: int
    largest_difference: float
    rows: int
    rows_recorded: int
    is_same_data: bool
    causes: Sequence[str]
    erasures: Sequence[Erasure]

    @property
    def is_equal(self) -> bool:
        """Whether every probe row got the same score, to the last bit."""
        return self.largest_difference == 0.0

    @property
    def sentence(self) -> str:
        """The verdict for people."""
        summary = (
            f"version {self.version} trained again: largest difference {self.largest_difference:g} "
            f"on {self.probe_rows:,} probe rows"
        )
        if self.is_equal and not self.causes:
            return f"{summary}; same rows, same predictions"
        return f"{summary}; because {'; '.join(self.causes) or 'of a cause that is not recorded'}"


@dataclass(frozen=True)
class SnapshotNow:
    """A recorded snapshot as it may be read today: without what was erased since."""

    record: SnapshotRecord
    rows: TrainingSet
    erasures: Sequence[Erasure]


def snapshot_now(spark: SparkSession, card: ModelCard) -> SnapshotNow:
    """The snapshot of `card`; raises `NoRecord`, `TableAbsent` or `PastRetention`."""
    if card.snapshot is None:
        raise NoRecord("the model's card names no training snapshot; train a new version")
    record = record_at(spark, card.snapshot.path)
    history = commits(spark, card.snapshot.path, made_by=MADE_BY)
    erasures = [
        Erasure(rows_erased(commit), _reason(commit.note), f"{commit.at}")
        for commit in reversed(history)
        if rows_erased(commit) and commit.version > card.snapshot.version
    ]
    # Not the recorded version: erased rows must not be used again while files still hold them.
    rows = load_training_set(spark, record, version=history[0].version)
    return SnapshotNow(record, rows, erasures)


def retrained(
    card: ModelCard,
    probe: Probe,
    now: SnapshotNow,
    scenario: Scenario,
    *,
    version: str,
    progress: Progress,
) -> Retrained:
    """Train on what is left of the snapshot with the card's seed; score the frozen probe set."""
    progress(f"training again on {len(now.rows.entities):,} rows with seed {card.seed}")
    estimator = fitted(now.rows, scenario, seed=card.seed)
    scores = estimator.predict_proba(probe.features)[:, 1]
    is_same = card.snapshot is not None and now.rows.digest == card.snapshot.rows_digest
    causes = [*_erased(now.erasures), *_changed(card, scenario, estimator_parameters(estimator))]
    if not is_same and not now.erasures:
        recorded = now.record.rows_digest
        causes.insert(0, f"the rows have digest {now.rows.digest}, recorded was {recorded}")
    return Retrained(
        version=version,
        snapshot=now.record,
        probe_rows=len(scores),
        largest_difference=float(np.abs(scores - probe.scores).max(initial=0.0)),
        rows=len(now.rows.entities),
        rows_recorded=now.record.rows,
        is_same_data=is_same,
        causes=causes,
        erasures=now.erasures,
    )


def _erased(erasures: Sequence[Erasure]) -> list[str]:
    return [
        f"{erasure.rows} row{'s were' if erasure.rows != 1 else ' was'} erased "
        f"({erasure.reason}, {erasure.at})"
        for erasure in erasures
    ]


def _changed(card: ModelCard, scenario: Scenario, parameters: Mapping[str, str]) -> list[str]:
    causes = []
    if card.definitions_digest != scenario.definitions_digest:
        causes.append(
            f"features were defined as {card.definitions_digest}, are "
            f"{scenario.definitions_digest}: check out commit {card.git_commit}"
        )
    now = library_versions()
    for name, then in card.library_versions.items():
        if now.get(name) != then:
            causes.append(f"{name} was {then}, is {now.get(name)}")
    for name in sorted(card.parameters.keys() | parameters.keys()):
        was, is_ = card.parameters.get(name), parameters.get(name)
        if card.parameters and was != is_:
            causes.append(f"parameter {name} was {was}, is {is_}")
    return causes


def _reason(note: str | None) -> str:
    try:
        return msgspec.json.decode(note or "", type=ErasureNote).reason
    except msgspec.MsgspecError:
        return "no reason was noted"
