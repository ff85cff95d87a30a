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
from scenarios.contract.experiment import CHALLENGER, CHAMPION, SHADOW, Arms, arms
from scenarios.contract.judging.isolation import NOT_OF_A_ROW, Failure, isolated
from scenarios.contract.judging.reasons import ReasonTeller
from scenarios.contract.judging.second_stage import SecondAnswers
from scenarios.contract.policy import Decisions
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
    """What is deployed: the champion, by which thresholds, and what is compared with it.

    challenger  decides for `challenger_share` of the entities
    shadow      scores `shadow_share` of the events as well, and decides nothing
    experiment  id of the comparison; without one nothing is logged of it
    """

    champion: ScoringModel
    thresholds: Mapping[str, float]
    challenger: ScoringModel | None = None
    challenger_share: float = 0.0
    shadow: ScoringModel | None = None
    shadow_share: float = 0.0
    experiment: str = ""


@dataclass(frozen=True)
class Unscorable:
    """A case without a verdict: its row among the cases, and why, as a sentence."""

    row: int
    cause: str


@dataclass(frozen=True, kw_only=True)
class Effort:
    """What one version did for the cases of one call.

    role             champion, challenger or shadow
    rows, failed     cases that it had, and those that it could not judge; cause: of the first
    scoring_seconds  in the model; seconds: with decisions and reasons
    """

    role: str
    rows: int
    failed: int
    cause: str
    scoring_seconds: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What an experiment adds to m verdicts.

    in_challenger  bool (m,)     the entity is in the challenger's arm
    is_paired      bool (m,)     both versions of the pair scored the case
    other_scores   float64 (m,)  by the one that did not decide; NaN: not scored, or it failed
    is_shadowed    bool (m,)     the shadow scored the case
    shadow_scores  float64 (m,)  NaN: not scored, or it failed
    """

    in_challenger: Flags
    is_paired: Flags
    other_scores: Floats
    is_shadowed: Flags
    shadow_scores: Floats


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
    beside       of an experiment; None without one
    efforts      of the versions, when there is another one beside the champion
    second       answers of the policy's second stage; None where it has none
    """

    rows: Rows
    scores: Floats
    decisions: Decisions
    control: Flags
    challenged: Flags
    reasons: Mapping[int, list[Reason]]
    unscorable: Sequence[Unscorable] = ()
    fallbacks: Sequence[Unscorable] = ()
    beside: Beside | None = None
    efforts: Sequence[Effort] = ()
    second: SecondAnswers | None = None


def _no_clock() -> float:
    return 0.0


class Judge:
    """Scores, decides and explains the cases of one scenario.

    clock: seconds, by which efforts are measured; without one they took none.
    """

    def __init__(self, scenario: Scenario, clock: Callable[[], float] = _no_clock) -> None:
        self._scenario = scenario
        self._clock = clock
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
        return in_share(entities, share, salt=control_salt(self._scenario))

    def verdicts(
        self,
        entities: Sequence[str],
        features: Floats,
        judges: Judges,
        *,
        is_shadowed: Flags | None = None,
        control: Flags | None = None,
        explains: bool = True,
    ) -> Verdicts:
        """Verdicts on n cases; features (n, k) are those right after each event.

        A verdict does not depend on the other cases, but for the bound in
        `scenarios.contract.judging.isolation`, nor on the shadow, which scores the cases
        `is_shadowed` (n,) as well. A case that the challenger cannot judge is judged by the
        champion. `control` (n,) says who is in the control group where the cases belong to no
        entity. `explains` false leaves all reasons out: TreeSHAP costs several times the scoring.
        """
        if control is None:
            control = self.in_control_group(entities)
        in_arms = self._arms(entities, judges)
        challenged = in_arms.in_challenger.copy()
        bench = _Bench(self._scenario, features, control, judges.thresholds)
        rows, unscorable = _loggable(features, self._scenario.feature_names)
        efforts: list[Effort] = []

        def judged(model: ScoringModel, model_rows: Rows, role: str) -> list[Unscorable]:
            began = self._clock()
            scored, failed = bench.scored(model, model_rows)
            scored_at = self._clock()
            decided, undecided = bench.decided(model, scored)
            failed += undecided
            if explains:
                needed = decided[self._explained[bench.decisions.bands[decided]]]
                failed += bench.explained(model, needed, self._teller)
            seconds = self._clock() - began
            efforts.append(_effort(role, len(model_rows), failed, scored_at - began, seconds))
            return failed

        fallbacks: list[Unscorable] = []
        if judges.challenger is not None:
            assigned = rows[challenged[rows]]
            try:
                fallbacks = judged(judges.challenger, assigned, CHALLENGER)
            except NOT_OF_A_ROW as error:  # nor does this stop the champion
                fallbacks = _all_failed(judges.challenger, assigned, error)
                efforts.append(_effort(CHALLENGER, len(assigned), fallbacks, 0.0, 0.0))
            bench.forget([fallback.row for fallback in fallbacks])
            challenged[[fallback.row for fallback in fallbacks]] = False
        unscorable += judged(judges.champion, rows[~challenged[rows]], CHAMPION)
        beside = None
        if judges.experiment:
            beside = self._beside(features, judges, rows, in_arms, challenged, is_shadowed, efforts)
        return bench.verdicts(challenged, unscorable, fallbacks, beside, efforts)

    def _beside(
        self,
        features: Floats,
        judges: Judges,
        rows: Rows,
        in_arms: Arms,
        challenged: Flags,
        is_shadowed: Flags | None,
        efforts: list[Effort],
    ) -> Beside:
        """Scores of the versions that did not decide; what they cannot score stays NaN."""
        count = len(features)
        others, shadow_scores = np.full(count, np.nan), np.full(count, np.nan)
        shadow_rows = np.zeros(count, dtype=np.bool_)

        def add(model: ScoringModel, model_rows: Rows, into: Floats, role: str | None) -> None:
            began = self._clock()
            try:
                scores, failed = self.scores(chosen_rows(features, model_rows), model)
            except NOT_OF_A_ROW as error:
                failed = _all_failed(model, np.arange(len(model_rows)), error)
            else:
                into[model_rows] = scores
            seconds = self._clock() - began
            if role is not None and len(model_rows):
                efforts.append(_effort(role, len(model_rows), failed, seconds, seconds))

        if judges.challenger is not None:
            is_paired, in_challenger = in_arms.is_paired, in_arms.in_challenger
            # A case that the challenger has just failed is not given to it again.
            wanted = rows[(is_paired & ~challenged & ~in_challenger)[rows]]
            add(judges.challenger, wanted, others, CHALLENGER)
            add(judges.champion, rows[challenged[rows]], others, None)
        if judges.shadow is not None and is_shadowed is not None:
            shadow_rows = is_shadowed
            add(judges.shadow, rows[is_shadowed[rows]], shadow_scores, SHADOW)
        return Beside(
            in_challenger=in_arms.in_challenger,
            is_paired=in_arms.is_paired,
            other_scores=others,
            is_shadowed=shadow_rows,
            shadow_scores=shadow_scores,
        )

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

    def _arms(self, entities: Sequence[str], judges: Judges) -> Arms:
        """Who is judged by the challenger; without an experiment no case is scored twice."""
        nobody = np.zeros(len(entities), dtype=np.bool_)
        if judges.challenger is None or not len(entities):
            return Arms(in_challenger=nobody, is_paired=nobody)
        share, name = judges.challenger_share, self._scenario.name
        if judges.experiment:
            return arms(entities, scenario=name, experiment=judges.experiment, share=share)
        salt = f"{name}:challenger:{judges.challenger.version}"
        return Arms(in_challenger=in_share(entities, share, salt=salt), is_paired=nobody)


