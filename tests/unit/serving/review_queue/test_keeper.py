"""Cases come into the queue once, decisions go out at least once, whatever dies in between."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

import msgspec
import pytest

from scenarios.contract.review.decisions import decision_in
from serving.review_queue.keeper import CaseRecords, Keeper
from serving.review_queue.messages import CaseRecord, case_of, decisions_of
from serving.review_queue.queue import ReviewQueue
from stores.kafka.errors import KafkaDown
from stores.records.erasures import ErasedEntities, Erasure, mark_of
from stores.records.review_cases import DISAGREEMENT, OtherVerdict, Sent, TopicPosition
from tests.scenarios.tiny import SCENARIO
from tests.support.review_cases import (
    BEGIN_MS,
    RULES,
    MemoryCases,
    case_record,
    tiny_prediction,
)


@dataclass
class ListedTopic:
    """A topic of one partition with some records."""

    records: list[CaseRecord]
    at_once: int = 2

    def after(self, position: TopicPosition | None) -> CaseRecords:
        position = position or TopicPosition(topic_id="t", next={})
        begin = position.next.get(0, 0)
        batch = self.records[begin : begin + self.at_once]
        after = msgspec.structs.replace(position, next={0: begin + len(batch)})
        return CaseRecords(batch, after if batch else position)


@dataclass
class Published:
    """What Kafka got; `is_down`: it takes nothing."""

    records: list[tuple[bytes, bytes]] = field(default_factory=list)
    is_down: bool = False

    def __call__(self, records: Sequence[tuple[bytes, bytes]]) -> None:
        if self.is_down:
            raise KafkaDown("Kafka is away")
        self.records += records

    @property
    def ids(self) -> list[str]:
        decisions = [decision_in(value) for _, value in self.records]
        return [decision.decision_id for decision in decisions if decision is not None]


def keeper_over(
    store: MemoryCases,
    records: list[CaseRecord],
    published: Published | None = None,
    erased: ErasedEntities | None = None,
) -> Keeper:
    return Keeper(
        "tiny",
        RULES,
        store,
        ListedTopic(records),
        published or Published(),
        erased=lambda: erased or ErasedEntities(),
        monotonic=lambda: 0.0,
    )


def decide(store: MemoryCases, verdict: str = "confirmed", *, reviewer: str = "ann") -> str:
    queue = ReviewQueue(SCENARIO, RULES, lambda: nullcontext(store))
    case = queue.claim_next(reviewer)
    assert case is not None
    assert case.claim is not None
    queue.decide(reviewer, case.id, case.claim.token, verdict)
    return case.id


def test_every_case_comes_in_once_however_often_the_topic_is_read() -> None:
    store, records = MemoryCases(), [case_record(number) for number in range(5)]
    keeper = keeper_over(store, records)
    while keeper.step():
        pass
    assert len(store.cells) == 5
    decided = decide(store)
    cells = dict(store.cells)
    store.topic_position = None  # the position was lost, or written after a kill only
    keeper = keeper_over(store, [*records, records[0]])
    while keeper.fill():
        pass
    assert store.cells == cells
    assert decided in store.marks


def test_a_killed_fill_is_continued_where_its_position_stands() -> None:
    store, records = MemoryCases(), [case_record(number) for number in range(4)]
    case = case_of(records[0], "tiny", RULES)
    assert case is not None
    store.add([case])  # and then it died, before the position
    keeper = keeper_over(store, records)
    assert [keeper.fill(), keeper.fill(), keeper.fill()] == [2, 2, 0]
    assert len(store.cells) == 4


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{}",
        b"\xff",
        b"[" * 10_000,
        msgspec.json.encode(tiny_prediction(1)).replace(b"tiny-1", b"other-1"),
        msgspec.json.encode(tiny_prediction(1))[:-1]
        + b',"sent":{"because":["random"],"propensity":0}}',
    ],
)
def test_a_record_that_is_no_case_is_left_out_and_counted(value: bytes) -> None:
    store = MemoryCases()
    keeper = keeper_over(store, [CaseRecord(value, BEGIN_MS), case_record(2)])
    assert keeper.fill() == 2
    assert [*store.cells] == ["tiny-1-0-2-v1"]
    assert store.topic_position is not None
    assert store.topic_position.refused == 1


def test_why_a_case_was_sent_is_read_from_its_message() -> None:
    other = OtherVerdict(version="2", score=0.1, band="ok")
    sent = Sent(because=(DISAGREEMENT,), propensity=1.0, other=other)
    value = msgspec.json.encode(tiny_prediction(1))[:-1] + b',"sent":%b}' % msgspec.json.encode(
        sent
    )
    case = case_of(CaseRecord(value, BEGIN_MS), "tiny", RULES)
    assert case is not None
    assert case.sent == sent
    assert case.due_ms == BEGIN_MS + 3_600_000


def test_decisions_are_published_and_their_cases_are_finished() -> None:
    store, published = MemoryCases(), Published()
    keeper = keeper_over(store, [case_record(1), case_record(2)], published)
    keeper.step()
    first = decide(store)
    published.is_down = True
    with pytest.raises(KafkaDown):
        keeper.step()
    assert store.read([first])[first].case.published == 0
    published.is_down = False
    assert keeper.step() == 1
    assert keeper.step() == 0
    assert published.ids == [f"{first}/1"]
    assert first not in store.marks
    decision = decision_in(published.records[0][1])
    assert decision is not None
    assert (decision.label, decision.propensity, decision.reviewer) == (1, 1.0, "ann")
    assert published.records[0][0] == decision.entity.encode()


def test_a_decision_that_was_sent_before_a_kill_is_sent_again_under_its_id() -> None:
    class Dies(MemoryCases):
        def replace(self, before, after):  # type: ignore[no-untyped-def]
            if after.published:
                raise KeyboardInterrupt
            return super().replace(before, after)

    store, published = Dies(), Published()
    keeper = keeper_over(store, [case_record(1)], published)
    keeper.step()
    first = decide(store)
    with pytest.raises(KeyboardInterrupt):
        keeper.step()
    survivor = MemoryCases(store.clock_ms, store.cells, store.marks, store.topic_position)
    assert keeper_over(survivor, [], published).publish_decisions() == 1
    assert published.ids == [f"{first}/1"] * 2
    assert published.records[0] == published.records[1]


def test_a_later_opinion_leaves_earlier_decisions_as_they_were() -> None:
    store, published = MemoryCases(), Published()
    keeper = keeper_over(store, [case_record(1)], published)
    keeper.step()
    first = decide(store)
    keeper.step()
    queue = ReviewQueue(SCENARIO, RULES, lambda: nullcontext(store))
    queue.want_second_opinion(first)
    again = decisions_of(store.read([first])[first].case, RULES)
    assert [decision.is_final for decision in again] == [True]
    decide(store, "dismissed", reviewer="bob")
    keeper.step()
    decide(store, "dismissed", reviewer="cy")
    keeper.step()
    assert published.ids == [f"{first}/{number}" for number in (1, 2, 3)]
    decisions = [decision_in(value) for _, value in published.records]
    assert [(d.is_final, d.label) for d in decisions if d] == [(True, 1), (False, None), (True, 0)]
    assert first not in store.marks


def test_cases_of_an_erased_customer_stay_out() -> None:
    erasure = Erasure(
        id="1",
        salt="s",
        marks=(mark_of("machine 1", "s"),),
        reason="asked",
        begun_at="2020-01-01T00:00:00+00:00",
        epoch=1,
        first_offsets={0: 5},
    )
    records = [case_record(number, entity="machine 1") for number in (1, 7)]
    store = MemoryCases()
    keeper_over(store, records, erased=ErasedEntities((erasure,))).fill()
    assert [*store.cells] == ["tiny-1-0-7-v1"]
