"""One prediction scored, decided and explained again, field by field beside what was told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from batch.audits.facts import FieldFact, Shown
from batch.audits.model import AuditedModel
from batch.audits.replay import Replayed
from batch.recomputing.bits import same_bits
from batch.recomputing.logged import LoggedPrediction, as_floats
from models.scoring_model import ScoringModel
from scenarios.judging import CaseRules, Floats
from scenarios.policy import Decisions
from scenarios.scenario import Scenario
from stores.predictions import Reason, utc

_MS_PER_DAY = 86_400_000


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A prediction as told and what it is made again from; None where that is not to be had."""

    told: LoggedPrediction
    replayed: Replayed | None
    model: AuditedModel | None
    arrived_ms: int


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The fields side by side, and the reasons anew (None: not recomputed)."""

    fields: Sequence[FieldFact]
    reasons: list[Reason] | None


def judgement(subject: Subject, scenario: Scenario) -> Judgement:
    """Make every field of the prediction again that can be made again."""
    again: dict[str, Any] = {}
    replayed, told = subject.replayed, subject.told
    model = subject.model.model if subject.model is not None else None
    is_todays = told.policy_version == scenario.policy.version
    again["scored_at"] = utc(subject.arrived_ms)
    if replayed is not None and replayed.features is not None:
        again["event_time"], again["features_as_of"] = (
            utc(replayed.event_ms),
            utc(replayed.as_of_ms),
        )
        if model is not None:
            again |= _judged(subject, scenario, model, replayed, is_todays=is_todays)
    if is_todays:
        valid_ms = int(scenario.policy.valid_days * _MS_PER_DAY)
        again["valid_until"] = utc(subject.arrived_ms + valid_ms)
    names = (
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
    )
    fields = [_field(name, getattr(told, name), again) for name in names]
    return Judgement(fields=fields, reasons=again.get("reasons"))


def _judged(
    subject: Subject,
    scenario: Scenario,
    model: ScoringModel,
    replayed: Replayed,
    *,
    is_todays: bool,
) -> dict[str, Any]:
    features = with_second_entities(np.asarray(replayed.features), subject.told)[None, :]
    score = model.scores(features)
    again: dict[str, Any] = {"score": float(score[0])}
    if not is_todays:
        return again
    rules, policy = CaseRules(scenario), scenario.policy
    control = rules.in_control_group([subject.told.entity])
    decided: Decisions = policy.decide(
        score,
        features,
        feature_names=scenario.feature_names,
        thresholds=subject.told.thresholds,
        is_control=control,
    )
    again["band"] = policy.bands[int(decided.bands[0])].name
    again["action"] = policy.actions[int(decided.actions[0])]
    again["review"] = bool(decided.review[0])
    again["control_group"] = bool(control[0])
    is_explained = bool(rules.needs_reasons(decided)[0])
    again["reasons"] = rules.reasons(model, features)[0] if is_explained else []
    return again


def with_second_entities(own: Floats, told: LoggedPrediction) -> Floats:
    """The full feature row: `own` (k,) as recomputed, second entities' values as logged."""
    return np.concatenate([own, as_floats(told.features)[len(own) :]])


def _field(name: str, told: Any, again: dict[str, Any]) -> FieldFact:
    logged = _shown(told)
    if name not in again:
        return FieldFact(name=name, logged=logged, recomputed=None, equal=None)
    value = again[name]
    if isinstance(told, float):
        return FieldFact(
            name=name,
            logged=told,
            recomputed=value,
            equal=same_bits(told, value),
            difference=abs(told - value),
        )
    return FieldFact(name=name, logged=logged, recomputed=_shown(value), equal=told == value)


def _shown(value: Any) -> Shown:
    if isinstance(value, str | float | bool) or value is None:
        return value
    if isinstance(value, list):
        return ", ".join(f"{each.code} {each.direction}" for each in value) or "none"
    return str(value.isoformat(timespec="milliseconds"))
