"""What is looked for when somebody is erased: ids as keys, in JSON fields and in texts."""

import html
import json
import re
from dataclasses import dataclass
from functools import cached_property

from markupsafe import escape
from pyspark.sql import Column
from pyspark.sql import functions as F

from reports.spreadsheet import spreadsheet_cell
from reports.terminal import one_line, visible, visible_json

_DISTINCTIVE_CHARACTERS = 6


@dataclass(frozen=True)
class Sought:
    """Entities, and the names of the JSON fields that hold an id.

    An id of at least six characters that is no number is found wherever it stands as a word; any
    other one, which as a word may be somebody else's amount, only as a key or in such a field.
    """

    entities: tuple[str, ...]
    id_fields: tuple[str, ...]

    @cached_property
    def pattern(self) -> str:
        """A regular expression for texts, JSON and HTML, of Python's and Java's dialect alike."""
        spelled = {entity: _spellings(entity) for entity in self.entities}
        fields = "|".join(map(re.escape, self.id_fields))
        everywhere = "|".join(spelling for spellings in spelled.values() for spelling in spellings)
        alternatives = [rf'"(?:{fields})"\s*:\s*"?(?:{everywhere})(?![\w-])']
        words = "|".join(
            spelling
            for entity, spellings in spelled.items()
            if len(entity) >= _DISTINCTIVE_CHARACTERS and not entity.isdigit()
            for spelling in spellings
        )
        if words:
            alternatives.append(rf"(?<![\w-])(?:{words})(?![\w-])")
        return "|".join(f"(?:{alternative})" for alternative in alternatives)

    def is_in(self, text: str) -> bool:
        """Whether `text` names one of the entities."""
        return self._compiled.search(text) is not None

    def is_cell(self, text: str) -> bool:
        """Whether a cell of a table is, or names, one of the entities; `'` may stand before it."""
        return text in self._cells or text.lstrip("'") in self.entities or self.is_in(text)

    def in_record(self) -> Column:
        """Whether an archived record names one: as its key, in its value or in its headers."""
        keys = F.col("key").isin([bytearray(entity.encode()) for entity in self.entities])
        headers = F.transform("headers", lambda header: header["value"].cast("string"))
        texts = F.concat_ws("\n", F.col("value").cast("string"), F.array_join(headers, "\n"))
        return F.coalesce(keys, F.lit(False)) | texts.rlike(self.pattern)

    @cached_property
    def _cells(self) -> frozenset[object]:
        """The entities as a file for spreadsheets shows them."""
        return frozenset(map(spreadsheet_cell, self.entities))

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)


def _spellings(entity: str) -> list[str]:
    """As texts, terminals, JSON and pages write it (Jinja's quotes are not Python's)."""
    quoted = json.dumps(entity)[1:-1], json.dumps(entity, ensure_ascii=False)[1:-1]
    texts = {entity, visible(entity), one_line(entity)}
    pages = {page(text) for text in texts for page in (html.escape, escape)}
    spellings = {*texts, *quoted, visible_json(quoted[1]), *map(str, pages)}
    return [re.escape(spelling) for spelling in sorted(spellings)]
