"""A service over leaves in memory: pictures, a model, cases with and without a prediction."""

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from features.attachments import Content, NothingStored
from features.images.explaining import ImageExplainer
from models.card import ModelCard
from models.registry.versions import RetiredModel
from models.scoring_model import ScoringModel
from scenarios.contract.review.plan import ReviewPlan, ReviewVerdict
from serving.access.capacity import Capacity
from serving.access.roles import Role
from serving.attachments.desk import AttachmentDesk
from serving.attachments.overlays import Overlays
from serving.attachments.routes import router as attachment_routes
from serving.parts import DeskEntry
from serving.review_queue.messages import CaseRecord, case_of, refused_case
from serving.review_queue.pages import Lag, PageParts, pages
from serving.review_queue.queue import ReviewQueue
from serving.review_queue.routes import router as review_routes
from serving.review_queue.rules import QueueRules
from serving.review_queue.waiting_events import WaitingEvents
from stores.hbase.predictions import Model, Reason, SecondStageFinding
from stores.kafka.errors import KafkaDown
from stores.records.review_cases import ReviewCase
from streaming.position.staleness import StreamLag
from tests.scenarios import leaves
from tests.support.desk import Desk, desk_of
from tests.support.pictures import data_url, file_of, levels
from tests.support.review_cases import BEGIN, BEGIN_MS, MemoryCases, tiny_prediction

NOTICE = "Illustration only. Not for gardeners."
PLAN = ReviewPlan(
    reviews_refused=True,
    verdicts=(
        ReviewVerdict(name="sick", label=True),
        ReviewVerdict(name="well", label=False),
        ReviewVerdict(name="unclear", label=None),
    ),
)
SCENARIO = replace(leaves.SCENARIO, review=PLAN, notice=NOTICE)
RULES = QueueRules(plan=PLAN, lease_seconds=60.0, due_seconds=3_600.0)
ENTRY = DeskEntry(key="review", path="/desk/{scenario}/review", roles=(Role.REVIEWER,))
SCORE = SCENARIO.feature_names.index("score")

Floats = npt.NDArray[np.float64]


class BrightAbove:
    """Scores leaves that are brighter above than below as sick."""

    def scores(self, features: Floats) -> Floats:
        """As `Predictor.scores`."""
        probabilities: Floats = 1.0 / (1.0 + np.exp(-4.0 * features[:, 0]))
        return probabilities


def model(version: str = "1") -> ScoringModel:
    """A version that reads the feature `score` alone."""
    card = ModelCard(
        scenario="leaves",
        feature_names=("score",),
        definitions_digest=SCENARIO.definitions_digest,
        seed=0,
        training_counts={},
        metrics={},
        thresholds={},
        base_rate=0.5,
        created_at="",
    )
    return ScoringModel("leaves", version, card, BrightAbove(), None, np.array([SCORE]))


@dataclass
class MemoryFiles:
    """Contents with the entities that refer to them, as `StoredFiles` has them."""

    stored: dict[str, bytes] = field(default_factory=dict)
    entities: dict[str, set[str]] = field(default_factory=dict)

    def contents(self, digests: Iterable[str]) -> Mapping[str, bytes]:
        """As `AttachmentFiles.contents`."""
        return {digest: self.stored[digest] for digest in digests if digest in self.stored}

    def is_referred(self, digest: str) -> bool:
        """As `AttachmentFiles.is_referred`."""
        return bool(self.entities.get(digest))

    def put(self, content: Content, entity: str) -> None:
        """As `AttachmentFiles.put`."""
        self.stored[content.digest] = content.stored
        self.entities.setdefault(content.digest, set()).add(entity)


@dataclass
class KnownLag:
    """A stream's lag as a test sets it."""

    lag: StreamLag = field(default_factory=lambda: StreamLag({}, 60.0))
    failure: str | None = None

    def current(self) -> StreamLag:
        """As `Lag.current`."""
        return self.lag


