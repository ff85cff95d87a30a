"""The story of one prediction, from the archive alone: data, features, model, policy, verdict."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from batch.proofs.audits.archive import ArchivedRow, AuditArchive
from batch.proofs.audits.facts import AuditFacts, EventFacts, HistoryFacts, ModelFacts, PolicyFacts
from batch.proofs.audits.judgement import Subject, judgement
from batch.proofs.audits.lookup import AuditedPrediction
from batch.proofs.audits.model import AuditedModel, ModelFinder, model_facts
from batch.proofs.audits.replay import Replayed, replayed
from batch.proofs.audits.state import feature_facts, slot_facts
from batch.proofs.audits.verdict import outcome_of, verdict_of
from batch.proofs.recompute.logged import LoggedPrediction
from batch.records.limits import EventLimits
from features.events.reasons import ATTACHMENT_MISSING
from models.scoring_model import ScoringModel
from scenarios.contract.scenario import Scenario
from stores.hbase.predictions import Reason


@dataclass(frozen=True, kw_only=True)
class Auditor:
    """What every audit of a scenario needs; `code` is the commit that runs it."""

    archive: AuditArchive
    scenario: Scenario
    limits: EventLimits
    find_model: ModelFinder
    code: str

    def audit(self, prediction: AuditedPrediction) -> AuditFacts:
        """Recompute `prediction` and put everything side by side.

        What prevents a comparison becomes an obstacle, not an error: the rest is reported.
        """
        logged, obstacles = prediction.logged, list[str]()
        history = self._history(prediction.event)
        model = self._model(logged.model.version, obstacles)
        again = self._replayed(prediction, history, model, obstacles)
        subject = Subject(
            logged=logged,
            replayed=again,
            model=model,
            arrived_ms=_ms(prediction.event.kafka_time),
            others=self._others(logged, obstacles),
        )
        judged = judgement(subject, self.scenario)
        if judged.obstacle:
            obstacles.append(f"it cannot be judged again: {judged.obstacle}")
        names = _feature_names(self.scenario, prediction, model)
        features = feature_facts(self.scenario, names, logged, again)
        # A replay may log an event again with newer values of second entities: each message is
        # audited with its own.
        contents = 1 if self.scenario.second_entities else prediction.contents
        outcome = outcome_of(features, judged.fields, obstacles, contents=contents)
        if outcome == "not reproduced" and again is not None and again.missing:
            obstacles.append(
                f"{again.missing:,} earlier events were left out: the store has no content of "
                f"their attachments ({ATTACHMENT_MISSING})"
            )
        return AuditFacts(
            scenario=self.scenario.name,
            title=self.scenario.title,
            audited_at=datetime.now(UTC).isoformat(timespec="seconds"),
            code=self.code,
            prediction_id=logged.prediction_id,
            entity=logged.entity,
            outcome=outcome,
            verdict=verdict_of(
                outcome, features, judged.fields, obstacles, policy=self._policy(prediction)
            ),
            obstacles=obstacles,
            event=_event_facts(prediction.event),
            history=_history_facts(history, again),
            state=slot_facts(self.scenario, again),
            features=features,
            fields=judged.fields,
            reasons=sentences(logged.reasons),
            reasons_recomputed=None if judged.reasons is None else sentences(judged.reasons),
            definitions=logged.feature_definitions,
            todays_definitions=self.scenario.definitions_digest,
            model_name=logged.model.name,
            model_version=logged.model.version,
            model=_model_facts(model),
            policy=self._policy(prediction),
            messages=prediction.messages,
            told_at=prediction.message.kafka_time.isoformat(),
            events_version=self.archive.versions["events"],
            predictions_version=self.archive.versions["predictions"],
        )

    def _history(self, event: ArchivedRow) -> list[ArchivedRow]:
        """The entity's events up to this one."""
        rows = self.archive.events_of(event.key or b"")
        return [row for row in rows if row.order <= event.order]

    def _model(self, version: str, obstacles: list[str]) -> AuditedModel | None:
        try:
            model = self.find_model(version)
        except RuntimeError as error:  # NoSuchVersion, ModelUnusable
            if getattr(error, "exit_code", None) is None:
                raise
            obstacles.append(str(error))
            return None
        if model.obstacle:
            obstacles.append(model.obstacle)
        return model

    def _others(self, logged: LoggedPrediction, obstacles: list[str]) -> Mapping[str, ScoringModel]:
        """The versions that scored it as well, as far as they can be loaded."""
        if logged.experiment is None:
            return {}
        both = (logged.experiment.other, logged.experiment.shadow)
        models = {}
        for version in sorted({other.version for other in both if other is not None}):
            audited = self._model(version, obstacles)
            if audited is not None and audited.model is not None:
                models[version] = audited.model
        return models

    def _replayed(
        self,
        prediction: AuditedPrediction,
        history: Sequence[ArchivedRow],
        model: AuditedModel | None,
        obstacles: list[str],
    ) -> Replayed | None:
        digest, todays = prediction.logged.feature_definitions, self.scenario.definitions_digest
        if digest != todays:
            commit = "the commit that had them"
            if model is not None and model.card.definitions_digest == digest:
                commit = f"commit {model.card.git_commit}, which trained the model with them"
            obstacles.append(
                f"the features were made by definitions {digest}, this code has {todays}: check "
                f"out {commit} and audit again"
            )
            return None
        again = replayed(history, self.scenario, self.limits)
        if again.refusal is not None:
            why = f"{again.refusal.code}: {again.refusal.sentence}"
            obstacles.append(f"the event is refused by today's checks: {why}")
            return None
        return again

    def _policy(self, prediction: AuditedPrediction) -> PolicyFacts:
        return PolicyFacts(
            version=prediction.logged.policy_version,
            todays_version=self.scenario.policy.version,
            thresholds=prediction.logged.thresholds,
        )


def sentences(reasons: Sequence[Reason]) -> list[str]:
    """Reasons as sentences."""
    return [f"{reason.text} ({reason.direction} the score)" for reason in reasons]


def _feature_names(
    scenario: Scenario, prediction: AuditedPrediction, model: AuditedModel | None
) -> tuple[str, ...]:
    """Names of the logged values: by the definitions of that time, as far as they are known."""
    logged = prediction.logged
    if logged.feature_definitions == scenario.definitions_digest:
        return scenario.feature_names
    if model is not None and model.card.definitions_digest == logged.feature_definitions:
        return tuple(model.card.feature_names)
    return tuple(f"feature {number + 1}" for number in range(len(logged.features)))


def _model_facts(model: AuditedModel | None) -> ModelFacts | None:
    return None if model is None else model_facts(model)


def _event_facts(event: ArchivedRow) -> EventFacts:
    content = event.value or b""
    return EventFacts(
        topic=event.topic,
        topic_id=event.topic_id,
        epoch=event.epoch,
        partition=event.partition,
        offset=event.offset,
        kafka_time=event.kafka_time.isoformat(timespec="milliseconds"),
        archived_at=event.archived_at.isoformat(timespec="milliseconds"),
        text=content.decode("utf-8", "replace"),
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _history_facts(history: Sequence[ArchivedRow], again: Replayed | None) -> HistoryFacts:
    earlier = [row.kafka_time.isoformat(timespec="milliseconds") for row in history[:-1]]
    return HistoryFacts(
        events=len(earlier) if again is None else again.folded,
        refused=0 if again is None else again.refused,
        first_at=earlier[0] if earlier else None,
        last_at=earlier[-1] if earlier else None,
    )


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
