"""Cases of the tiny scenario for the review queue, and a store of them in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from scenarios.contract.review.plan import ReviewPlan
from serving.review_queue.messages import CaseRecord
from serving.review_queue.rules import QueueRules
from stores.hbase.predictions import Model, Prediction, Reason, Source
from stores.records.review_cases import RULE, ReviewCase, Sent, StoredCase, TopicPosition

BEGIN_MS = 1_800_000_000_000
BEGIN = datetime.fromtimestamp(BEGIN_MS / 1000, UTC)
RULES = QueueRules(plan=ReviewPlan(), lease_seconds=60.0, due_seconds=3_600.0)


def tiny_prediction(
    number: int, *, score: float = 0.9, entity: str = "", scenario: str = "tiny"
) -> Prediction:
    """The prediction of the event at offset `number`."""
    return Prediction(
        prediction_id=f"{scenario}-1-0-{number}-v1",
        entity=entity or f"machine {number}",
        score=score,
        band="hot" if score >= 0.5 else "ok",
        reasons=[Reason("temperature_c", "150 °C", "raises", 150.0)],
        action="stop at once",
        review=True,
        control_group=False,
        scored_at=BEGIN,
        event_time=BEGIN,
        features_as_of=BEGIN,
        valid_until=BEGIN + timedelta(days=1),
        model=Model("tiny", "1"),
        source=Source("tiny.events", 0, number),
    )


def tiny_case(number: int, *, score: float = 0.9, due_ms: int = BEGIN_MS + 3_600_000) -> ReviewCase:
    """A case that nobody has looked at."""
    return ReviewCase(
        scenario="tiny",
        prediction=tiny_prediction(number, score=score),
        sent=Sent(because=(RULE,), propensity=1.0),
        arrived_ms=BEGIN_MS,
        due_ms=due_ms,
    )


def case_record(number: int, *, score: float = 0.9, entity: str = "") -> CaseRecord:
    """A record of tiny.review."""
    value = msgspec.json.encode(tiny_prediction(number, score=score, entity=entity))
    return CaseRecord(value, BEGIN_MS)


@dataclass
class MemoryCases:
    """What `CaseTable` does, in memory; its clock stands still until a test moves it."""

    clock_ms: int = BEGIN_MS
    cells: dict[str, bytes] = field(default_factory=dict)
    marks: set[str] = field(default_factory=set)
    topic_position: TopicPosition | None = None
    letters_position: TopicPosition | None = None

    def now_ms(self) -> int:
        return self.clock_ms

    def unfinished(self) -> list[StoredCase]:
        return [*self.read(sorted(self.marks)).values()]

    def read(self, ids: Sequence[str]) -> dict[str, StoredCase]:
        cells = {case_id: self.cells[case_id] for case_id in ids if case_id in self.cells}
        return {
            case_id: StoredCase(cell, msgspec.json.decode(cell, type=ReviewCase))
            for case_id, cell in cells.items()
        }

    def all(self) -> Iterator[ReviewCase]:
        yield from (stored.case for stored in self.read(sorted(self.cells)).values())

    def add(self, cases: Sequence[ReviewCase]) -> int:
        new = [case for case in cases if case.id not in self.cells]
        self.marks |= {case.id for case in new}
        self.cells |= {case.id: msgspec.json.encode(case) for case in new}
        return len(new)

    def replace(self, before: StoredCase, after: ReviewCase) -> StoredCase | None:
        cell = msgspec.json.encode(after)
        if self.cells.get(after.id) not in (before.cell, cell):
            return None
        self.cells[after.id] = cell
        return StoredCase(cell, after)

    def reopen(self, before: StoredCase, after: ReviewCase) -> StoredCase | None:
        self.marks.add(after.id)
        return self.replace(before, after)

    def finish(self) -> int:
        over = {stored.case.id for stored in self.unfinished() if stored.case.is_finished}
        self.marks -= over
        return len(over)

    def delete(self, ids: Sequence[str]) -> None:
        for case_id in ids:
            self.cells.pop(case_id, None)
            self.marks.discard(case_id)

    def position(self, *, of_letters: bool = False) -> TopicPosition | None:
        return self.letters_position if of_letters else self.topic_position

    def write_position(self, position: TopicPosition, *, of_letters: bool = False) -> None:
        if of_letters:
            self.letters_position = position
        else:
            self.topic_position = position
