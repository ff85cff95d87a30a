"""The members of an event's JSON object, or what is wrong with its bytes as JSON (rules 1 to 3)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.events import reasons
from features.events.fast import kernel
from features.events.rules import MAX_NESTING, Finding

MAX_SHOWN = 60
_USUAL_MEMBERS = 256  # as many as 1 KiB can hold

_FAULTS = {
    kernel.NO_VALUE: "expected a value",
    kernel.NO_KEY: "expected a key in quotes",
    kernel.NO_COLON: "expected a colon",
    kernel.NO_COMMA: "expected a comma or the end of the list or object",
    kernel.NO_END: "a string has no end",
    kernel.CONTROL: "a string holds a control character, which needs an escape,",
    kernel.BAD_ESCAPE: "a string holds a backslash that begins no escape",
    kernel.HALF_PAIR: "a string holds half of a surrogate pair",
    kernel.MORE: "Extra data behind the value",
    kernel.NO_NUMBER: "expected a number",
}
_KINDS = {
    kernel.OBJECT: "an object",
    kernel.LIST: "a list",
    kernel.STRING: "the string",
    kernel.TRUE: "the boolean",
    kernel.FALSE: "the boolean",
    kernel.NULL: "null",
    kernel.NUMBER: "the number",
    kernel.NOT_FINITE: "the number",
}


@dataclass(frozen=True)
class Value:
    """A member's value in the bytes of its event, for messages."""

    raw: bytes
    kind: int
    begin: int
    end: int
    is_escaped: bool

    def __str__(self) -> str:
        """Its kind and its beginning, for messages: plain ASCII on one line."""
        if self.kind == kernel.NULL:
            return "null"
        return f"{_KINDS[self.kind]} {self.shown}"

    @property
    def shown(self) -> str:
        """Its beginning, for messages: plain ASCII on one line."""
        # An escape has at most six bytes for one character; more need not be looked at.
        if self.kind == kernel.STRING:
            content = self.raw[self.begin : self.end]
            return shown_text(_text(content, is_escaped=self.is_escaped))
        until = min(self.end, self.begin + 4 * MAX_SHOWN)
        text = self.raw[self.begin : until].decode(errors="replace")
        return _cut(json.dumps(text)[1:-1].replace('\\"', '"'), self.end - self.begin)


# What the kernel writes of one member.
Row = Sequence[int]
# The outermost object's members by the UTF-8 of their keys.
Members = Mapping[bytes, Row]


class MemberReader:
    """Reads one JSON text after the other."""

    def __init__(self) -> None:
        self._owners = np.empty(MAX_NESTING, dtype=np.int64)
        self._rows = np.empty((_USUAL_MEMBERS, kernel.MEMBER_COLUMNS), dtype=np.int64)

    def members(self, raw: bytes) -> Members | Finding:
        """The members of the object that `raw` holds, or the rule that it breaks."""
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            place = f"byte {error.start} is not valid UTF-8 (0x{raw[error.start]:02x})"
            return reasons.NOT_UTF8, place
        most, rows = len(raw) // kernel.MEMBER_BYTES + 1, self._rows
        if most > len(rows):
            rows = np.empty((most, kernel.MEMBER_COLUMNS), dtype=np.int64)
        content = np.frombuffer(raw, dtype=np.uint8)
        fault, at, count, kind = kernel.read_json(content, self._owners, rows)
        if fault == kernel.TOO_DEEP:
            return reasons.TOO_DEEP, (
                f"nested too deeply at byte {at}: an event is one flat JSON object, and with what "
                f"is ignored of it has at most {MAX_NESTING} levels"
            )
        if fault != kernel.VALID:
            return malformed(_FAULTS[fault], at)
        if kind != kernel.OBJECT:
            return reasons.NOT_AN_OBJECT, f"expected a JSON object, got {_KINDS[kind]}"
        return _distinct(raw, rows[:count])


def value_of(raw: bytes, row: Row) -> "Value":
    """The value in a row of `Members`."""
    return Value(
        raw, row[kernel.KIND], row[kernel.BEGIN], row[kernel.END], row[kernel.IS_ESCAPED] == 1
    )


def text_of(raw: bytes, row: Row) -> str:
    """The text of a string in a row of `Members`."""
    content = raw[row[kernel.BEGIN] : row[kernel.END]]
    return _text(content, is_escaped=row[kernel.IS_ESCAPED] == 1)


def malformed(fault: str, at: int) -> Finding:
    """The finding that `fault` at byte `at` makes the text no JSON."""
    return reasons.MALFORMED_JSON, f"not valid JSON: {fault} at byte {at}"


def shown_text(text: str) -> str:
    """A text for messages: quoted, plain ASCII on one line, its beginning only."""
    return _cut(json.dumps(text[: MAX_SHOWN + 1]), len(text) + 2)


def _distinct(raw: bytes, rows: npt.NDArray[np.int64]) -> Members | Finding:
    """The outermost object's members, unless a key of any object appears twice."""
    outermost: dict[bytes, int] = {}
    inner: set[tuple[int, bytes]] = set()
    # Four lists cost less than one of each row where there are thousands.
    columns = rows[:, : kernel.KEY_IS_ESCAPED + 1].T.tolist()
    for place, (owner, begin, end, is_escaped) in enumerate(zip(*columns, strict=True)):
        key = raw[begin:end]
        if is_escaped:
            key = _text(key, is_escaped=True).encode()
        if owner:
            inner.add((owner, key))
        else:
            outermost[key] = place
        if len(outermost) + len(inner) <= place:
            return reasons.DUPLICATE_KEY, f"key {shown_text(key.decode())} appears more than once"
    if not inner:
        return dict(zip(outermost, rows.tolist(), strict=True))
    return {key: rows[place].tolist() for key, place in outermost.items()}


def _text(content: bytes, *, is_escaped: bool) -> str:
    if not is_escaped:
        return content.decode()
    text: str = json.loads(b'"' + content + b'"')
    return text


def _cut(text: str, length: int) -> str:
    if length <= MAX_SHOWN and len(text) <= MAX_SHOWN:
        return text
    return f"{text[:MAX_SHOWN]}… ({length} characters)"
