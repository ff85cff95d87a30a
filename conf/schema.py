"""The tree of settings seen as dotted paths: which exist, which are secret, what type they have."""

import difflib
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr

SettingPath = tuple[str, ...]


@dataclass(frozen=True)
class Leaf:
    """One setting, or one entry of a table of free names such as spark.conf."""

    annotation: Any
    is_secret: bool


def dotted(path: SettingPath) -> str:
    """How a path is written in messages and in --set."""
    return ".".join(path)


def is_section(annotation: Any) -> bool:
    """True for a model with fields of its own."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def entry_section(annotation: Any) -> type[BaseModel] | None:
    """The section of each entry in a table of free names, as in monitoring.rules; else None."""
    entry = get_args(annotation)[1] if get_origin(annotation) is dict else None
    return entry if is_section(entry) else None


def locate(model: type[BaseModel], path: SettingPath) -> SettingPath | None:
    """`path` with the rest joined to one key below a table of free names; None when unknown.

    `("spark", "conf", "spark", "ui", "enabled")` → `("spark", "conf", "spark.ui.enabled")`; below
    the name of an entry that is a section stand settings.
    """
    if not path or path[0] not in model.model_fields:
        return None
    head, rest = path[0], path[1:]
    annotation = model.model_fields[head].annotation
    if is_section(annotation):
        below = locate(annotation, rest) if annotation is not None else None
        return None if below is None else (head, *below)
    if (section := entry_section(annotation)) is not None:
        inside = locate(section, rest[1:])
        return None if inside is None else (head, rest[0], *inside)
    if get_origin(annotation) is dict:
        return (head, dotted(rest)) if rest else None
    return None if rest else path


def leaf(model: type[BaseModel], path: SettingPath) -> Leaf:
    """The setting at a located path."""
    annotation = model.model_fields[path[0]].annotation
    if annotation is not None and is_section(annotation):
        return leaf(annotation, path[1:])
    if (section := entry_section(annotation)) is not None:
        return leaf(section, path[2:])
    if get_origin(annotation) is dict:
        annotation = get_args(annotation)[1]
    return Leaf(annotation, SecretStr in (annotation, *get_args(annotation)))


def known_paths(model: type[BaseModel]) -> list[str]:
    """All dotted paths with a fixed name; a table of free names counts as one."""
    names = []
    for name, field in model.model_fields.items():
        if field.annotation is not None and is_section(field.annotation):
            names += [f"{name}.{below}" for below in known_paths(field.annotation)]
        else:
            names.append(name)
    return names


def close_to(model: type[BaseModel], path: str) -> str:
    """`; did you mean kafka.partitions?`, or nothing when no name is near."""
    paths = known_paths(model)
    near = difflib.get_close_matches(path, paths, n=2, cutoff=0.75)
    last = path.rpartition(".")[2]
    near += [name for name in paths if name.rpartition(".")[2] == last and name not in near]
    return f"; did you mean {' or '.join(near[:3])}?" if near else ""
