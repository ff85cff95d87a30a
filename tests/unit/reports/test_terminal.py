"""Whatever a producer calls a customer, a terminal shows it, and shows all of it."""

import io
import json
import logging
from collections.abc import Callable

import pytest
from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.progress import Progress, TextColumn
from rich.table import Table
from rich.text import Text

from conf.settings import load_settings
from jobs.launcher.run import Run
from reports.terminal import (
    Terminal,
    VisibleFormatter,
    one_line,
    plain,
    visible,
    visible_json,
)
from tests.scenarios.tiny import SCENARIO

MARKUP = [
    "[red]",
    "[/]",
    "[/red]x",
    "[bold",
    "a[1]",
    ":smile:",
    "[link=https://example.org]x[/link]",
    "\\[x]",
]
# ESC, CSI as one character, backspace, carriage return, a BiDi override, a zero-width space, the
# byte order mark, a tag character, half of a surrogate pair, a line separator.
UNSAFE = {
    "\x1b[2J": r"\x1b[2J",
    "\x9b31m": r"\x9b31m",
    "a\x08b": r"a\x08b",
    "a\rb": r"a\rb",
    "\u202eabc": r"\u202eabc",
    "a\u200bb": r"a\u200bb",
    "\ufeffa": r"\ufeffa",
    "a\U000e0041": r"a\U000e0041",
    "a\udc80": r"a\udc80",
    "a\u2028b": r"a\u2028b",
    "\x7f": r"\x7f",
}


def shown(value: RenderableType) -> str:
    file = io.StringIO()
    Terminal(file=file, width=200).print(value)
    return file.getvalue()


def in_table(text: str) -> Table:
    table = Table(text, title=text, caption=text)
    table.add_row(text)
    return table


def in_progress(text: str) -> Progress:
    progress = Progress(TextColumn("{task.description}", markup=False))
    progress.add_task(text)
    return progress


def escaped_late(text: str) -> Table:
    """A ready text in a cell: its width is measured before it is escaped, so a part may be cut.

    Rich itself leaves some control characters out of a `Text`: `plain` shows them.
    """
    table = Table("")
    table.add_row(Text(text))
    return table


PLACES: list[Callable[[str], RenderableType]] = [
    str,
    in_table,
    lambda text: Panel(text, title=plain(text), subtitle=plain(text)),
    in_progress,
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", MARKUP)
def test_markup_in_data_is_shown_as_it_is(
    text: str, place: Callable[[str], RenderableType]
) -> None:
    assert text in shown(place(text))


@pytest.mark.parametrize("place", PLACES[:-1])
@pytest.mark.parametrize("text", UNSAFE)
def test_unsafe_characters_are_shown_escaped(
    text: str, place: Callable[[str], RenderableType]
) -> None:
    output = shown(place(text))
    assert UNSAFE[text] in output
    assert output == visible(output)
    output.encode()  # half of a surrogate pair would fail here


@pytest.mark.parametrize("place", [in_progress, Text, escaped_late])
@pytest.mark.parametrize("text", UNSAFE)
def test_ready_texts_harm_no_terminal_either(
    text: str, place: Callable[[str], RenderableType]
) -> None:
    output = shown(place(text))
    assert output == visible(output)


def test_the_columns_of_a_table_stay_aligned_beside_escaped_ids() -> None:
    table = Table("id", "score", box=None)
    for entity in ("\x1b[31mx", "plain"):
        table.add_row(entity, "|")
    lines = shown(table).splitlines()[1:]
    assert len({line.index("|") for line in lines}) == 1


def test_a_status_line_shows_markup_and_escapes() -> None:
    terminal = Terminal(file=io.StringIO())
    status = terminal.status("waiting for [/] \x1b[2J")
    assert "[/]" in str(status.status)
    assert "\x1b" not in str(status.status)


def test_letters_of_all_scripts_stay_as_they_are() -> None:
    for text in ("Zoë", "Ωμέγα", "李雷", "محمد", "राज", "🙂", "tab\tand\nline"):
        assert visible(text) == text


def test_json_keeps_its_value() -> None:
    document = json.dumps({"entity": "".join(UNSAFE).replace("\udc80", "")}, ensure_ascii=False)
    safe = visible_json(document)
    assert json.loads(safe) == json.loads(document)
    assert visible(safe) == safe


def test_a_line_feed_in_data_cannot_pose_as_a_record_of_the_log() -> None:
    file = io.StringIO()
    run = Run(load_settings("local", environ={}), SCENARIO, Terminal(file=file, width=200))
    run.log("read x\n2026-01-01T00:00:00.000Z all is well")
    first, second = file.getvalue().splitlines()
    assert first.endswith("read x")
    assert second == "    2026-01-01T00:00:00.000Z all is well"


def test_records_of_libraries_are_shown_the_same_way() -> None:
    record = logging.LogRecord(
        "kafka", logging.ERROR, "", 0, "topic %s", ("a\x1b[2J\nERROR:x",), None
    )
    line = VisibleFormatter(logging.BASIC_FORMAT).format(record)
    assert line == "ERROR:kafka:topic a\\x1b[2J\n    ERROR:x"


def test_one_line_of_plain_text_is_the_text() -> None:
    assert one_line("error: epoch 3, expected 4") == "error: epoch 3, expected 4"


def test_the_samples_harm_a_plain_console() -> None:
    """So the tests above can fail: rich itself loses `[red]` and passes escapes on."""
    file = io.StringIO()
    console = Console(file=file, width=200)
    console.print("[red]")
    console.print("\x9b31m")
    assert "[red]" not in file.getvalue()
    assert "\x9b" in file.getvalue()
