"""Gates on the held-out rows: quality, leaks, calibration, slices, and the champion beside it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from batch.training.trainable import HELD_OUT_PER_CLASS, chance_of
from lifecycle.gates.bootstrap import Rows, auroc, average_precision, difference, interval
from lifecycle.gates.evidence import AgainstChampion, HeldOut
from lifecycle.gates.gate import Bounds, Gate, gate, not_applicable
from models.card import ModelCard
from models.evaluation.metrics import expected_calibration_error

# Of the bootstrap only: whoever repeats a promotion sees the same numbers.
SEED = 0
# A feature with more values needs bands.
_MOST_VALUES = 24


def both_outcomes(held_out: HeldOut) -> Gate:
    """Whether the held-out rows hold enough of each outcome to measure anything."""
    positives = int(held_out.outcomes.sum())
    fewest = min(positives, len(held_out.outcomes) - positives)
    return gate(
        "both outcomes",
        passes=fewest >= HELD_OUT_PER_CLASS,
        value=f"{positives:,} of {len(held_out.outcomes):,}",
        bound=f"at least {HELD_OUT_PER_CLASS} of each",
        sentence=f"positive outcomes among the held-out rows of {held_out.source}",
    )


def quality(held_out: HeldOut, card: ModelCard, bounds: Bounds) -> list[Gate]:
    """Chance, minimum quality, leak, spread and calibration; rows must hold both outcomes."""
    rows, scores = held_out.rows, held_out.scores
    options = {"rounds": bounds.bootstrap_rounds, "seed": SEED}
    area = interval(auroc, rows, scores, **options)
    precision = interval(average_precision, rows, scores, **options)
    base_rate = float(held_out.outcomes.mean())
    error = expected_calibration_error(held_out.outcomes, scores)
    return [
        _better_than_chance(held_out, card, area.value),
        gate(
            "minimum AUROC",
            passes=area.value >= bounds.minimum_auroc,
            value=str(area),
            bound=f"at least {bounds.minimum_auroc:g}",
            sentence="how well it ranks the held-out rows, with a 95 % interval",
        ),
        gate(
            "minimum average precision",
            passes=precision.value >= bounds.minimum_lift * base_rate,
            value=str(precision),
            bound=f"at least {bounds.minimum_lift:g} x {base_rate:.3f}",
            sentence="the mean precision over all thresholds, against the share of positives",
        ),
        gate(
            "too good to be true",
            passes=area.value <= bounds.maximum_auroc,
            value=f"{area.value:.4f}",
            bound=f"at most {bounds.maximum_auroc:g}",
            sentence="a higher AUROC means that some column reveals the outcome",
        ),
        spread(scores, bounds),
        gate(
            "calibration",
            passes=error <= bounds.maximum_calibration_error,
            value=f"{error:.4f}",
            bound=f"at most {bounds.maximum_calibration_error:g}",
            sentence="expected calibration error over ten bins of scores (Naeini et al., 2015)",
        ),
        *_recall(held_out, card, bounds),
    ]


def _recall(held_out: HeldOut, card: ModelCard, bounds: Bounds) -> list[Gate]:
    """Recall at the policy's lowest threshold, where the bounds ask for it."""
    thresholds = sorted(card.thresholds.values())
    if bounds.minimum_recall <= 0.0 or len(thresholds) < 2:
        return []
    is_positive = held_out.outcomes == 1
    found = int((held_out.scores[is_positive] >= thresholds[1]).sum())
    positives = int(is_positive.sum())
    return [
        gate(
            "recall of the policy",
            passes=found >= bounds.minimum_recall * positives,
            value=f"{found / positives:.3f} ({found:,} of {positives:,})",
            bound=f"at least {bounds.minimum_recall:g}",
            sentence=f"positive cases with a score from {thresholds[1]:g} on: not in the lowest "
            "band",
        )
    ]


def spread(scores: npt.NDArray[np.float64], bounds: Bounds) -> Gate:
    """Whether scores differ at all; a few rows apart from all others do not count."""
    low, high = np.quantile(scores, [0.01, 0.99]) if len(scores) else (0.0, 0.0)
    return gate(
        "score varies",
        passes=bool(high - low >= bounds.minimum_spread),
        value=f"{high - low:.6f}",
        bound=f"at least {bounds.minimum_spread:g}",
        sentence="distance of the 1st and the 99th percentile of the scores",
    )


