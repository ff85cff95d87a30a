"""Lists as CSV that a person may open in a spreadsheet: no cell is taken for a formula.

An id, a reason or an action is untrusted data. A spreadsheet runs a cell that begins with one
of `= + - @`, a tab or a line end as a formula; a quote before it makes it text (OWASP, "CSV
Injection").
"""

import csv
from collections.abc import Iterable, Sequence
from typing import IO

from reports.terminal import visible

# With their full-width forms, which some spreadsheets read as the plain ones. A leading quote is
# doubled: a reader that removes one quote from every cell that begins with one has each text back.
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")  # noqa: RUF001


def spreadsheet_cell(value: object) -> object:
    """`value`, or for a text its harmless form; numbers stay as they are.

    Characters that a terminal obeys are shown escaped. Software that wants texts as they are reads
    the list's other format (JSON or Parquet).
    """
    if not isinstance(value, str):
        return value
    guard = "'" if value.lstrip(" \ufeff\u200b\xa0").startswith(_DANGEROUS) else ""
    return guard + visible(value)


def write_again(file: IO[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows as they were read from such a list: their cells are harmless already."""
    for row in rows:
        file.write(",".join(map(_quoted_where_needed, row)) + "\r\n")


def _quoted_where_needed(cell: str) -> str:
    is_plain = not any(character in cell for character in '",;\r\n')
    return cell if is_plain else '"' + cell.replace('"', '""') + '"'


class SpreadsheetWriter:
    """Writes rows of a CSV list to `file`, which is opened with `newline=""`."""

    def __init__(self, file: IO[str], heads: Sequence[str]) -> None:
        # Texts in quotes: where the separator is a semicolon, "a;=1" would be two cells else.
        self._writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
        self._writer.writerow(heads)

    def write(self, row: Sequence[object]) -> None:
        """One row, its texts as harmless cells."""
        self._writer.writerow([spreadsheet_cell(value) for value in row])
