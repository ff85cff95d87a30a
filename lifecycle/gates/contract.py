"""Gates on the version itself: loads, columns, definitions, parity, latency, reasons."""

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lifecycle.gates.evidence import Evidence
from lifecycle.gates.gate import Bounds, Gate, gate, not_applicable
from models.card import ModelCard
from models.formats.parity import score_parity
from models.scoring_model import ScoringModel
from scenarios.contract.judging.reasons import MOST_REASONS, ReasonTeller
from scenarios.contract.scenario import Scenario

Floats = npt.NDArray[np.float64]

_TIMED_ROWS = 2_000
_TIMINGS = 5
_EXPLAINED_ROWS = 128
_BATCHED_ROWS = 500
_SMALL_BATCH = 7
_ALONE_ROWS = 50
_BACKGROUND_ROWS = 32
# Beside the largest contribution of a row; smaller ones may well be noise of the explainer.
_LEAST_SHARE = 0.25


def loads(evidence: Evidence) -> Gate:
    """Whether the files are those that were registered, and can be loaded."""
    return gate(
        "loads",
        passes=evidence.model is not None,
        value="yes" if evidence.model is not None else "no",
        bound="hash as registered",
        sentence=evidence.problem or f"format {evidence.card.format}",
    )


def columns(card: ModelCard, scenario: Scenario) -> Gate:
    """Whether the version's columns are the scenario's, in the scenario's order."""
    names, own_names = list(scenario.feature_names), list(card.feature_names)
    in_order = [name for name in names if name in set(own_names)]
    passes = own_names == in_order
    sentence = "names and order of its columns are the scenario's"
    if not passes:
        sentence = f"the version has {own_names}, the scenario has {names}"
    return gate(
        "columns",
        passes=passes,
        value=f"{len(own_names)} columns",
        bound="the scenario's, in its order",
        sentence=sentence,
    )


def definitions(card: ModelCard, scenario: Scenario) -> Gate:
    """Whether the features mean today what they meant when the version was trained."""
    return gate(
        "definitions",
        passes=card.definitions_digest == scenario.definitions_digest,
        value=card.definitions_digest,
        bound=scenario.definitions_digest,
        sentence="digest of the feature definitions that it was trained on",
    )


def parity(evidence: Evidence, *, tolerance: float) -> Gate:
    """Whether it scores its stored probe set as it did when it was trained.

    tolerance: the largest difference that the version's format states; 0 = equal to the bit.
    """
    name, bound = "parity", f"at most {tolerance:g}"
    if evidence.probe is None or evidence.probe_scores is None:
        return gate(
            name,
            passes=False,
            value="not measured",
            bound=bound,
            sentence="the version has no probe set, or cannot score it: train or import it again",
        )
    compared = score_parity(evidence.probe.scores, evidence.probe_scores, tolerance)
    return gate(
        name,
        passes=compared.holds,
        value=f"{compared.largest_difference:g}",
        bound=bound,
        sentence=f"the probe set: {compared.sentence}",
    )


def any_batch(evidence: Evidence) -> Gate:
    """Whether a row has the same score in any batch, to the bit: a replay may cut others."""
    name, bound = "same in any batch", "0 rows differ"
    different = evidence.batch_dependent_rows
    if different is None:
        return not_applicable(name, bound=bound, sentence="there are no probe rows to score")
    return gate(
        name,
        passes=not different,
        value=f"{different} rows",
        bound=bound,
        sentence=f"up to {_BATCHED_ROWS} probe rows scored together, backwards, in batches of "
        f"{_SMALL_BATCH}, and alone",
    )


def batch_dependent_rows(model: ScoringModel, features: Floats) -> int | None:
    """How many of the first rows of `features` (n, k) get other bits in another batch.

    None without rows.
    """
    features = features[:_BATCHED_ROWS]
    count = len(features)
    if not count:
        return None
    together = model.scores(features).view(np.int64)
    differs = model.scores(features[::-1])[::-1].view(np.int64) != together
    for size, upto in ((_SMALL_BATCH, count), (1, min(count, _ALONE_ROWS))):
        parts = [model.scores(features[at : at + size]) for at in range(0, upto, size)]
        scores = np.concatenate(parts).view(np.int64)
        differs[: len(scores)] |= scores != together[: len(scores)]
    return int(differs.sum())


