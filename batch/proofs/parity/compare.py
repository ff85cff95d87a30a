"""Logged predictions compared with what archive, features, model and policy reproduce."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from batch.proofs.parity.rows import COMPARED, OTHER_DEFINITIONS, STATE_FAULTS
from batch.proofs.parity.tally import Tally
from batch.proofs.recompute.bits import Flags, compared
from batch.proofs.recompute.rejudging import Cases, ModelLoader, Rejudge, Rejudged
from scenarios.contract.experiment import arms
from scenarios.contract.judge import valid_ms
from scenarios.contract.scenario import Scenario

FIELD = "prediction."  # before the name of a field of the row, which may be that of a feature
FIELDS = (
    *("score", "band", "action", "review", "control_group"),
    *("entity", "event_time", "features_as_of", "scored_at", "valid_until"),
    *("in_challenger", "other_score", "shadow_score", "second_stage"),
)
CONFLICT = "one id, two contents"
# No fault: a replay may read newer values of second entities. Each message is compared.
SCORED_AGAIN = "logged again by a replay with newer values of second entities"
POLICY_CHANGED = "policy has changed since"
NO_MODEL = "model version cannot be had: "
MESSAGES, REPEATS = "messages", "repeated messages"
_PLACE = ("prediction_id", "entity", "epoch", "partition", "offset")


@dataclass(frozen=True, kw_only=True)
class CompareTask:
    """Compares the rows of one Spark task (`parity_rows`) and gives tallies."""

    scenario: Scenario
    load_model: ModelLoader
    most_faults: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches of rows to rows of `batch.proofs.parity.tally.ARROW_SCHEMA`."""
        rejudge = Rejudge(self.scenario, self.load_model)
        for batch in batches:
            tally = Tally(self.most_faults)
            rows = _Rows(batch)
            _tally_states(rows, tally, conflict=_conflict(self.scenario))
            comparable = rows.where(rows.texts("state") == COMPARED)
            if len(comparable):
                _compare(comparable, tally, self.scenario, rejudge)
            yield from tally.batch()


