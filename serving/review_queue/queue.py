"""The queue of one scenario: who gets which case, and what becomes of it.

Each change reads the case's cell, computes the next state and writes it where the old one still
stands. So whichever process or tab is second is refused, and nothing has to be locked. The list of
cases that a process has in memory only proposes whom to try: it may be old, never wrong.
"""

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from scenarios.contract.scenario import Scenario
from serving.review_queue.case_store import CaseStore, OpenStore
from serving.review_queue.errors import NoSuchCase, ReviewRefused
from serving.review_queue.rules import QueueRules
from stores.records.review_cases import Opinion, ReviewCase, StoredCase

# How old the list in memory may be when the next case is looked for, and how many times as old as
# reading it takes.
_LIST_SECONDS = 1.0
_LIST_FACTOR = 10.0
_TRIES = 20

Change = Callable[[ReviewCase, int], ReviewCase]


@dataclass
class _Listed:
    """The unfinished cases as this process last saw them."""

    cases: dict[str, StoredCase] = field(default_factory=dict)
    read_again_at: float = float("-inf")
    being_tried: set[str] = field(default_factory=set)
    turn: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class ReviewQueue:
    """The queue of `scenario`; every method raises `StoreDown` or `TableMissing`."""

    scenario: Scenario
    rules: QueueRules
    open_store: OpenStore
    monotonic: Callable[[], float] = time.monotonic
    _listed: _Listed = field(default_factory=_Listed, repr=False)

    def claim_next(self, reviewer: str) -> ReviewCase | None:
        """The case that `reviewer` holds already, else the first that can be claimed; None: none.

        A browser that was closed, or a second tab, so comes back to the same case.
        """
        with self.open_store() as store:
            for is_fresh in (False, True):
                case = self._claim_from_list(store, reviewer, is_fresh=is_fresh)
                if case is not None:
                    return case
        return None

    def held(self, reviewer: str) -> ReviewCase | None:
        """The case that `reviewer` holds now; None without one."""
        with self.open_store() as store:
            for is_fresh in (False, True):
                now_ms = store.now_ms()
                listed = self._list(store, is_fresh=is_fresh).values()
                mine = [s.case.id for s in listed if s.case.claimed_by(now_ms) == reviewer]
                for stored in store.read(mine).values():
                    if stored.case.claimed_by(now_ms) == reviewer:
                        return stored.case
        return None

    def claim(self, reviewer: str, case_id: str) -> ReviewCase:
        """Claim this case; raises `NoSuchCase` or `ReviewRefused`."""
        token = secrets.token_hex(8)
        with self.open_store() as store:
            return self._changed(
                store,
                case_id,
                lambda case, now_ms: self.rules.claimed(case, reviewer, token, now_ms),
            )

    def renew(self, reviewer: str, case_id: str, token: str) -> ReviewCase:
        """Keep a claim for another lease; raises `NoSuchCase` or `ReviewRefused`."""
        with self.open_store() as store:
            return self._changed(
                store,
                case_id,
                lambda case, now_ms: self.rules.renewed(case, reviewer, token, now_ms),
            )

    def release(self, reviewer: str, case_id: str, token: str) -> ReviewCase:
        """Give a claimed case back; raises as `renew`."""
        with self.open_store() as store:
            return self._changed(
                store, case_id, lambda case, _: self.rules.released(case, reviewer, token)
            )

    def snooze(self, reviewer: str, case_id: str, token: str, seconds: float) -> ReviewCase:
        """Put a claimed case off; raises as `renew`, and `InputRefused` for a wrong time."""
        with self.open_store() as store:
            return self._changed(
                store,
                case_id,
                lambda case, now_ms: self.rules.snoozed(case, reviewer, token, seconds, now_ms),
            )

    def reassign(
        self, caller: str, case_id: str, assignee: str, *, may_take_away: bool
    ) -> ReviewCase:
        """Give the case to `assignee` ("": to everybody).

        may_take_away: also while somebody else holds it. Raises `NoSuchCase` or `ReviewRefused`.
        """

        def change(case: ReviewCase, now_ms: int) -> ReviewCase:
            holder = case.claimed_by(now_ms)
            if holder not in ("", caller) and not may_take_away:
                raise ReviewRefused(f"case {case.id} is claimed by {holder}")
            return self.rules.reassigned(case, assignee)

        with self.open_store() as store:
            return self._changed(store, case_id, change)

    def decide(
        self,
        reviewer: str,
        case_id: str,
        token: str,
        verdict: str,
        note: str = "",
        *,
        wants_second: bool = False,
    ) -> ReviewCase:
        """Store the opinion of `reviewer`, who holds the case under `token`.

        A repeat of the same call, after an answer that was lost, finds its own opinion and changes
        nothing. Raises `NoSuchCase`, `InputRefused` or `ReviewRefused`.
        """

        def change(case: ReviewCase, now_ms: int) -> ReviewCase:
            for earlier in case.opinions:
                if (earlier.reviewer, earlier.token) == (reviewer, token):
                    if (earlier.verdict, earlier.note) == (verdict, note):
                        return case
                    raise ReviewRefused(
                        f"case {case.id} has your verdict {earlier.verdict!r} already; it stays"
                    )
            opinion = Opinion(
                reviewer=reviewer, verdict=verdict, at_ms=now_ms, note=note, token=token
            )
            return self.rules.decided(case, opinion, wants_second=wants_second)

        with self.open_store() as store:
            return self._changed(store, case_id, change)

    def want_second_opinion(self, case_id: str) -> ReviewCase:
        """Have one more person decide the case; raises `NoSuchCase` or `ReviewRefused`."""
        with self.open_store() as store:
            return self._changed(
                store,
                case_id,
                lambda case, _: self.rules.with_second_opinion(case),
                reopens=True,
            )

    def now_ms(self) -> int:
        """The store's time, UTC epoch ms."""
        with self.open_store() as store:
            return store.now_ms()

    def case(self, case_id: str) -> tuple[ReviewCase, int]:
        """The case and the store's time in ms; raises `NoSuchCase`."""
        with self.open_store() as store:
            return self._read(store, case_id).case, store.now_ms()

    def waiting(self) -> tuple[Sequence[ReviewCase], int]:
        """The cases that are not decided, first ones first, and the store's time in ms."""
        with self.open_store() as store:
            now_ms = store.now_ms()
            cases = [stored.case for stored in self._list(store).values()]
        undecided = [case for case in cases if not case.is_decided]
        return sorted(undecided, key=lambda case: self.rules.costs.order(case, now_ms)), now_ms

    def decided(self) -> Sequence[ReviewCase]:
        """Every case with an opinion; reads all there ever were."""
        with self.open_store() as store:
            return [case for case in store.all() if case.opinions]

    def _claim_from_list(
        self, store: CaseStore, reviewer: str, *, is_fresh: bool
    ) -> ReviewCase | None:
        now_ms = store.now_ms()
        cases = [stored.case for stored in self._list(store, is_fresh=is_fresh).values()]
        held = [case for case in cases if case.claimed_by(now_ms) == reviewer]
        free = [case for case in cases if not self.rules.why_not(case, reviewer, now_ms)]
        free.sort(key=lambda case: self.rules.costs.order(case, now_ms))
        ids = [case.id for case in (*held, *free)][:_TRIES]
        current = store.read(ids)  # the list may be a second old
        for stored in current.values():
            self._note(stored)
        for case_id in ids:
            if case_id in current:
                claimed_case = self._try(store, current[case_id], reviewer, now_ms)
                if claimed_case is not None:
                    return claimed_case
        return None

    def _try(
        self, store: CaseStore, before: StoredCase, reviewer: str, now_ms: int
    ) -> ReviewCase | None:
        """The case, claimed; None when somebody was quicker, also one in this process."""
        case_id = before.case.id
        with self._listed.turn:
            if case_id in self._listed.being_tried:
                return None
            self._listed.being_tried.add(case_id)
        try:
            after = self.rules.claimed(before.case, reviewer, secrets.token_hex(8), now_ms)
            stored = store.replace(before, after)
        except ReviewRefused:
            return None
        finally:
            with self._listed.turn:
                self._listed.being_tried.discard(case_id)
        if stored is None:
            return None
        self._note(stored)
        return stored.case

    def _changed(
        self, store: CaseStore, case_id: str, change: Change, *, reopens: bool = False
    ) -> ReviewCase:
        """The case after `change`, which sees its current state, however often that changes."""
        for _ in range(_TRIES):
            before = self._read(store, case_id)
            after = change(before.case, store.now_ms())
            if after == before.case:
                return after
            stored = store.reopen(before, after) if reopens else store.replace(before, after)
            if stored is not None:
                self._note(stored)
                return stored.case
        raise ReviewRefused(f"case {case_id} changes all the time; try again")

    def _read(self, store: CaseStore, case_id: str) -> StoredCase:
        stored = store.read([case_id]).get(case_id)
        if stored is None:
            with self._listed.turn:
                self._listed.cases.pop(case_id, None)
            raise NoSuchCase(f"{self.scenario.name} has no case {case_id!r}")
        self._note(stored)
        return stored

    def _note(self, stored: StoredCase) -> None:
        with self._listed.turn:
            if stored.case.is_finished:
                self._listed.cases.pop(stored.case.id, None)
            else:
                self._listed.cases[stored.case.id] = stored

    def _list(self, store: CaseStore, *, is_fresh: bool = False) -> dict[str, StoredCase]:
        with self._listed.turn:
            began = self.monotonic()
            if not is_fresh and began < self._listed.read_again_at:
                return dict(self._listed.cases)
        cases = {stored.case.id: stored for stored in store.unfinished()}
        pause = max(_LIST_SECONDS, _LIST_FACTOR * (self.monotonic() - began))
        with self._listed.turn:
            self._listed.cases, self._listed.read_again_at = cases, began + pause
            return dict(cases)