def latency(evidence: Evidence, bounds: Bounds) -> Gate:
    """Whether a row's score comes quickly enough for the stream."""
    name, bound = "latency", f"at most {bounds.maximum_latency_us:g} µs"
    if evidence.latency_us is None:
        return not_applicable(name, bound=bound, sentence="there are no probe rows to measure")
    return gate(
        name,
        passes=evidence.latency_us <= bounds.maximum_latency_us,
        value=f"{evidence.latency_us:.2f} µs",
        bound=bound,
        sentence="per row on the probe set, median of five passes on this machine",
    )


def latency_us(
    model: ScoringModel, features: Floats, *, clock: Callable[[], float] = time.perf_counter
) -> float | None:
    """Microseconds per row of `features` (n, k), the median of some passes; None without rows."""
    rows = features[:_TIMED_ROWS]
    if not len(rows):
        return None
    model.scores(rows)  # compiles
    passes = []
    for _ in range(_TIMINGS):
        began = clock()
        model.scores(rows)
        passes.append(clock() - began)
    return float(np.median(passes)) / len(rows) * 1e6


def reasons(evidence: Evidence, scenario: Scenario, bounds: Bounds) -> Gate:
    """Whether scores move as the reasons' words say.

    A reason says that a feature raises or lowers the score. The feature's value is replaced by
    those of other rows: the score must then, on average, be lower or higher. Only the reasons that
    a reader would see count, and only those with a sizeable contribution.
    """
    name, bound = "reasons agree", f"at least {bounds.minimum_reason_agreement:g}"
    model, held_out = evidence.model, evidence.held_out
    if model is None or model.explainer is None or held_out is None or not len(held_out.scores):
        return not_applicable(name, bound=bound, sentence="the version gives no reasons")
    agreement, count = reason_agreement(model, held_out.features, scenario)
    if not count:
        return not_applicable(name, bound=bound, sentence="no row has a reason")
    return gate(
        name,
        passes=agreement >= bounds.minimum_reason_agreement,
        value=f"{agreement:.3f}",
        bound=bound,
        sentence=f"share of {count:,} reasons whose direction is that of the score when their "
        "feature takes the values of other rows",
    )


def reason_agreement(
    model: ScoringModel, features: Floats, scenario: Scenario
) -> tuple[float, int]:
    """Share of reasons that agree with the score's movement, and how many there were."""
    random = np.random.default_rng(0)
    sample = random.permutation(len(features))
    rows = features[sample[:_EXPLAINED_ROWS]]
    background = features[random.permutation(len(features))[:_BACKGROUND_ROWS]]
    contributions = model.contributions(rows)
    if contributions is None:
        return 0.0, 0
    teller, column_of = ReasonTeller(scenario), {n: c for c, n in enumerate(scenario.feature_names)}
    moved_rows, directions, originals = [], [], []
    scores = model.scores(rows)
    for row, told_reasons in enumerate(teller.tell(contributions, rows)):
        largest = float(np.abs(contributions[row]).max(initial=0.0))
        for reason in told_reasons[:MOST_REASONS]:
            column = column_of[reason.code]
            if abs(contributions[row, column]) < _LEAST_SHARE * largest:
                continue
            moved = np.repeat(rows[row : row + 1], len(background), axis=0)
            moved[:, column] = background[:, column]
            moved_rows.append(moved)
            directions.append(1.0 if reason.direction == "raises" else -1.0)
            originals.append(scores[row])
    if not moved_rows:
        return 0.0, 0
    moved_scores = model.scores(np.concatenate(moved_rows)).reshape(len(moved_rows), -1)
    movement = np.array(originals) - moved_scores.mean(axis=1)
    return float(np.mean(np.sign(movement) == np.array(directions))), len(directions)
