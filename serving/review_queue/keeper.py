"""Fills the queue and publishes its decisions; one at a time for each scenario.

Cases come from `S.review`, and from `S.dead-letter` where the scenario's plan says so.

Each step may be interrupted and is repeated by whoever comes next. Cases are stored before the
position up to which the topic was read; a decision is stored before it is published, and its mark
is removed after that. So no case and no decision is lost, a case that is read twice is one case,
and a decision that is sent twice has one id.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from msgspec.structs import replace

from scenarios.contract.review.decisions import decision_document
from serving.review_queue.case_store import CaseStore
from serving.review_queue.messages import (
    CaseRecord,
    Shown,
    case_of,
    decisions_of,
    is_erased,
    refused_case,
)
from serving.review_queue.rules import QueueRules
from stores.records.erasures import ErasedEntities
from stores.records.review_cases import ReviewCase, TopicPosition

# How much longer the pause between two looks at all unfinished cases is than the look itself.
_PAUSE_FACTOR = 10.0

Log = Callable[[str], None]


@dataclass(frozen=True)
class CaseRecords:
    """The next records and the position after them."""

    records: Sequence[CaseRecord]
    position: TopicPosition


class CaseTopic(Protocol):
    """Where cases come from."""

    def after(self, position: TopicPosition | None) -> CaseRecords:
        """The next records, as many as there are at once, at most some hundreds."""
        ...


# Sends records (key, value), and returns when Kafka has all of them; raises `KafkaDown`.
Publish = Callable[[Sequence[tuple[bytes, bytes]]], None]


def nothing_shown(strings: Mapping[str, str]) -> Mapping[str, str]:
    """Of no event anything can be shown."""
    return {}


@dataclass
class Keeper:
    """What is done for the queue of a scenario beside its reviewers.

    letters  the topic of dead letters, where the plan makes them cases
    shown    what can be shown of the event of a dead letter
    """

    scenario: str
    rules: QueueRules
    store: CaseStore
    topic: CaseTopic
    publish: Publish
    erased: Callable[[], ErasedEntities] = ErasedEntities
    log: Log = lambda _: None
    monotonic: Callable[[], float] = time.monotonic
    letters: CaseTopic | None = None
    shown: Shown = nothing_shown
    _look_at: float = field(default=float("-inf"), repr=False)

    def step(self) -> int:
        """Fill, publish and tidy up once; returns how many records and decisions that were.

        Raises `StoreDown`, `TableMissing`, `KafkaDown` or `TopicMissing`; it may be called again.
        """
        return self.fill() + self.publish_decisions()

    def fill(self) -> int:
        """Store the next cases of the topics; returns how many records were read."""
        count = self._fill(
            self.topic, lambda record: case_of(record, self.scenario, self.rules), of_letters=False
        )
        if self.letters is None:
            return count
        return count + self._fill(
            self.letters,
            lambda record: refused_case(record, self.scenario, self.rules, self.shown),
            of_letters=True,
        )

    def _fill(
        self,
        topic: CaseTopic,
        read_case: Callable[[CaseRecord], ReviewCase | None],
        *,
        of_letters: bool,
    ) -> int:
        position = self.store.position(of_letters=of_letters)
        batch = topic.after(position)
        if not batch.records and batch.position == position:
            return 0
        erased = self.erased()
        cases, refused = [], 0
        for record in batch.records:
            case = read_case(record)
            if case is None:
                refused += 1
            elif not is_erased(case, erased):
                cases.append(case)
        self.store.add(cases)
        if refused and not of_letters:
            self.log(f"{refused:,} records of {self.scenario}.review are no cases: left out")
        refused += batch.position.refused
        self.store.write_position(replace(batch.position, refused=refused), of_letters=of_letters)
        return len(batch.records)

    def publish_decisions(self) -> int:
        """Send the opinions that Kafka does not have yet; returns how many."""
        began = self.monotonic()
        if began < self._look_at:
            return 0
        unfinished = self.store.unfinished()
        self._look_at = began + _PAUSE_FACTOR * (self.monotonic() - began)
        pending = [s for s in unfinished if s.case.published < len(s.case.opinions)]
        records = [
            (decision.entity.encode(), decision_document(decision))
            for stored in pending
            for decision in decisions_of(stored.case, self.rules)[stored.case.published :]
        ]
        if records:
            self.publish(records)
        for stored in pending:
            # Changed meanwhile: the next step sends what is missing, and this again, under its id.
            self.store.replace(stored, replace(stored.case, published=len(stored.case.opinions)))
        if pending or any(stored.case.is_finished for stored in unfinished):
            self.store.finish()
        return len(records)
