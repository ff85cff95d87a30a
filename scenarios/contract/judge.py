"""One judge: score, control group, band, action, review flag and reasons of whole columns of cases.

The stream, batch scoring, parity checks and audits call it; pure, no store, no clock. A case that
model, explainer or policy cannot judge is reported with the cause and does not affect the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from features.events.chosen_rows import chosen_rows
from models.scoring_model import ScoringModel
from scenarios.contract.isolation import Failure, isolated
from scenarios.contract.policy import Decisions
from scenarios.contract.reasons import ReasonTeller
from scenarios.contract.scenario import Scenario
from scenarios.contract.shares import in_share
from stores.hbase.predictions import Reason

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

Result = TypeVar("Result")

MS_PER_DAY = 86_400_000
_MOST_KINDS = 64
_MOST_CAUSE_TEXT = 300


@dataclass(frozen=True, kw_only=True)
class Judges:
    """What is deployed: the champion, by which thresholds, and a challenger for a share."""

    champion: ScoringModel
    thresholds: Mapping[str, float]
    challenger: ScoringModel | None = None
    challenger_share: float = 0.0


@dataclass(frozen=True)
class Unscorable:
    """A case without a verdict: its row among the cases, and why, as a sentence."""

    row: int
    cause: str


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """Verdicts on m of n cases.

    rows         int64 (m,)    which of the cases they are, ascending; all else has the length m
    scores       float64 (m,)  probability in [0, 1]
    decisions    codes of bands and actions, review flags
    control      bool (m,)     in the control group
    challenged   bool (m,)     scored by the challenger
    reasons      position among the m → reasons, only where the band needs them
    unscorable   the other n - m cases, by row
    fallbacks    cases of the challenger's share that it could not judge: the champion did
    """

    rows: Rows
    scores: Floats
    decisions: Decisions
    control: Flags
    challenged: Flags
    reasons: Mapping[int, list[Reason]]
    unscorable: Sequence[Unscorable] = ()
    fallbacks: Sequence[Unscorable] = ()


class Judge:
    """Scores, decides and explains the cases of one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._teller = ReasonTeller(scenario)
        self._explained = np.array([band.explained for band in scenario.policy.bands])
        required = scenario.required_feature
        names = scenario.feature_names
        self._required = None if required is None else names.index(required)

    def can_score(self, features: Floats) -> Flags:
        """Which of n feature rows (n, k) have the required feature."""
        if self._required is None:
            return np.ones(len(features), dtype=np.bool_)
        return ~np.isnan(features[:, self._required])

    def in_control_group(self, entities: Sequence[str]) -> Flags:
        """Which entities get no action, so that the effect can be measured; stable, bool (n,)."""
        share = self._scenario.policy.control_share
        return in_share(entities, share, salt=f"{self._scenario.name}:control")

    def verdicts(
        self, entities: Sequence[str], features: Floats, judges: Judges, *, explains: bool = True
    ) -> Verdicts:
        """Verdicts on n cases; features (n, k) are those right after each event.

        A verdict does not depend on the other cases, but for the bound in
        `scenarios.contract.isolation`. A case that the challenger cannot judge is judged by the
        champion. `explains` false leaves all reasons out: TreeSHAP costs several times the scoring.
        """
        control = self.in_control_group(entities)
        challenged = self._challenged(entities, judges)
        bench = _Bench(self._scenario, features, control, judges.thresholds)
        rows, unscorable = _loggable(features, self._scenario.feature_names)

        def judged(model: ScoringModel, model_rows: Rows) -> list[Unscorable]:
            scored, failed = bench.scored(model, model_rows)
            decided, undecided = bench.decided(model, scored)
            failed += undecided
            if explains:
                needed = decided[self._explained[bench.decisions.bands[decided]]]
                failed += bench.explained(model, needed, self._teller)
            return failed

        fallbacks: list[Unscorable] = []
        if judges.challenger is not None:
            fallbacks = judged(judges.challenger, rows[challenged[rows]])
            challenged[[fallback.row for fallback in fallbacks]] = False
        unscorable += judged(judges.champion, rows[~challenged[rows]])
        return bench.verdicts(challenged, unscorable, fallbacks)

    def scores(self, features: Floats, model: ScoringModel) -> tuple[Floats, list[Unscorable]]:
        """Scores (n,) by `model` alone, NaN where there is none; and the cases without one."""
        bench = _Bench(self._scenario, features, np.zeros(len(features), dtype=np.bool_), {})
        _, failed = bench.scored(model, np.arange(len(features)))
        bench.scores[[case.row for case in failed]] = np.nan
        return bench.scores, failed

    def trial(
        self, model: ScoringModel, features: Floats, thresholds: Mapping[str, float]
    ) -> list[Unscorable]:
        """The cases that `model` cannot judge and, where any band needs reasons, explain."""
        bench = _Bench(self._scenario, features, np.zeros(len(features), np.bool_), thresholds)
        rows, failed = _loggable(features, self._scenario.feature_names)
        rows, unscored = bench.scored(model, rows)
        rows, undecided = bench.decided(model, rows)
        failed += [*unscored, *undecided]
        if self._explained.any():
            failed += bench.explained(model, rows, self._teller)
        return failed

    def reasons(self, model: ScoringModel, features: Floats) -> list[list[Reason]]:
        """Why `model` scores n feature rows (n, k) as it does, one list each."""
        return _reasons(model, features, self._teller)

    def _challenged(self, entities: Sequence[str], judges: Judges) -> Flags:
        if judges.challenger is None:
            return np.zeros(len(entities), dtype=np.bool_)
        salt = f"{self._scenario.name}:challenger:{judges.challenger.version}"
        return in_share(entities, judges.challenger_share, salt=salt)


