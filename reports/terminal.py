"""Text for terminals: whatever data hold, it cannot colour, move, hide or reorder what is shown.

Every job prints through `Terminal`; `visible` is for the few places that write to a stream
themselves.
"""

import logging
import re
from collections.abc import Iterable
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.status import Status
from rich.style import StyleType
from rich.text import Text, TextType

# Control characters (C0 without tab and line feed, DEL, C1: ESC [ and CSI begin commands), marks
# that reorder or hide their neighbours (BiDi overrides, zero-width characters, soft hyphen, byte
# order mark, tags), line separators, and lone surrogates, which no terminal can be sent.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u070f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    r"""`text` with every unsafe character as Python writes it: ESC as `\x1b`, U+202E as `\u202e`.

    Tabs and line feeds stay; see `one_line` for text that must not begin a line of its own.
    """
    return _UNSAFE.sub(_escaped, text)


def one_line(text: str) -> str:
    """`visible`, each further line indented: data with a line feed cannot pose as a log record."""
    return visible(text).replace("\n", "\n    ")


def message_of(error: BaseException) -> str:
    """What `error` says; Spark's errors ask its JVM for that, which may be gone."""
    try:
        return str(error)
    except Exception:  # py4j raises what it likes then
        return "Spark's JVM, which knows the cause, does not answer"


def visible_json(document: str) -> str:
    r"""The same JSON value with unsafe characters as JSON writes them, `\u202e`."""
    return _UNSAFE.sub(_json_escaped, document)


class VisibleFormatter(logging.Formatter):
    """Log records of libraries, which quote topics, files and what a server answered."""

    def format(self, record: logging.LogRecord) -> str:
        """One record, unsafe characters escaped, further lines indented."""
        return one_line(super().format(record))


class Terminal(Console):
    """A console that shows text as it is: no markup, no emoji codes, unsafe characters escaped.

    This holds for strings, cells and titles of tables, status lines, and ready `Text`s.
    """

    def __init__(
        self, *, stderr: bool = False, file: IO[str] | None = None, width: int | None = None
    ) -> None:
        super().__init__(stderr=stderr, file=file, width=width, markup=False, emoji=False)

    def on_broken_pipe(self) -> None:
        """Rich would end the process here; the job's own ending knows the exit code."""
        raise BrokenPipeError("nobody reads the output any more")

    def render_str(self, text: str, **options: Any) -> Text:
        """Text of a string, whose width is measured after it was escaped."""
        return super().render_str(visible(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Segments of anything; ready `Text`s do not pass through `render_str`."""
        for segment in super().render(renderable, options):
            if segment.control is None and _UNSAFE.search(segment.text):
                yield Segment(visible(segment.text), segment.style)
            else:
                yield segment

    def status(
        self,
        status: RenderableType,
        *,
        spinner: str = "dots",
        spinner_style: StyleType = "status.spinner",
        speed: float = 1.0,
        refresh_per_second: float = 12.5,
    ) -> Status:
        """A status line; rich reads markup in a plain string here, whatever the console says."""
        return super().status(
            plain(status) if isinstance(status, str) else status,
            spinner=spinner,
            spinner_style=spinner_style,
            speed=speed,
            refresh_per_second=refresh_per_second,
        )


def plain(text: TextType) -> Text:
    """For titles of panels and lines of status: of a string rich reads the markup there."""
    return Text(visible(text)) if isinstance(text, str) else text


def _escaped(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode("ascii")


def _json_escaped(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
