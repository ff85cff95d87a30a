"""One prediction scored, decided and explained again, field by field beside the logged one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from batch.proofs.audits.facts import FieldFact, Shown
from batch.proofs.audits.model import AuditedModel
from batch.proofs.audits.replay import Replayed
from batch.proofs.recompute.bits import same_bits
from batch.proofs.recompute.logged import LoggedPrediction, as_floats
from features.events.reasons import UNSCORABLE
from models.scoring_model import ScoringModel
from scenarios.contract.experiment import CHALLENGER, CHAMPION, arms
from scenarios.contract.judge import Floats, Judge, Judges, valid_ms
from scenarios.contract.scenario import Scenario
from stores.hbase.predictions import Reason, SecondStageFinding, utc


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A logged prediction and what it is recomputed from; None where that is not available.

    others: version → model, of those that scored it beside the one that decided.
    """

    logged: LoggedPrediction
    replayed: Replayed | None
    model: AuditedModel | None
    arrived_ms: int
    others: Mapping[str, ScoringModel] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The fields side by side, the reasons (None: not recomputed), and why there is no verdict."""

    fields: Sequence[FieldFact]
    reasons: list[Reason] | None
    obstacle: str = ""


def judgement(subject: Subject, scenario: Scenario) -> Judgement:
    """Recompute every field of the prediction that can be recomputed."""
    again: dict[str, Any] = {}
    replayed, logged = subject.replayed, subject.logged
    model = subject.model.model if subject.model is not None else None
    is_todays = logged.policy_version == scenario.policy.version
    again["scored_at"] = utc(subject.arrived_ms)
    if replayed is not None and replayed.features is not None:
        again["event_time"], again["features_as_of"] = (
            utc(replayed.event_ms),
            utc(replayed.as_of_ms),
        )
        if model is not None:
            again |= _judged(subject, scenario, model, replayed, is_todays=is_todays)
    if is_todays:
        again["valid_until"] = utc(subject.arrived_ms + valid_ms(scenario))
    names = [
        "score",
        "band",
        "action",
        "review",
        "control_group",
        "reasons",
        "scored_at",
        "event_time",
        "features_as_of",
        "valid_until",
    ]
    if scenario.policy.second_stage is not None or logged.second_stage is not None:
        names.insert(names.index("reasons"), "second_stage")
    fields = [_field(name, getattr(logged, name), again) for name in names]
    fields += _experiment_fields(subject, scenario)
    return Judgement(
        fields=fields, reasons=again.get("reasons"), obstacle=again.get(UNSCORABLE, "")
    )


def _judged(
    subject: Subject,
    scenario: Scenario,
    model: ScoringModel,
    replayed: Replayed,
    *,
    is_todays: bool,
) -> dict[str, Any]:
    features = with_second_entities(np.asarray(replayed.features), subject.logged)[None, :]
    judge, policy = Judge(scenario), scenario.policy
    if not is_todays:
        scores, failed = judge.scores(features, model)
        return {UNSCORABLE: failed[0].cause} if failed else {"score": float(scores[0])}
    judges = Judges(champion=model, thresholds=subject.logged.thresholds)
    verdicts = judge.verdicts([subject.logged.entity], features, judges)
    if verdicts.unscorable:
        return {UNSCORABLE: verdicts.unscorable[0].cause}
    decided = verdicts.decisions
    second, stage = verdicts.second, policy.second_stage
    return {
        "score": float(verdicts.scores[0]),
        "band": policy.bands[int(decided.bands[0])].name,
        "action": policy.actions[int(decided.actions[0])],
        "review": bool(decided.review[0]),
        "control_group": bool(verdicts.control[0]),
        "reasons": verdicts.reasons.get(0, []),
        "second_stage": second.finding(0, stage) if second and stage else None,
    }


def _experiment_fields(subject: Subject, scenario: Scenario) -> list[FieldFact]:
    """Arm and other versions' scores of a prediction that was made in an experiment."""
    logged, replayed = subject.logged, subject.replayed
    experiment = logged.experiment
    if experiment is None:
        return []
    share = experiment.propensity
    if experiment.arm != CHALLENGER:
        share = 1.0 - share
    again = arms([logged.entity], scenario=scenario.name, experiment=experiment.id, share=share)
    arm = f"arm in {experiment.id}"
    recomputed: dict[str, Any] = {arm: CHALLENGER if bool(again.in_challenger[0]) else CHAMPION}
    fields = [_field(arm, experiment.arm, recomputed)]
    for role, other in (("other", experiment.other), ("shadow", experiment.shadow)):
        if other is None:
            continue
        name = f"score of {role} version {other.version}"
        model = subject.others.get(other.version)
        if model is not None and replayed is not None and replayed.features is not None:
            features = with_second_entities(np.asarray(replayed.features), logged)[None, :]
            score = float(Judge(scenario).scores(features, model)[0][0])
            recomputed[name] = None if np.isnan(score) else score
        fields.append(_field(name, other.score, recomputed))
    return fields


def with_second_entities(own_features: Floats, logged: LoggedPrediction) -> Floats:
    """The full feature row: `own_features` (k,) as recomputed, second entities' as logged."""
    return np.concatenate([own_features, as_floats(logged.features)[len(own_features) :]])


def _field(name: str, logged: Any, again: dict[str, Any]) -> FieldFact:
    shown = _shown(logged)
    if name not in again:
        return FieldFact(name=name, logged=shown, recomputed=None, equal=None)
    value = again[name]
    if isinstance(logged, float) and isinstance(value, float):
        return FieldFact(
            name=name,
            logged=logged,
            recomputed=value,
            equal=same_bits(logged, value),
            difference=abs(logged - value),
        )
    return FieldFact(name=name, logged=shown, recomputed=_shown(value), equal=logged == value)


def _shown(value: Any) -> Shown:
    if isinstance(value, str | float | bool) or value is None:
        return value
    if isinstance(value, list):
        return ", ".join(f"{reason.code} {reason.direction}" for reason in value) or "none"
    if isinstance(value, SecondStageFinding):
        return f"{value.finding} {value.probability}"
    return str(value.isoformat(timespec="milliseconds"))