def valid_ms(scenario: Scenario) -> int:
    """How long a verdict is valid, in ms after its event arrived or its run began."""
    return int(scenario.policy.valid_days * MS_PER_DAY)


class _Bench:
    """n cases on their way to verdicts: each step fills in what it can and names the others."""

    def __init__(
        self,
        scenario: Scenario,
        features: Floats,
        control: Flags,
        thresholds: Mapping[str, float],
    ) -> None:
        count = len(features)
        self._scenario, self._features = scenario, features
        self._control, self._thresholds = control, thresholds
        self.scores = np.full(count, np.nan)
        self.decisions = Decisions(
            bands=np.full(count, -1, dtype=np.int64),
            actions=np.full(count, -1, dtype=np.int64),
            review=np.zeros(count, dtype=np.bool_),
        )
        self.reasons: dict[int, list[Reason]] = {}

    def scored(self, model: ScoringModel, rows: Rows) -> tuple[Rows, list[Unscorable]]:
        """Scores of `rows`; returns those that have one in [0, 1], and the others."""

        def scores(part: Rows) -> Floats:
            part_scores = np.asarray(
                model.scores(chosen_rows(self._features, part)), dtype=np.float64
            )
            if part_scores.shape != part.shape:
                raise ValueError(f"gave scores of shape {part_scores.shape}, expected {part.shape}")
            return part_scores

        failed: list[Unscorable] = []
        for part, part_scores in self._results(rows, scores, model, failed, "cannot score it"):
            self.scores[part] = part_scores
            # Written so that NaN is no score either.
            for at in np.flatnonzero(~((part_scores >= 0.0) & (part_scores <= 1.0))).tolist():
                cause = f"{_name(model)} gives score {part_scores[at]}, expected one from 0 to 1"
                failed.append(Unscorable(int(part[at]), cause))
        return _without(rows, failed), failed

    def decided(self, model: ScoringModel, rows: Rows) -> tuple[Rows, list[Unscorable]]:
        """Decisions on scored `rows`; returns those that have one, and the others."""

        def decisions(part: Rows) -> Decisions:
            return self._scenario.policy.decide(
                chosen_rows(self.scores, part),
                chosen_rows(self._features, part),
                feature_names=self._scenario.feature_names,
                thresholds=self._thresholds,
                is_control=chosen_rows(self._control, part),
            )

        failed: list[Unscorable] = []
        what = f"gives a score on which policy {self._scenario.policy.version} cannot decide"
        for part, part_decisions in self._results(rows, decisions, model, failed, what):
            self.decisions.bands[part] = part_decisions.bands
            self.decisions.actions[part] = part_decisions.actions
            self.decisions.review[part] = part_decisions.review
        return _without(rows, failed), failed

    def explained(self, model: ScoringModel, rows: Rows, teller: ReasonTeller) -> list[Unscorable]:
        """Reasons of `rows`; returns those without."""

        def reasons(part: Rows) -> list[list[Reason]]:
            return _reasons(model, self._features[part], teller)

        failed: list[Unscorable] = []
        for part, part_reasons in self._results(
            rows, reasons, model, failed, "cannot explain its score"
        ):
            self.reasons.update(zip(part.tolist(), part_reasons, strict=True))
        return failed

    def verdicts(
        self, challenged: Flags, unscorable: list[Unscorable], fallbacks: list[Unscorable]
    ) -> Verdicts:
        """What was filled in, without the `unscorable`."""
        every = np.arange(len(self.scores))
        rows = _without(every, unscorable)
        reasons = self.reasons
        if len(rows) < len(every):
            position = {row: at for at, row in enumerate(rows.tolist())}
            reasons = {position[row]: reasons[row] for row in reasons if row in position}
        return Verdicts(
            rows=rows,
            scores=chosen_rows(self.scores, rows),
            decisions=Decisions(
                chosen_rows(self.decisions.bands, rows),
                chosen_rows(self.decisions.actions, rows),
                chosen_rows(self.decisions.review, rows),
            ),
            control=chosen_rows(self._control, rows),
            challenged=chosen_rows(challenged, rows),
            reasons=reasons,
            unscorable=sorted(unscorable, key=lambda case: case.row),
            fallbacks=fallbacks,
        )

    def _results(
        self,
        rows: Rows,
        evaluate: Callable[[Rows], Result],
        model: ScoringModel,
        failed: list[Unscorable],
        what: str,
    ) -> list[tuple[Rows, Result]]:
        outcome = isolated(rows, evaluate, kinds=partial(_kinds, self._features, model.columns))
        for failure in outcome.failures:
            cause = f"{_name(model)} {what}: {_one_line(failure)}"
            failed += [Unscorable(row, cause) for row in failure.rows.tolist()]
        return outcome.parts