class _Rows:
    """An Arrow batch read by column."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch

    def __len__(self) -> int:
        return int(self._batch.num_rows)

    def list(self, name: str) -> list[Any]:
        """Values as Python objects."""
        values: list[Any] = self._batch.column(name).to_pylist()
        return values

    def texts(self, name: str) -> npt.NDArray[np.object_]:
        """Values as an array of objects."""
        return np.array([*self.list(name), None], dtype=object)[:-1]

    def floats(self, name: str) -> npt.NDArray[np.float64]:
        """A float column."""
        return np.array(self.list(name), dtype=np.float64)

    def matrix(self, name: str, width: int) -> npt.NDArray[np.float64]:
        """A column of float lists of length `width`, as (n, width)."""
        column = self._batch.column(name)
        flat = column.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
        values: npt.NDArray[np.float64] = flat.reshape(len(self), width)
        return values

    def where(self, mask: Flags) -> "_Rows":
        """The rows where `mask` is true."""
        return _Rows(self._batch.filter(pa.array(mask.astype(bool))))

    def place(self, row: int) -> dict[str, Any]:
        """Where row `row` is, for people who look for it."""
        names = ("id", *_PLACE[1:])
        return {
            place_name: self._batch.column(name)[row].as_py()
            for place_name, name in zip(_PLACE, names, strict=True)
        }


def _conflict(scenario: Scenario) -> str:
    """The name of the count for one id that was logged with two contents."""
    return SCORED_AGAIN if scenario.second_entities else CONFLICT


def _tally_states(rows: _Rows, tally: Tally, *, conflict: str) -> None:
    states = rows.texts("state")
    for state in sorted(set(states)):
        tally.count(state, int((states == state).sum()))
    message_counts = [count for count in rows.list("messages") if count is not None]
    tally.count(MESSAGES, sum(message_counts))
    tally.count(REPEATS, sum(message_counts) - len(message_counts))
    for row in np.flatnonzero(np.isin(states, STATE_FAULTS)).tolist():
        tally.fault(states[row], rows.place(row), logged=None, recomputed=None)
    for digest in rows.texts("definitions")[states == OTHER_DEFINITIONS]:
        tally.count(f"{OTHER_DEFINITIONS}: {digest}", 1)
    for row in [at for at, n in enumerate(rows.list("contents")) if n is not None and n > 1]:
        tally.count(conflict, 1)
        if conflict == CONFLICT:
            tally.fault(CONFLICT, rows.place(row), logged=None, recomputed=None)


def _compare(rows: _Rows, tally: Tally, scenario: Scenario, rejudge: Rejudge) -> None:
    names = scenario.plan.feature_names
    logged = rows.matrix("features", len(scenario.feature_names))
    computed = rows.matrix("computed", len(names))
    _compare_floats(rows, tally, names, logged[:, : len(names)], computed)
    # Features of second entities are not recomputed here: `report_skew` measures them. The score is
    # recomputed from their logged values.
    computed = np.hstack([computed, logged[:, len(names) :]])
    again = rejudge.cases(
        Cases(
            entities=rows.list("entity"),
            features=computed,
            model_versions=rows.list("model_version"),
            policy_versions=rows.list("policy_version"),
            thresholds=rows.list("thresholds"),
        )
    )
    _compare_scores(rows, tally, again)
    _compare_decisions(rows, tally, again)
    _compare_experiments(rows, tally, scenario, rejudge, computed)
    arrived = rows.texts("arrived_ms")
    everywhere = np.ones(len(rows), dtype=np.bool_)
    for name, value in (
        ("entity", rows.texts("event_entity")),
        ("control_group", again.control),
        ("event_time", rows.texts("event_time_ms")),
        ("features_as_of", rows.texts("as_of_ms")),
        ("scored_at", arrived),
    ):
        _compare_values(rows, tally, name, value, everywhere)
    is_todays = rows.texts("policy_version") == scenario.policy.version
    _compare_values(rows, tally, "valid_until", arrived + valid_ms(scenario), is_todays)


def _compare_floats(
    rows: _Rows,
    tally: Tally,
    names: Sequence[str],
    logged: npt.NDArray[np.float64],
    recomputed: npt.NDArray[np.float64],
) -> None:
    for column, name in enumerate(names):
        was, now = logged[:, column], recomputed[:, column]
        comparison = compared(was, now)
        tally.column(name, comparison)
        for row in np.flatnonzero(~comparison.equal).tolist():
            tally.fault(name, rows.place(row), logged=float(was[row]), recomputed=float(now[row]))


def _compare_scores(rows: _Rows, tally: Tally, again: Rejudged) -> None:
    versions = rows.texts("model_version")
    for version, why in again.failures.items():
        tally.count(f"{NO_MODEL}{version}: {why}", int((versions == version).sum()))
    # A score that the model cannot reproduce counts as missing.
    is_scored = ~np.isnan(again.scores)
    is_scored[list(again.unscorable)] = True
    for row, cause in again.unscorable.items():
        tally.fault(
            f"cannot be judged again: {cause}", rows.place(row), logged=None, recomputed=None
        )
    if is_scored.any():
        scored, scores = rows.where(is_scored), again.scores[is_scored][:, None]
        logged = scored.floats("score")[:, None]
        _compare_floats(scored, tally, [f"{FIELD}score"], logged, scores)


def _compare_experiments(
    rows: _Rows,
    tally: Tally,
    scenario: Scenario,
    rejudge: Rejudge,
    features: npt.NDArray[np.float64],
) -> None:
    """Arms by the salt of the experiment, and the scores of the versions that did not decide."""
    experiments = rows.texts("experiment")
    if all(name is None for name in experiments):
        return
    recomputed_arms = np.full(len(rows), None, dtype=object)
    propensity = rows.floats("propensity")
    in_challenger = np.array([bool(arm) for arm in rows.list("in_challenger")], dtype=np.bool_)
    shares = np.where(in_challenger, propensity, 1.0 - propensity)
    entities = rows.list("entity")
    for name in sorted({name for name in experiments if name is not None}):
        at = np.flatnonzero(experiments == name)
        named = [entities[row] for row in at.tolist()]
        again = arms(named, scenario=scenario.name, experiment=name, share=shares[at])
        recomputed_arms[at] = again.in_challenger
    in_experiment = np.array([name is not None for name in experiments], dtype=np.bool_)
    _compare_values(rows, tally, "in_challenger", recomputed_arms, in_experiment)
    for role in ("other", "shadow"):
        scores, is_loaded = rejudge.other_scores(rows.list(f"{role}_version"), features)
        if is_loaded.any():
            scored = rows.where(is_loaded)
            logged, again_scores = scored.floats(f"{role}_score"), scores[is_loaded]
            name = f"{FIELD}{role}_score"
            _compare_floats(scored, tally, [name], logged[:, None], again_scores[:, None])


def _compare_decisions(rows: _Rows, tally: Tally, again: Rejudged) -> None:
    is_scored = ~np.isnan(again.scores)
    tally.count(POLICY_CHANGED, int((is_scored & ~again.is_decided).sum()))
    for name, value in (
        ("band", again.bands),
        ("action", again.actions),
        ("review", again.review),
        ("second_stage", again.second),
    ):
        _compare_values(rows, tally, name, value, again.is_decided)


def _compare_values(
    rows: _Rows, tally: Tally, name: str, recomputed: npt.NDArray[Any], where: Flags
) -> None:
    logged = rows.texts(name)
    is_equal = logged == recomputed.astype(object)
    if where.any():
        tally.plain_column(f"{FIELD}{name}", is_equal[where])
    for row in np.flatnonzero(where & ~is_equal).tolist():
        tally.fault(
            f"{FIELD}{name}", rows.place(row), logged=logged[row], recomputed=recomputed[row]
        )
