"""Who gets which case, and what becomes of it, over cases in memory."""

import threading
from collections.abc import Callable
from contextlib import nullcontext

import pytest
from msgspec.structs import replace

from serving.review_queue.errors import InputRefused, NoSuchCase, ReviewRefused
from serving.review_queue.priority import WaitingCosts
from serving.review_queue.queue import ReviewQueue
from serving.review_queue.rules import QueueRules, final_verdict
from stores.records.review_cases import Opinion, ReviewCase
from tests.scenarios.tiny import SCENARIO
from tests.support.review_cases import BEGIN_MS, RULES, MemoryCases, tiny_case

HOUR_MS = 3_600_000


@pytest.fixture
def store() -> MemoryCases:
    """A store with three cases."""
    cases = MemoryCases()
    cases.add([tiny_case(number, score=0.5 + number / 10) for number in (1, 2, 3)])
    return cases


@pytest.fixture
def queue(store: MemoryCases) -> ReviewQueue:
    """The queue over `store`."""
    return queue_over(store)


def queue_over(store: MemoryCases, rules: QueueRules = RULES) -> ReviewQueue:
    return ReviewQueue(SCENARIO, rules, lambda: nullcontext(store), monotonic=lambda: 0.0)


def claimed(queue: ReviewQueue, reviewer: str) -> ReviewCase:
    case = queue.claim_next(reviewer)
    assert case is not None
    return case


def token_of(case: ReviewCase) -> str:
    assert case.claim is not None
    return case.claim.token


def decide(queue: ReviewQueue, reviewer: str, verdict: str = "confirmed") -> ReviewCase:
    case = claimed(queue, reviewer)
    return queue.decide(reviewer, case.id, token_of(case), verdict)


def test_the_case_whose_waiting_costs_most_comes_first(queue: ReviewQueue) -> None:
    numbers = [claimed(queue, name).source.offset for name in ("ann", "bob", "cy")]
    assert numbers == [3, 2, 1]
    assert queue.claim_next("dora") is None


def test_a_case_rises_as_its_due_time_comes_near() -> None:
    costs = WaitingCosts(positive_per_hour=10.0, negative_per_hour=1.0, late=20.0)
    soon = tiny_case(1, score=0.2, due_ms=BEGIN_MS + 2 * HOUR_MS)
    later = tiny_case(2, score=0.9, due_ms=BEGIN_MS + 20 * HOUR_MS)
    assert costs.expected_per_hour(soon, BEGIN_MS) == pytest.approx(0.2 * 10 + 0.8 + 20 / 2)
    assert costs.expected_per_hour(later, BEGIN_MS) == pytest.approx(0.9 * 10 + 0.1 + 20 / 20)
    assert costs.order(soon, BEGIN_MS) < costs.order(later, BEGIN_MS)
    overdue = BEGIN_MS + 30 * HOUR_MS  # both are late: what counts is the score
    assert costs.order(later, overdue) < costs.order(soon, overdue)


def test_a_second_tab_gets_the_same_case(queue: ReviewQueue) -> None:
    first = claimed(queue, "ann")
    assert claimed(queue, "ann") == first
    assert queue.claim("ann", first.id) == first


def test_a_case_is_shown_to_nobody_else_until_its_lease_ends(
    queue: ReviewQueue, store: MemoryCases
) -> None:
    first = claimed(queue, "ann")
    with pytest.raises(ReviewRefused, match="is claimed by ann"):
        queue.claim("bob", first.id)
    store.clock_ms += 50_000
    queue.renew("ann", first.id, token_of(first))
    store.clock_ms += 50_000
    with pytest.raises(ReviewRefused, match="is claimed by ann"):
        queue.claim("bob", first.id)
    store.clock_ms += 10_000
    assert claimed(queue, "bob").id == first.id
    token = token_of(first)
    with pytest.raises(ReviewRefused, match="no longer claimed by you"):
        queue.decide("ann", first.id, token, "confirmed")
    with pytest.raises(ReviewRefused, match="no longer claimed by you"):
        queue.renew("ann", first.id, token)
    with pytest.raises(ReviewRefused, match="no longer claimed by you"):
        queue.release("ann", first.id, token)


def test_a_lease_that_ran_out_still_counts_while_nobody_has_taken_the_case(
    queue: ReviewQueue, store: MemoryCases
) -> None:
    first = claimed(queue, "ann")
    store.clock_ms += 600_000
    assert queue.decide("ann", first.id, token_of(first), "dismissed").is_decided


def test_a_released_case_is_free_at_once(queue: ReviewQueue) -> None:
    first = claimed(queue, "ann")
    queue.release("ann", first.id, token_of(first))
    assert claimed(queue, "bob").id == first.id


def test_a_snoozed_case_comes_back_later(queue: ReviewQueue, store: MemoryCases) -> None:
    first = claimed(queue, "ann")
    with pytest.raises(InputRefused, match="more than 0"):
        queue.snooze("ann", first.id, token_of(first), -1.0)
    queue.snooze("ann", first.id, token_of(first), 600.0)
    with pytest.raises(ReviewRefused, match="put off for another 600 s"):
        queue.claim("bob", first.id)
    assert claimed(queue, "bob").id != first.id
    store.clock_ms += 600_000
    assert claimed(queue, "ann").id == first.id


