"""Which values count: names must be known, secrets come from variables only, the last wins."""

import json
import tomllib
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from conf.errors import Problem
from conf.masking import MASK, masked
from conf.schema import SettingPath, close_to, dotted, leaf, locate
from conf.sources import PREFIX, Entry


def accepted(
    model: type[BaseModel], candidates: Sequence[Entry]
) -> tuple[dict[SettingPath, Entry], list[Problem]]:
    """The last entry of each path, and a problem for each entry that was refused."""
    entries: dict[SettingPath, Entry] = {}
    problems = []
    for entry in candidates:
        path = locate(model, entry.path)
        if path is None:
            problems += _unknown(model, entry)
        elif (refusal := _refusal(model, path, entry)) is not None:
            problems.append(refusal)
        else:
            entries[path] = _typed(model, path, entry)
    return entries, problems


def _refusal(model: type[BaseModel], path: SettingPath, entry: Entry) -> Problem | None:
    """A secret in a file or on a command line; a Spark property in a variable's name."""
    variable = PREFIX + "__".join(path).upper()
    if leaf(model, path).is_secret and not entry.secret_allowed:
        expected = f"a secret is taken only from the environment variable {variable}"
        return Problem(path=dotted(path), given=MASK, source=entry.source, expected=expected)
    if path[:2] == ("spark", "conf") and entry.secret_allowed:
        expected = "a variable's name loses dots and capitals: use a file or --set spark.conf.NAME"
        return Problem(path="spark.conf", given="", source=entry.source, expected=expected)
    return None


def _unknown(model: type[BaseModel], entry: Entry) -> list[Problem]:
    name = dotted(entry.path)
    if entry.value == {} and name in model.model_fields:
        return []  # an empty table sets nothing
    if name in model.model_fields:
        expected = f"expected a table of settings, [{name}]"
    else:
        expected = f"unknown setting{close_to(model, name)}"
    given = masked(name, entry.value)
    return [Problem(path=name, given=given, source=entry.source, expected=expected)]


def _typed(model: type[BaseModel], path: SettingPath, entry: Entry) -> Entry:
    """A text becomes the first of text and TOML value that has the setting's type."""
    if not entry.is_text:
        return entry
    adapter: TypeAdapter[Any] = TypeAdapter(leaf(model, path).annotation)
    for value in (entry.value, _as_toml(entry.value)):
        try:
            adapter.validate_json(json.dumps(value, default=str), strict=True)
        except ValidationError:
            continue
        return Entry(
            path=entry.path, value=value, source=entry.source, is_text=True, secret_allowed=True
        )
    return entry


def _as_toml(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