def _reasons(model: ScoringModel, features: Floats, teller: ReasonTeller) -> list[list[Reason]]:
    """One list per row; empty ones when the model's format gives no reasons."""
    contributions = model.contributions(features) if len(features) else None
    if contributions is None:
        return [[] for _ in range(len(features))]
    return teller.tell(contributions, features)


def _name(model: ScoringModel) -> str:
    return f"model {model.name} version {model.version}"


def _one_line(failure: Failure) -> str:
    error = failure.error
    text = " ".join(f"{type(error).__name__}: {error}".split())[:_MOST_CAUSE_TEXT]
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if failure.is_exact else f"{text} (or one of {len(failure.rows) - 1} rows like it)"


def _without(rows: Rows, failed: Sequence[Unscorable]) -> Rows:
    return rows if not failed else np.setdiff1d(rows, [case.row for case in failed])


def _loggable(features: Floats, names: Sequence[str]) -> tuple[Rows, list[Unscorable]]:
    """The rows of `features` (n, k) that JSON can repeat, and those with an infinite value."""
    is_infinite = np.isinf(features)
    if not is_infinite.any():
        return np.arange(len(features)), []
    rows = np.flatnonzero(is_infinite.any(axis=1))
    failed = []
    for row in rows.tolist():
        column = int(np.argmax(is_infinite[row]))
        cause = f"feature {names[column]} is {features[row, column]}, expected a finite number"
        failed.append(Unscorable(row, cause))
    return np.setdiff1d(np.arange(len(features)), rows), failed


def _kinds(features: Floats, columns: Rows, rows: Rows) -> Rows:
    """A number per row: equal where the same of the model's features are missing."""
    missing = np.isnan(features[rows][:, columns])
    patterns, numbers = np.unique(np.packbits(missing, axis=1), axis=0, return_inverse=True)
    kinds = np.asarray(numbers) if len(patterns) <= _MOST_KINDS else missing.any(axis=1)
    return kinds.reshape(-1).astype(np.int64)