def test_an_assigned_case_is_one_persons(queue: ReviewQueue) -> None:
    first = claimed(queue, "ann")
    with pytest.raises(ReviewRefused, match="claimed by ann"):
        queue.reassign("bob", first.id, "bob", may_take_away=False)
    queue.reassign("boss", first.id, "cy", may_take_away=True)
    with pytest.raises(ReviewRefused, match="assigned to cy"):
        queue.claim("ann", first.id)
    assert claimed(queue, "bob").id != first.id
    assert claimed(queue, "cy").id == first.id
    queue.reassign("cy", first.id, "", may_take_away=False)
    assert queue.claim("dora", first.id).id == first.id


def test_a_decision_is_final_and_its_repeat_changes_nothing(queue: ReviewQueue) -> None:
    case = claimed(queue, "ann")
    decided = queue.decide("ann", case.id, token_of(case), "confirmed", "hot")
    assert queue.decide("ann", case.id, token_of(case), "confirmed", "hot") == decided
    with pytest.raises(ReviewRefused, match="has your verdict 'confirmed' already"):
        queue.decide("ann", case.id, token_of(case), "dismissed", "hot")
    with pytest.raises(ReviewRefused, match="is decided already"):
        queue.claim("bob", case.id)
    with pytest.raises(ReviewRefused, match="is decided already"):
        queue.decide("bob", case.id, "guessed", "dismissed")
    assert [opinion.note for opinion in decided.opinions] == ["hot"]


def test_verdicts_and_notes_are_checked(queue: ReviewQueue) -> None:
    case = claimed(queue, "ann")
    with pytest.raises(InputRefused, match=r"'maybe' is not one of \['confirmed'"):
        queue.decide("ann", case.id, token_of(case), "maybe")
    with pytest.raises(InputRefused, match="has 2001 bytes"):
        queue.decide("ann", case.id, token_of(case), "confirmed", "x" * 2_001)
    with pytest.raises(NoSuchCase, match="tiny has no case 'tiny-9'"):
        queue.claim("ann", "tiny-9")


def test_a_second_opinion_is_another_persons_and_a_third_decides_between_them(
    queue: ReviewQueue,
) -> None:
    case = claimed(queue, "ann")
    first = queue.decide("ann", case.id, token_of(case), "confirmed", wants_second=True)
    assert not first.is_decided
    with pytest.raises(ReviewRefused, match="has an opinion of ann already"):
        queue.claim("ann", case.id)
    assert decide(queue, "bob", "dismissed").id == case.id
    third = decide(queue, "cy", "dismissed")
    assert (third.id, third.is_decided) == (case.id, True)
    assert [opinion.is_final for opinion in third.opinions] == [False, False, True]
    assert final_verdict(third.opinions) == "dismissed"
    with pytest.raises(ReviewRefused, match="3 opinions"):
        queue.want_second_opinion(case.id)


def test_a_decided_case_can_get_a_second_opinion(queue: ReviewQueue, store: MemoryCases) -> None:
    case = decide(queue, "ann")
    stored = store.read([case.id])[case.id]
    store.replace(stored, replace(case, published=1))
    assert store.finish() == 1
    assert not queue.want_second_opinion(case.id).is_decided
    assert case.id in {stored.case.id for stored in store.unfinished()}
    assert decide(queue, "bob").id == case.id


def test_three_different_verdicts_leave_the_last_one() -> None:
    opinions = [Opinion(reviewer=name, verdict=name, at_ms=0) for name in ("a", "b", "c")]
    assert final_verdict(opinions) == "c"
    assert final_verdict(opinions[:1]) == "a"


def test_a_share_of_the_cases_is_decided_by_two() -> None:
    rules = replace_share(0.25)
    wanted = [rules.opinions_wanted(f"tiny-1-0-{number}-v1") for number in range(2_000)]
    assert 0.2 < wanted.count(2) / 2_000 < 0.3
    assert wanted == [rules.opinions_wanted(f"tiny-1-0-{number}-v1") for number in range(2_000)]
    assert RULES.opinions_wanted("tiny-1-0-1-v1") == 1


def replace_share(share: float) -> QueueRules:
    return QueueRules(plan=RULES.plan, second_opinion_share=share)


class SlowCases(MemoryCases):
    """Threads meet between reading a case and changing it."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = threading.Lock()

    def replace(self, before, after):  # type: ignore[no-untyped-def]
        with self.turn:
            return super().replace(before, after)


def test_of_many_at_once_each_gets_another_case() -> None:
    store = SlowCases()
    store.add([tiny_case(number) for number in range(12)])
    queues = [queue_over(store) for _ in range(3)]  # three processes
    cases: list[str] = []

    def work(queue: ReviewQueue, reviewer: str) -> None:
        cases.append(claimed(queue, reviewer).id)

    threads = [
        threading.Thread(target=work, args=(queues[number % 3], f"reviewer {number}"))
        for number in range(12)
    ]
    run_all(threads, threading.Thread.start, threading.Thread.join)
    assert sorted(cases) == sorted(store.cells)


def run_all(
    threads: list[threading.Thread], *actions: Callable[[threading.Thread], object]
) -> None:
    for action in actions:
        for thread in threads:
            action(thread)
