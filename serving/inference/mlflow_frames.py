"""The four forms in which MLflow's clients post rows, read as columns and rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.problems import Problem, Refusal
from serving.scoring.errors import FeaturesRefused

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


@dataclass(frozen=True)
class Frame:
    """n rows of values; columns is None where the form has no names.

    params: what the caller asks for besides, such as {"version": "3"}
    """

    columns: list[str] | None
    rows: list[list[Any]]
    params: Mapping[str, Any]


def read_frame(document: Any) -> Frame:
    """The rows of a request to `/invocations`; raises `Refusal` 400 or `FeaturesRefused`."""
    forms = [form for form in FORMS if isinstance(document, dict) and form in document]
    if len(forms) != 1:
        raise _malformed(f"the body needs exactly one of {', '.join(FORMS)}")
    params = document.get("params")
    params = {} if params is None else params
    further = sorted(set(document) - {forms[0], "params", "signature_name"})
    if further or not isinstance(params, dict):
        raise _malformed(f"params is an object, and nothing else stands there: {further[:5]}")
    content = document[forms[0]]
    if forms[0] == "dataframe_split":
        columns, rows = _split(content)
    elif isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        columns, rows = _records(content)
    elif forms[0] == "dataframe_records":
        raise _malformed("dataframe_records is a list of objects, one at least")
    elif forms[0] == "inputs" and isinstance(content, dict):
        columns, rows = _columns(content)
    else:
        return Frame(None, _rows(content), params)
    return Frame(columns, rows, params)


def _split(content: Any) -> tuple[list[str], list[list[Any]]]:
    columns = content.get("columns") if isinstance(content, dict) else None
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise _malformed("dataframe_split has columns, a list of names, and data, a list of rows")
    return columns, _rows(content.get("data"))


def _records(records: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """A name that a record lacks is missing in its row, as in a pandas frame."""
    columns = list(dict.fromkeys(name for record in records for name in record))
    return columns, [[record.get(name) for name in columns] for record in records]


def _columns(content: Mapping[str, Any]) -> tuple[list[str], list[list[Any]]]:
    lists = [
        [_single(value) for value in column] if isinstance(column, list) else [column]
        for column in content.values()
    ]
    if len({len(column) for column in lists}) != 1:
        raise FeaturesRefused("the columns of inputs are not equally long")
    return list(content), [list(row) for row in zip(*lists, strict=True)]


def _single(value: Any) -> Any:
    """A column may come as a tensor [n, 1]."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _rows(content: Any) -> list[list[Any]]:
    if not isinstance(content, list) or not all(isinstance(row, list) for row in content):
        raise _malformed("rows are a list of lists")
    return content


def _malformed(sentence: str) -> Refusal:
    return Refusal(Problem(status=400, kind="body", detail=sentence))
