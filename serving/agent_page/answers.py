"""What the customer answered: outcomes that the page posts, each once, and what it has posted."""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from scenarios.contract.records.outcomes import ACCEPTED, REFUSED, STATUSES

Post = Callable[[Mapping[str, Any]], str]

# An acceptance that was recorded by mistake is refused by a later outcome with this reason; the
# last answer to a prediction counts.
MISTAKE = "recorded by mistake"
# What customers say most often; they are recorded in English whatever the page's language.
REASONS = ("too expensive", "no need", "wants to think about it", "other provider", "no time")
_MOST_PREDICTIONS = 10_000
_MOST_ANSWERS = 10
_TURNS = 64


class AnswerRefused(ValueError):
    """The form does not hold an outcome; `text` is the key of the sentence that says why."""

    exit_code = 2

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One outcome of the form.

    status: shown, accepted or refused; reason: needed where it is refused; cost: in the scenario's
    currency
    """

    entity: str
    prediction_id: str
    status: str
    offer: str = ""
    reason: str = ""
    cost: float | None = None
    agent: str = ""

    def document(self) -> dict[str, Any]:
        """The outcome of `scenarios.contract.records.outcomes`, without type and time."""
        members = {
            "prediction_id": self.prediction_id,
            "entity": self.entity,
            "status": self.status,
            "reason": self.reason,
            "offer": self.offer,
            "cost": self.cost,
            "agent": self.agent,
        }
        return {name: value for name, value in members.items() if value not in ("", None)}


@dataclass(frozen=True, kw_only=True)
class PostedAnswer:
    """An answer that Kafka has: where, and when it was posted (UTC)."""

    answer: Answer
    position: str
    at: datetime


def answer_in(fields: Mapping[str, str], *, entity: str, agent: str) -> Answer:
    """The answer of a form; raises `AnswerRefused`."""
    status = fields.get("status", "")
    if status not in STATUSES:
        raise AnswerRefused("agent.needs_status")
    reason = fields.get("reason_text", "").strip() or fields.get("reason", "").strip()
    if status == REFUSED and not reason:
        raise AnswerRefused("agent.needs_reason")
    return Answer(
        entity=entity,
        prediction_id=fields.get("prediction_id", ""),
        status=status,
        offer=fields.get("offer", "").strip(),
        reason=reason if status == REFUSED else "",
        cost=_cost(fields.get("cost", "")),
        agent=agent,
    )


def undoing(answer: Answer) -> Answer:
    """The later outcome that takes back an acceptance; raises `AnswerRefused` for another one."""
    if answer.status != ACCEPTED:
        raise AnswerRefused("agent.cannot_undo")
    return Answer(
        entity=answer.entity,
        prediction_id=answer.prediction_id,
        status=REFUSED,
        offer=answer.offer,
        reason=MISTAKE,
        agent=answer.agent,
    )


@dataclass
class AnswerBook:
    """Posts answers; the same one twice in a row is posted once, for two presses of one key.

    The book remembers what this process posted for the last 10,000 predictions. Another process
    posts a repeated answer again: monitoring counts it as a duplicate, by its prediction id.
    """

    post: Post
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _posted: OrderedDict[str, tuple[PostedAnswer, ...]] = field(
        default_factory=OrderedDict, repr=False
    )
    _change: Lock = field(default_factory=Lock, repr=False)
    _turns: Sequence[Lock] = field(
        default_factory=lambda: [Lock() for _ in range(_TURNS)], repr=False
    )

    def add(self, answer: Answer) -> PostedAnswer:
        """Post `answer`, unless it repeats the last one; raises what `post` raises."""
        # The second press of a key waits until the first one is acknowledged.
        with self._turns[hash(answer.prediction_id) % _TURNS]:
            earlier = self.of(answer.prediction_id)
            if earlier and earlier[-1].answer == answer:
                return earlier[-1]
            position = self.post(answer.document())
            posted = PostedAnswer(answer=answer, position=position, at=self.now())
            with self._change:
                self._posted[answer.prediction_id] = (*earlier, posted)[-_MOST_ANSWERS:]
                self._posted.move_to_end(answer.prediction_id)
                if len(self._posted) > _MOST_PREDICTIONS:
                    self._posted.popitem(last=False)
        return posted

    def of(self, prediction_id: str) -> Sequence[PostedAnswer]:
        """The last ten that this process posted for a prediction, oldest first."""
        with self._change:
            return self._posted.get(prediction_id, ())


def _cost(text: str) -> float | None:
    """A number with decimal point or comma; None for an empty field."""
    if not text.strip():
        return None
    try:
        cost = float(text.strip().replace(",", "."))
    except ValueError:
        raise AnswerRefused("agent.needs_number") from None
    if not (math.isfinite(cost) and cost >= 0):
        raise AnswerRefused("agent.needs_number")
    return cost
