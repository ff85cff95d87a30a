"""The agent page over churn's customers in memory: real fold, judge, what-ifs and latest rows."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from features.events.decode import EventDecoder, Records
from features.fold.fold import distinct, fold
from models.card import ModelCard
from models.scoring_model import scoring_model
from scenarios.churn.scenario import SCENARIO
from scenarios.contract.judge import valid_ms
from scenarios.contract.records.outcomes import OutcomeDecoder, refusals_of
from serving.agent_page.answers import AnswerBook
from serving.agent_page.desk import AgentDesk
from serving.agent_page.search import Matches
from serving.rows.history import Entry, HistoryPage, HistoryUnavailable, Reach
from serving.rows.latest import LatestRows
from serving.scoring.score_now import ScoreNow
from serving.scoring.versions import CurrentModels, Versions
from serving.sessions import SessionPool
from stores.hbase.predictions import Model, Prediction, Reason, Source, row_document, utc
from stores.hbase.stamps import stamp
from stores.kafka.errors import KafkaDown
from stores.records.deployments import Deployment, ModelPointer
from streaming.scoring.models_in_use import InUse
from tests.support.latest_cells import MemoryStore
from tests.support.tiny_archive import MemoryTable, OneModel
from tests.support.tiny_scoring import MemoryStates, no_other_version

Matrix = npt.NDArray[np.float64]

LIMITS: dict[str, Any] = {"max_event_bytes": 100_000, "max_future_skew_seconds": 300}
# What a contract, a service and calls do to the log-odds; about as large as the Telco model's.
_WEIGHTS = {
    "contract": -1.1,
    "tenure_months": -0.025,
    "online_security": -0.45,
    "tech_support": -0.4,
    "internet_service": 0.55,
    "support_calls_recent": 0.45,
    "complaint_calls": 0.35,
    "cancellation_calls": 0.8,
    "paperless_billing": 0.2,
    "monthly_charge_usd": 0.004,
}
_BASE = -0.35


@dataclass(frozen=True)
class LogOdds:
    """A linear model and its own exact explanation; a missing feature counts as 0."""

    weights: Matrix
    base: float

    def scores(self, features: Matrix) -> Matrix:
        """Probabilities (n,)."""
        odds = self.base + np.nan_to_num(features) @ self.weights
        scores: Matrix = 1.0 / (1.0 + np.exp(-odds))
        return scores

    def contributions(self, features: Matrix) -> Matrix:
        """What each feature adds to the log-odds, (n, k)."""
        shares: Matrix = np.nan_to_num(features) * self.weights
        return shares


def churn_model_in_use() -> InUse:
    """The linear model as the champion."""
    names = SCENARIO.feature_names
    weights = np.array([_WEIGHTS.get(name, 0.0) for name in names])
    card = ModelCard(
        scenario="churn",
        feature_names=names,
        definitions_digest=SCENARIO.definitions_digest,
        seed=1,
        training_counts={},
        metrics={},
        thresholds=SCENARIO.policy.thresholds(),
        base_rate=0.27,
        created_at="2026-01-01T00:00:00+00:00",
    )
    linear = LogOdds(weights, _BASE)
    model = scoring_model(
        linear, linear, name="everscore-churn", version="3", card=card, available_features=names
    )
    pointer = ModelPointer(name=model.name, version=model.version, artifact_uri="", sha256="")
    deployment = Deployment(
        scenario="churn",
        champion=pointer,
        thresholds=SCENARIO.policy.thresholds(),
        policy_version=SCENARIO.policy.version,
        deployed_at="2026-01-01T00:00:00+00:00",
        deployed_by="test",
    )
    return InUse(deployment, model, None)


@dataclass
class MemoryArchive:
    """Archived records by entity, in memory; `away` while they cannot be read."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    away: bool = False

    def page(self, entity: str, now: datetime, *, days: int, limit: int) -> HistoryPage:
        """The newest entries of `entity`."""
        if self.away:
            raise HistoryUnavailable("the archive was being maintained: ask again")
        mine = self.entries.get(entity, [])
        newest = sorted(mine, key=lambda entry: entry.place, reverse=True)[:limit]
        reach = Reach(records_until=now.isoformat(timespec="seconds"), archived_at=None)
        return HistoryPage(entries=newest, cursor=None, reaches={"events": reach})