def control_salt(scenario: Scenario) -> str:
    """What the hash that chooses the control group is salted with."""
    return f"{scenario.name}:control"


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

    def forget(self, rows: Sequence[int]) -> None:
        """Drop the reasons of `rows`, which another version judges."""
        for row in rows:
            self.reasons.pop(row, None)

    def verdicts(
        self,
        challenged: Flags,
        unscorable: list[Unscorable],
        fallbacks: list[Unscorable],
        beside: Beside | None,
        efforts: list[Effort],
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
            beside=None if beside is None else _beside_of(beside, rows),
            efforts=efforts if len(efforts) > 1 else (),
            second=self._second_answers(rows),
        )

    def _second_answers(self, rows: Rows) -> SecondAnswers | None:
        policy = self._scenario.policy
        stage = policy.second_stage
        if stage is None:
            return None
        column = self._scenario.feature_names.index(stage.feature)
        codes = [code for code, band in enumerate(policy.bands) if band.name in stage.bands]
        is_asked = np.isin(self.decisions.bands[rows], codes)
        return stage.answers(self._features[rows, column], is_asked)

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


def _beside_of(beside: Beside, rows: Rows) -> Beside:
    return Beside(
        in_challenger=chosen_rows(beside.in_challenger, rows),
        is_paired=chosen_rows(beside.is_paired, rows),
        other_scores=chosen_rows(beside.other_scores, rows),
        is_shadowed=chosen_rows(beside.is_shadowed, rows),
        shadow_scores=chosen_rows(beside.shadow_scores, rows),
    )


def _effort(
    role: str, rows: int, failed: Sequence[Unscorable], scoring_seconds: float, seconds: float
) -> Effort:
    return Effort(
        role=role,
        rows=rows,
        failed=len(failed),
        cause=failed[0].cause if failed else "",
        scoring_seconds=scoring_seconds,
        seconds=seconds,
    )


def _all_failed(model: ScoringModel, rows: Rows, error: BaseException) -> list[Unscorable]:
    cause = f"{_name(model)} cannot score it: {_error_text(error)}"
    return [Unscorable(row, cause) for row in rows.tolist()]


def _name(model: ScoringModel) -> str:
    return f"model {model.name} version {model.version}"


def _one_line(failure: Failure) -> str:
    text = _error_text(failure.error)
    return text if failure.is_exact else f"{text} (or one of {len(failure.rows) - 1} rows like it)"


def _error_text(error: BaseException) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())[:_MOST_CAUSE_TEXT]
    return "".join(character if character.isprintable() else "?" for character in text)


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
