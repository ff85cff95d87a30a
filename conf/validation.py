"""Check collected values against the models and put every complaint in one form."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from conf.errors import Problem
from conf.masking import masked
from conf.schema import SettingPath, dotted, entry_section, is_section
from conf.sources import Entry

Model = TypeVar("Model", bound=BaseModel)


def validated(
    model: type[Model], entries: Mapping[SettingPath, Entry]
) -> tuple[Model | None, list[Problem]]:
    """The model, or None with one problem per wrong or missing value."""
    tree: dict[str, Any] = {
        name: {}
        for name, field in model.model_fields.items()
        if is_section(field.annotation) or not field.default
    }
    for path, entry in entries.items():
        node = tree
        for name in path[:-1]:
            node = node.setdefault(name, {})
        node[path[-1]] = entry.value
    try:
        # As JSON, because strict JSON takes a text for a path but never for a number.
        return model.model_validate_json(json.dumps(tree, default=str), strict=True), []
    except ValidationError as error:
        return None, [_problem(model, details, entries) for details in error.errors()]


def _problem(
    model: type[BaseModel], details: ErrorDetails, entries: Mapping[SettingPath, Entry]
) -> Problem:
    path = tuple(str(name) for name in details["loc"])
    entry = entries.get(path)
    name = dotted(path)
    if entry is None:
        return Problem(
            path=name, given="", source="", expected=f"is missing{_meaning(model, path)}"
        )
    if details["type"] == "string_pattern_mismatch":
        expected = f"does not have the expected form{_meaning(model, path)}"
    else:
        expected = f"{details['msg'].replace('Input should', 'should')}{_meaning(model, path)}"
    given = masked(name, entry.value)
    return Problem(path=name, given=given, source=entry.source, expected=expected)


def _meaning(model: type[BaseModel], path: SettingPath) -> str:
    """What the setting is for, from the docstring of its field."""
    field = model.model_fields.get(path[0])
    if field is None:
        return ""
    if len(path) > 1 and field.annotation is not None and is_section(field.annotation):
        return _meaning(field.annotation, path[1:])
    section = entry_section(field.annotation)
    if len(path) > 2 and section is not None:
        return _meaning(section, path[2:])
    return f" ({field.description})" if field.description else ""
