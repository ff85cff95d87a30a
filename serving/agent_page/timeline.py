"""What happened with a customer, newest first: events, past scores and answers of the archive."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from features.schema import TIME_FIELD, TYPE_FIELD
from scenarios.contract.records.outcomes import STATUSES
from scenarios.contract.scenario import Scenario
from serving.agent_page.card import clipped, tone_of
from serving.rows.history import Entry, HistoryPage

DAYS = 90
MOST_ENTRIES = 60
EVENT, SCORE, ANSWER = "event", "score", "answer"
# Of the drawing of past scores; a viewBox, so that it scales.
_WIDTH, _HEIGHT, _MARGIN = 600.0, 110.0, 8.0
_MOST_DETAILS = 24


class History(Protocol):
    """The archive of one scenario: see `serving.rows.history.EntityHistory`."""

    def page(self, entity: str, now: datetime, *, days: int, limit: int) -> HistoryPage:
        """The newest entries of `entity`."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the timeline.

    kind     event, score or answer; of an answer `title` is its status
    at       when it happened, or when Kafka had it where it does not say so, UTC
    score    of a score, with the band as title and its tone
    """

    kind: str
    at: datetime
    title: str
    details: Sequence[str] = ()
    score: float | None = None
    tone: str = ""


@dataclass(frozen=True)
class Curve:
    """Past scores as a drawing: `points` of a polyline, dots (x, y, tone), y of the bands' limits.

    In a box of `width` by `height`, the score 1 at the top.
    """

    points: str
    dots: Sequence[tuple[float, float, str]]
    limits: Sequence[float]
    width: float = _WIDTH
    height: float = _HEIGHT


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What the page shows; `archived_until`: to the minute; None when it is empty."""

    lines: Sequence[Line]
    curve: Curve | None
    archived_until: str | None


def timeline_of(history: HistoryPage, scenario: Scenario) -> Timeline:
    """The timeline of an entity's archived records; one that cannot be read is left out."""
    lines = [line for entry in history.entries if (line := _line(entry, scenario)) is not None]
    until = [reach.records_until for reach in history.reaches.values() if reach.records_until]
    scores = [line for line in reversed(lines) if line.score is not None]
    return Timeline(
        lines=lines,
        curve=_curve(scores, scenario),
        archived_until=_minute(min(until)) if until else None,
    )


def _line(entry: Entry, scenario: Scenario) -> Line | None:
    try:
        members = msgspec.json.decode(entry.document, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    at = datetime.fromtimestamp(entry.at_ms / 1000, UTC)
    return _READERS[entry.kind](members, at, scenario)


def _score(members: Mapping[str, Any], at: datetime, scenario: Scenario) -> Line | None:
    """None for an event that gave no prediction."""
    score, band = members.get("score"), members.get("band")
    if not isinstance(score, float | int) or not isinstance(band, str):
        return None
    tone = tone_of(band, scenario)
    return Line(kind=SCORE, at=at, title=clipped(band), score=float(score), tone=tone)


def _answer(members: Mapping[str, Any], at: datetime, scenario: Scenario) -> Line | None:
    status = members.get("status")
    if status not in STATUSES:
        return None
    texts = [members.get(name) for name in ("offer", "reason")]
    details = [clipped(text) for text in texts if isinstance(text, str) and text]
    return Line(kind=ANSWER, at=at, title=str(status), details=details)


def _event(members: Mapping[str, Any], at: datetime, scenario: Scenario) -> Line:
    envelope = {TYPE_FIELD, TIME_FIELD, scenario.schema.entity_field}
    kind = str(members.get(TYPE_FIELD))
    declared = {declared.name: declared for declared in scenario.schema.types}.get(kind)
    fields = {field.name: field for field in declared.fields} if declared else {}
    details = [
        clipped(f"{_words(name)}: {_with_unit(value, getattr(fields.get(name), 'unit', ''))}")
        for name, value in members.items()
        if name not in envelope
    ]
    return Line(
        kind=EVENT,
        at=at,
        title=clipped(declared.meaning if declared else _words(kind)),
        details=details[:_MOST_DETAILS],
    )


# By the kinds of `serving.rows.history`.
_READERS: Mapping[str, Callable[[Mapping[str, Any], datetime, Scenario], Line | None]] = {
    "events": _event,
    "predictions": _score,
    "outcomes": _answer,
}


def _curve(scores: Sequence[Line], scenario: Scenario) -> Curve | None:
    """The drawing of at least two scores in the order of time."""
    if len(scores) < 2:
        return None
    step = (_WIDTH - 2 * _MARGIN) / (len(scores) - 1)
    dots = [
        (round(_MARGIN + step * number, 1), _y(line.score or 0.0), line.tone)
        for number, line in enumerate(scores)
    ]
    return Curve(
        points=" ".join(f"{x},{y}" for x, y, _ in dots),
        dots=dots,
        limits=[_y(band.lowest_score) for band in scenario.policy.bands[1:]],
    )


def _y(score: float) -> float:
    return round(_HEIGHT - _MARGIN - score * (_HEIGHT - 2 * _MARGIN), 1)


def _minute(moment: str) -> str:
    """A time of the archive's log as people write it; another text stays as it is."""
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return clipped(moment)
    return f"{at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _with_unit(value: object, unit: str) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text} {unit}".rstrip()
