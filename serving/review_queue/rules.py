"""How a scenario's queue works: leases, due times, second opinions, and the changes of a case.

The changes are pure: a case in, a case out, or a refusal. Whoever calls them writes the result by
compare-and-set, so of two changes of one state one happens.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from scenarios.contract.review.decisions import MAX_NOTE_BYTES
from scenarios.contract.review.plan import SEEN, ReviewPlan
from scenarios.contract.shares import is_in_share
from serving.review_queue.errors import InputRefused, ReviewRefused
from serving.review_queue.priority import WaitingCosts
from stores.records.review_cases import Claim, Opinion, ReviewCase

_MOST_OPINIONS = 3


@dataclass(frozen=True, kw_only=True)
class QueueRules:
    """How the queue of one scenario works.

    lease_seconds         a claim that is not renewed ends after it
    due_seconds           from a case's arrival to its due time
    most_snooze_seconds   the longest time for which a case can be put off
    second_opinion_share  of the cases two people decide, chosen by a stable hash; they measure how
                          far reviewers agree
    """

    plan: ReviewPlan
    costs: WaitingCosts = field(default_factory=WaitingCosts)
    lease_seconds: float = 120.0
    due_seconds: float = 86_400.0
    most_snooze_seconds: float = 7 * 86_400.0
    second_opinion_share: float = 0.0

    def verdicts_of(self, case: ReviewCase) -> list[str]:
        """The answers that can be given to `case`.

        Of an event that was not analysed the plan's only where something of it can be shown.
        """
        names = [verdict.name for verdict in self.plan.verdicts]
        if case.refused is None:
            return names
        return [*names, SEEN] if case.attachments else [SEEN]

    def opinions_wanted(self, prediction_id: str) -> int:
        """How many people decide this case."""
        salt = "review:second-opinion"
        return 2 if is_in_share(prediction_id, self.second_opinion_share, salt=salt) else 1

    def why_not(self, case: ReviewCase, reviewer: str, now_ms: int) -> str:
        """Why `reviewer` cannot claim `case` now; "" when nothing is in the way."""
        holder = case.claimed_by(now_ms)
        if case.is_decided:
            return "is decided already"
        if has_opinion(case, reviewer):
            return f"has an opinion of {reviewer} already; the next one is another person's"
        if holder not in ("", reviewer):
            return f"is claimed by {holder}"
        if case.assignee not in ("", reviewer):
            return f"is assigned to {case.assignee}"
        if case.snoozed_until_ms > now_ms and holder != reviewer:
            return f"is put off for another {(case.snoozed_until_ms - now_ms) / 1000:,.0f} s"
        return ""

    def claimed(self, case: ReviewCase, reviewer: str, token: str, now_ms: int) -> ReviewCase:
        """`case`, claimed by `reviewer`; a claim of the same person goes on with its token."""
        if reason := self.why_not(case, reviewer, now_ms):
            raise ReviewRefused(f"case {case.id} {reason}")
        if case.claim is not None and case.claimed_by(now_ms) == reviewer:
            token = case.claim.token
        claim = Claim(reviewer=reviewer, token=token, until_ms=self._until(now_ms))
        return replace(case, claim=claim, snoozed_until_ms=0)

    def renewed(self, case: ReviewCase, reviewer: str, token: str, now_ms: int) -> ReviewCase:
        """The claim lasts for another lease; also one that ran out and that nobody took over."""
        claim = self.held(case, reviewer, token)
        return replace(case, claim=replace(claim, until_ms=self._until(now_ms)))

    def released(self, case: ReviewCase, reviewer: str, token: str) -> ReviewCase:
        """The claim ends; others can claim the case at once."""
        self.held(case, reviewer, token)
        return replace(case, claim=None)

    def snoozed(
        self, case: ReviewCase, reviewer: str, token: str, seconds: float, now_ms: int
    ) -> ReviewCase:
        """The claim ends, and nobody gets the case for `seconds`."""
        self.held(case, reviewer, token)
        if not 0.0 < seconds <= self.most_snooze_seconds:
            raise InputRefused(
                f"a case is put off for more than 0 and at most {self.most_snooze_seconds:,.0f} s, "
                f"got {seconds:,.0f}"
            )
        return replace(case, claim=None, snoozed_until_ms=now_ms + round(seconds * 1000))

    def reassigned(self, case: ReviewCase, assignee: str) -> ReviewCase:
        """Only `assignee` can claim it from now on ("": everybody can); a claim ends."""
        if case.is_decided:
            raise ReviewRefused(f"case {case.id} is decided already")
        if has_opinion(case, assignee):
            raise ReviewRefused(
                f"case {case.id} has an opinion of {assignee} already; name another person"
            )
        return replace(case, claim=None, assignee=assignee, snoozed_until_ms=0)

    def decided(
        self, case: ReviewCase, opinion: Opinion, *, wants_second: bool = False
    ) -> ReviewCase:
        """`case` with the opinion of who holds it.

        Two opinions with different verdicts ask for a third one. wants_second: at least two people
        decide it.
        """
        self.held(case, opinion.reviewer, opinion.token)
        names = self.verdicts_of(case)
        if opinion.verdict not in names:
            raise InputRefused(f"verdict {opinion.verdict!r} is not one of {names}")
        if opinion.verdict == SEEN and case.refused is not None and not opinion.note.strip():
            raise InputRefused(f"the verdict {SEEN!r} needs a note: what becomes of the event")
        size = len(opinion.note.encode())
        if size > MAX_NOTE_BYTES:
            raise InputRefused(f"the note has {size} bytes; allowed are {MAX_NOTE_BYTES}")
        wanted = max(case.opinions_wanted, 2 if wants_second else 1)
        if [earlier.verdict for earlier in case.opinions] not in ([], [opinion.verdict]):
            wanted = _MOST_OPINIONS
        is_final = len(case.opinions) + 1 >= wanted
        opinions = (*case.opinions, replace(opinion, is_final=is_final))
        return replace(case, opinions=opinions, opinions_wanted=wanted, claim=None, assignee="")

    def with_second_opinion(self, case: ReviewCase) -> ReviewCase:
        """One more person decides `case`, also after it was decided."""
        if len(case.opinions) >= _MOST_OPINIONS:
            raise ReviewRefused(f"case {case.id} has {_MOST_OPINIONS} opinions, the most there are")
        return replace(case, opinions_wanted=max(case.opinions_wanted, len(case.opinions) + 1, 2))

    def held(self, case: ReviewCase, reviewer: str, token: str) -> Claim:
        """The claim of `reviewer` with `token`; raises `ReviewRefused` when it is over.

        One that ran out still counts for as long as nobody else has taken the case: no other person
        has seen it.
        """
        claim = case.claim
        if claim is None or (claim.reviewer, claim.token) != (reviewer, token):
            state = "is decided already" if case.is_decided else "is no longer claimed by you"
            raise ReviewRefused(f"case {case.id} {state}; nothing was changed")
        return claim

    def _until(self, now_ms: int) -> int:
        return now_ms + round(self.lease_seconds * 1000)


def has_opinion(case: ReviewCase, reviewer: str) -> bool:
    """Whether `reviewer` has decided `case`."""
    return any(opinion.reviewer == reviewer for opinion in case.opinions)


def final_verdict(opinions: Sequence[Opinion]) -> str:
    """What a case with these opinions, at least one, is decided to be.

    The verdict of most of them; where all differ, the last one's.
    """
    verdict, count = Counter(opinion.verdict for opinion in opinions).most_common(1)[0]
    return verdict if count > 1 else opinions[-1].verdict