def against_champion(
    champion: AgainstChampion | None, bounds: Bounds, *, problem: str = ""
) -> Gate:
    """Whether it may be worse than the champion by more than the margin.

    Passed when the interval's lower end is above the margin, not when the difference itself is: a
    version that is equal within the noise of few rows is not known to be good enough.
    """
    name, bound = "no worse than the champion", f"lower end at least {-bounds.maximum_loss:g}"
    if champion is None:
        if problem:
            return gate(name, passes=False, value="not measured", bound=bound, sentence=problem)
        return not_applicable(name, bound=bound, sentence="no other champion to compare with")
    rows, count = champion.rows, len(champion.scores)
    positives = int(rows.outcomes.sum())
    if not 0 < positives < count:
        words = f"version {champion.version}: {count:,} rows in common, {positives:,} positive"
        return gate(name, passes=False, value="not measured", bound=bound, sentence=words)
    gained = difference(
        average_precision,
        rows,
        champion.champion_scores,
        champion.scores,
        rounds=bounds.bootstrap_rounds,
        seed=SEED,
    )
    return gate(
        name,
        passes=gained.low >= -bounds.maximum_loss,
        value=f"{gained.value:+.4f} ({gained.low:+.4f} to {gained.high:+.4f})",
        bound=bound,
        sentence=f"average precision minus that of version {champion.version} on the same "
        f"{count:,} held-out rows, paired bootstrap",
    )


def slices(held_out: HeldOut, names: Sequence[str], bounds: Bounds) -> list[Gate]:
    """A gate per slice that is declared; failed when even the interval's upper end is too low."""
    columns = {name: column for column, name in enumerate(names)}
    results = []
    for feature, limits in bounds.slices.items():
        if feature not in columns:
            sentence = f"the scenario has no feature {feature!r}; it has {list(names)}"
            results.append(_slice_gate(feature, bounds, passes=False, value="", words=sentence))
            continue
        values = held_out.features[:, columns[feature]]
        members = dict(slices_of(values, limits))
        if not limits and len(members) > _MOST_VALUES:
            sentence = f"{len(members):,} values: declare the limits of bands in gates.slices"
            results.append(_slice_gate(feature, bounds, passes=False, value="", words=sentence))
            continue
        results += [
            _slice(f"{feature} {words}", held_out, member, bounds)
            for words, member in members.items()
        ]
    return results


def slices_of(
    values: npt.NDArray[np.float64], limits: Sequence[float]
) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Words and rows bool (n,) of each slice that has rows; missing values are one of their own."""
    missing = np.isnan(values)
    if not limits:
        for value in np.unique(values[~missing]).tolist():
            yield f"= {value:g}", values == value
    ends = (-np.inf, *limits, np.inf) if limits else ()
    for low, high in pairwise(ends):
        member = (values >= low) & (values < high)
        if member.any():
            yield _band_words(low, high), member
    if missing.any():
        yield "missing", missing


def named_slices(
    gates: Sequence[Gate], categories: Mapping[str, tuple[str, ...]]
) -> Mapping[str, str]:
    """Name of a slice's gate → the same with the category's name in place of its code."""
    words = {}
    for feature, names in categories.items():
        for code, name in enumerate(names):
            words[f"slice {feature} = {code}"] = f"slice {feature} = {name}"
    return {result.name: words[result.name] for result in gates if result.name in words}


def _slice(words: str, held_out: HeldOut, member: npt.NDArray[np.bool_], bounds: Bounds) -> Gate:
    rows = Rows(held_out.outcomes[member], held_out.rows.entities[member])
    count, positives = len(rows.outcomes), int(rows.outcomes.sum())
    fewest = min(positives, count - positives)
    if count < bounds.slice_minimum_rows or fewest < bounds.slice_minimum_per_class:
        return not_applicable(
            f"slice {words}",
            bound=f"at least {bounds.slice_minimum_auroc:g}",
            sentence=f"too few to say: {count:,} rows, {positives:,} positive; needed are "
            f"{bounds.slice_minimum_rows:,} rows with {bounds.slice_minimum_per_class} of each "
            "outcome",
        )
    area = interval(auroc, rows, held_out.scores[member], rounds=bounds.bootstrap_rounds, seed=SEED)
    return _slice_gate(
        words,
        bounds,
        passes=area.high >= bounds.slice_minimum_auroc,
        value=str(area),
        words=f"AUROC on {count:,} rows; failed when even the interval's upper end is lower",
    )


def _slice_gate(name: str, bounds: Bounds, *, passes: bool, value: str, words: str) -> Gate:
    bound = f"at least {bounds.slice_minimum_auroc:g}"
    return gate(f"slice {name}", passes=passes, value=value, bound=bound, sentence=words)


def _band_words(low: float, high: float) -> str:
    if low == -np.inf:
        return f"below {high:g}"
    return f"from {low:g}" if high == np.inf else f"{low:g} to {high:g}"


def _better_than_chance(held_out: HeldOut, card: ModelCard, area: float) -> Gate:
    positives = int(held_out.outcomes.sum())
    counts = {
        "train_rows": card.training_counts.get("train_rows", 0),
        "train_positives": card.training_counts.get("train_positives", 0),
        "test_rows": len(held_out.outcomes),
        "test_positives": positives,
    }
    folds = card.metrics.get("cv_auroc_mean", 0.0)
    problem = chance_of(auroc=area, counts=counts, cv_auroc=folds)
    return gate(
        "better than chance",
        passes=problem is None,
        value=f"{area:.3f}",
        bound="above 0.5 by more than the noise",
        sentence=problem or "AUROC on the held-out rows or in the folds of the training",
    )
