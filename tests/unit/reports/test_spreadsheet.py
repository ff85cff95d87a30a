"""No cell of a list is a formula, and software gets each text back."""

import csv
import io

import pytest

from reports.spreadsheet import SpreadsheetWriter, spreadsheet_cell

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "\ufeff=1",
    "\xa0=1",
    "＝1",  # noqa: RUF001
    "'=1",
    '=HYPERLINK("http://example.org","x")',
    "=cmd|' /C calc'!A0",
]


def read(file: io.StringIO) -> list[list[str]]:
    file.seek(0)
    return list(csv.reader(file))


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_looks_like_a_formula_begins_with_a_quote(text: str) -> None:
    file = io.StringIO(newline="")
    SpreadsheetWriter(file, ["entity", "score"]).write([text, 0.5])
    (_, [cell, score]) = read(file)
    assert cell.startswith("'")
    assert score == "0.5"


@pytest.mark.parametrize(
    "text", [*(t for t in FORMULAS if t.isprintable()), "'", "''x", "7590-VHVEG", "a=b", ""]
)
def test_one_quote_less_is_the_text_again(text: str) -> None:
    cell = spreadsheet_cell(text)
    assert isinstance(cell, str)
    assert cell.removeprefix("'") == text


def test_usual_ids_and_numbers_stay_as_they_are() -> None:
    for value in ("7590-VHVEG", "a=b", "Zoë", -1.5, 0.25, True, None):
        assert spreadsheet_cell(value) == value


def test_a_semicolon_makes_no_second_cell_where_it_separates() -> None:
    """Excel's separator in much of Europe."""
    file = io.StringIO(newline="")
    SpreadsheetWriter(file, ["entity", "score"]).write(["a;=1+1", 0.5])
    file.seek(0)
    rows = list(csv.reader(file, delimiter=";"))
    assert not any(cell.startswith("=") for row in rows for cell in row)


def test_terminal_escapes_are_shown() -> None:
    assert spreadsheet_cell("\x1b[2J=1") == r"\x1b[2J=1"