@dataclass
class LeafDesk:
    """The service and what stands behind it."""

    store: MemoryCases = field(default_factory=MemoryCases)
    files: MemoryFiles = field(default_factory=MemoryFiles)
    lag: KnownLag = field(default_factory=KnownLag)
    versions: dict[str, ScoringModel] = field(default_factory=lambda: {"1": model()})
    seconds_later: float = 0.0
    records: list[CaseRecord] | None = None
    moment: float = 0.0

    def __post_init__(self) -> None:
        overlays = Overlays(SCENARIO, self.version, self.files)
        self.attachments = AttachmentDesk(SCENARIO, self.files, overlays)
        self.queue = ReviewQueue(SCENARIO, RULES, lambda: nullcontext(self.store))
        lags: Mapping[str, Lag] = {"leaves": self.lag}
        parts = PageParts(
            attachments={"leaves": self.attachments},
            lags=lags,
            waiting={
                "leaves": WaitingEvents(
                    self.waiting, self.attachments.shown, clock=lambda: self.moment
                )
            },
            now=lambda: BEGIN + timedelta(seconds=self.seconds_later),
        )
        queues, desks = {"leaves": self.queue}, {"leaves": self.attachments}
        self.desk: Desk = desk_of(
            review_routes(queues),
            pages(queues, parts),
            attachment_routes(desks, queues, Capacity(4, "files")),
            scenarios={"leaves": SCENARIO},
            entries=(ENTRY,),
        )
        for name in ("ann", "bob"):
            self.desk.add_key(name, [Role.REVIEWER])

    def waiting(self) -> list[CaseRecord]:
        """The records of the events that wait; None stands for a Kafka that is away."""
        if self.records is None:
            raise KafkaDown("Kafka is away")
        return self.records

    def version(self, name: str) -> ScoringModel:
        """As `VersionLoader`."""
        if name not in self.versions:
            raise RetiredModel(f"version {name} is retired")
        return self.versions[name]

    def add_case(
        self, number: int, *, seed: int = 0, entity: str = "", **changes: Any
    ) -> ReviewCase:
        """A picture, stored, and the case of its prediction; `changes` are of the message."""
        entity = entity or f"fern {number}"
        content = content_of(levels(64, seed))
        self.files.put(content, entity)
        row = feature_row(content.stored)
        score = float(model().scores(row)[0])
        prediction = msgspec.structs.replace(
            tiny_prediction(number, score=score, scenario="leaves", entity=entity),
            band="sick" if score >= 0.5 else "well",
            action="spray",
            model=Model("leaves", "1"),
            reasons=[Reason("score", "upper half is brighter", "raises", float(row[0, SCORE]))],
            second_stage=SecondStageFinding("cause", "fungus", 0.87),
            attachments={"leaf": content.reference},
        )
        message = msgspec.to_builtins(prediction) | {"features": row[0].tolist()} | changes
        case = case_of(CaseRecord(msgspec.json.encode(message), BEGIN_MS), "leaves", RULES)
        assert case is not None
        self.store.add([case])
        return case

    def add_refused(
        self, number: int, value: bytes, code: str, *, arrived_ms: int = BEGIN_MS
    ) -> ReviewCase:
        """The case of a dead letter."""
        record = letter(number, value, code, arrived_ms=arrived_ms)
        case = refused_case(record, "leaves", RULES, self.attachments.shown)
        assert case is not None
        self.store.add([case])
        return case


def letter(
    number: int, value: bytes, code: str, *, key: bytes = b"fern 1", arrived_ms: int = BEGIN_MS
) -> CaseRecord:
    """A record of leaves.dead-letter."""
    headers = {
        "reason_code": code,
        "reason": "a sentence about it",
        "source_topic": "leaves.events",
        "source_partition": "0",
        "source_offset": str(number),
        "source_epoch": "1",
        "source_timestamp_ms": str(arrived_ms),
    }
    encoded = tuple((name, text.encode()) for name, text in headers.items())
    return CaseRecord(value, arrived_ms, key, encoded)


def blank_event(entity: str = "fern 1") -> bytes:
    """An event with a picture that shows nothing."""
    picture = np.full((64, 64), 90, dtype=np.uint8)
    return msgspec.json.encode(
        {"type": "picture", "plant": entity, "number": 1, "leaf": data_url(file_of(picture))}
    )


def content_of(picture: npt.NDArray[np.uint8]) -> Content:
    """What is stored of a picture."""
    content = leaves.LEAF.reader(NothingStored()).content_of(file_of(picture), "image/png")
    assert isinstance(content, Content)
    return content


def feature_row(stored: bytes) -> Floats:
    """The features (1, k) of a plant's first picture."""
    figures = dict(
        zip(
            (figure.name for figure in leaves.LEAF.figures),
            ImageExplainer(leaves.LEAF).figures(stored).tolist(),
            strict=True,
        )
    )
    values = [figures.get(f"leaf.{name}", 1.0) for name in SCENARIO.feature_names]
    return np.array([values])