@dataclass
class Outbox:
    """Outcomes that were posted, checked as the job checks them; `away`: Kafka does not answer."""

    documents: list[Mapping[str, Any]] = field(default_factory=list)
    away: bool = False

    def post(self, document: Mapping[str, Any]) -> str:
        """The position of the outcome."""
        if self.away:
            raise KafkaDown("Kafka memory:0 does not answer")
        now = datetime.now(UTC)
        whole = {"type": "outcome", "event_time": now.isoformat(), **document}
        decoder = OutcomeDecoder(**LIMITS)
        refusals = refusals_of([whole], decoder, now_ms=round(now.timestamp() * 1000))
        if refusals:
            raise OutcomeRefused(refusals[0].sentence)
        self.documents.append(document)
        return f"churn.outcomes-0@{len(self.documents) - 1}"


class OutcomeRefused(ValueError):
    """As `batch.publishing.outcome_posting.OutcomesRefused`."""

    exit_code = 2


@dataclass
class MemorySearch:
    """Ids of the rows in a store in memory."""

    store: MemoryStore

    def beginning_with(self, beginning: str, *, limit: int) -> Matches:
        """Up to `limit` ids that begin with `beginning`."""
        if self.store.away:
            self.store.connect()
        ids = sorted(key[3:].decode() for key in self.store.tables.get("churn", {}))
        fitting = [entity for entity in ids if entity.startswith(beginning)]
        return Matches(entities=tuple(fitting[:limit]), is_whole=len(fitting) <= limit)


class ChurnDesk:
    """Customers whose events are folded and scored at once, and the desk that shows them."""

    def __init__(self) -> None:
        self.store, self.states = MemoryStore(), MemoryTable()
        self.archive, self.outbox = MemoryArchive(), Outbox()
        versions = Versions(
            SCENARIO, CurrentModels(OneModel(churn_model_in_use())), no_other_version
        )
        self.scorer = ScoreNow(SCENARIO, versions, MemoryStates(self.states, SCENARIO), **LIMITS)
        self._decoder = EventDecoder(SCENARIO.schema, **LIMITS)
        self._offset = 0
        self.latest = LatestRows(SessionPool(self.store, retry_seconds=0.0), "churn")

    def desk(self, **parts: Any) -> AgentDesk:
        """What the page reads; `parts` replace some of it."""
        whole: dict[str, Any] = {
            "scenario": SCENARIO,
            "latest": self.latest,
            "search": MemorySearch(self.store),
            "answers": AnswerBook(self.outbox.post),
            "what_if": self.scorer.what_if,
            "features": self.features,
            "history": self.archive,
        }
        return AgentDesk(**{**whole, **parts})

    def features(self, entity: str) -> Mapping[str, float]:
        """Feature name → current value."""
        row = self.scorer.features_now(entity).tolist()
        return dict(zip(SCENARIO.feature_names, row, strict=True))

    def receive(self, events: Sequence[Mapping[str, Any]], **changed: Any) -> Prediction:
        """Fold and score events of one customer; the row of the last one, with `changed` fields."""
        for event in events:
            prediction = self._receive(event)
        row = msgspec.structs.replace(prediction, **changed)
        self.store.write("churn", row, position=self._offset)
        return row

    def _receive(self, event: Mapping[str, Any]) -> Prediction:
        entity, offset = str(event["customer_id"]), self._offset
        self._offset += 1
        at = datetime.fromisoformat(str(event["event_time"]))
        at_ms = round(at.timestamp() * 1000)
        value = msgspec.json.encode(event)
        records = Records([entity.encode()], [value], np.array([offset]), np.array([at_ms]))
        decoded = self._decoder.decode(records)
        assert decoded.refusals == []
        states = SCENARIO.codec.decode(self.states.newest([entity]))
        rows = distinct(decoded.entities).rows
        stamps = np.array([stamp(1, offset)])
        fold(SCENARIO.plan, states, decoded, entity_rows=rows, stamps=stamps, partition=0)
        cells = SCENARIO.codec.encode(states)
        self.states.write([entity], cells, [None], position=stamp(1, offset))
        (verdict,) = self.scorer.judged(entity, [], at_ms).verdicts
        prediction = Prediction(
            prediction_id=f"churn-1-0-{offset}-v3",
            entity=entity,
            score=verdict.score,
            band=verdict.band,
            reasons=list(verdict.reasons),
            action=verdict.action,
            review=verdict.review,
            control_group=verdict.control_group,
            scored_at=at,
            event_time=at,
            features_as_of=at,
            valid_until=utc(at_ms + valid_ms(SCENARIO)),
            model=Model("everscore-churn", "3"),
            source=Source("churn.events", 0, offset),
        )
        self.archive.entries.setdefault(entity, []).extend(
            (
                entry("events", at_ms, offset, value),
                entry("predictions", at_ms + 400, offset, row_document(prediction)),
            )
        )
        return prediction

    @contextmanager
    def away(self) -> Iterator[None]:
        """HBase does not answer within the block."""
        self.store.away.append("memory does not answer")
        try:
            yield
        finally:
            self.store.away.clear()


def entry(kind: str, at_ms: int, offset: int, document: bytes) -> Entry:
    """An archived record."""
    return Entry(
        kind=kind,
        at_ms=at_ms,
        topic=f"churn.{kind}",
        epoch=1,
        partition=0,
        offset=offset,
        document=document,
    )


PROFILE: Mapping[str, Any] = {
    "gender": "Female",
    "senior_citizen": "No",
    "has_partner": "Yes",
    "has_dependents": "No",
    "phone_service": "Yes",
    "multiple_lines": "No",
    "internet_service": "Fiber optic",
    "online_security": "No",
    "online_backup": "No",
    "device_protection": "No",
    "tech_support": "No",
    "streaming_tv": "Yes",
    "streaming_movies": "No",
    "contract": "Month-to-month",
    "paperless_billing": "Yes",
    "payment_method": "Electronic check",
    "tenure_months": 14,
    "monthly_charge_usd": 84.5,
    "total_charges_usd": 1183.0,
}


def profile(entity: str, at: datetime, **changed: Any) -> dict[str, Any]:
    """A customer's full profile."""
    return event("profile", entity, at, **{**PROFILE, **changed})


def call(
    entity: str, at: datetime, reason: str = "billing", minutes: float = 9.5
) -> dict[str, Any]:
    """A support call."""
    return event("support_call", entity, at, minutes=minutes, reason=reason)


def event(kind: str, entity: str, at: datetime, **fields: Any) -> dict[str, Any]:
    """An event of churn."""
    return {"type": kind, "customer_id": entity, "event_time": at.isoformat(), **fields}


CALLER = "7590-VHVEG"  # calls, and would stay for a longer contract
CALM = "7011-CALM"  # is in the lowest band
CONTROL = "0042-CTRL"  # gets no action
STALE = "1199-OLDIE"  # an old score, which is under review


def call_centre(now: datetime | None = None) -> ChurnDesk:
    """Some customers, one for each face of the page."""
    now, desk = now or datetime.now(UTC), ChurnDesk()

    def ago(**length: float) -> datetime:
        return now - timedelta(**length)

    desk.receive(
        [
            profile(CALLER, ago(days=62)),
            event("monthly_charge", CALLER, ago(days=55), monthly_charge_usd=84.5),
            call(CALLER, ago(days=33), "technical", 21.0),
            event("monthly_charge", CALLER, ago(days=25), monthly_charge_usd=86.1),
            call(CALLER, ago(days=9), "complaint", 16.0),
            call(CALLER, ago(seconds=40), "billing", 4.5),
        ]
    )
    calm = {"contract": "Two year", "tenure_months": 60, "internet_service": "DSL"}
    desk.receive([profile(CALM, ago(days=3), **calm)])
    control = [profile(CONTROL, ago(days=5)), call(CONTROL, ago(hours=7))]
    desk.receive(control, control_group=True, action="none", review=False)
    desk.receive(
        [profile(STALE, ago(days=50)), call(STALE, ago(days=41), "cancellation")], review=True
    )
    for number in range(40):
        months = 2 + number * 37 % 70
        contract = ("Month-to-month", "One year", "Two year")[number % 3]
        entity = f"75{number:02d}-{'ABCDEFGH'[number % 8]}QXKT"
        events = [profile(entity, ago(hours=number + 1), contract=contract, tenure_months=months)]
        desk.receive(events, control_group=False)
    return desk


HOSTILE = "<script>alert(1)</script>\u202e\"'&;%/../?id=#\n"


def with_hostile_customer(desk: ChurnDesk) -> str:
    """A customer whose id, reasons, action and events are an attacker's; the id."""
    now = datetime.now(UTC)
    texts = ["<script>alert(2)</script>", "\u202edesrever \u2066hidden\u2069", "x" * 10_240]
    row = desk.receive(
        [profile(HOSTILE, now), call(HOSTILE, now)],
        reasons=[Reason("r", text, "raises", 1.0) for text in texts],
        action="<img src=x onerror=alert(3)>",
        control_group=False,
    )
    prediction = msgspec.json.encode({"score": 0.5, "band": "<b>", "entity": HOSTILE})
    desk.archive.entries[HOSTILE] += [
        entry("predictions", 1, 900, prediction),
        entry(
            "events", 2, 901, b'{"type":"<i>","customer_id":' + msgspec.json.encode(HOSTILE) + b"}"
        ),
        entry("events", 3, 902, b"no json " + msgspec.json.encode(HOSTILE)),
    ]
    return row.entity
