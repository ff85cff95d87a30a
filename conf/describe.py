"""Settings for people: one dotted line each, secrets masked."""

from collections.abc import Iterator

from pydantic import BaseModel

from conf.masking import masked


def lines_of(settings: BaseModel, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(dotted path, printable value) of every setting, in the order of the sections."""
    for name in type(settings).model_fields:
        path, value = f"{prefix}{name}", getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from lines_of(value, f"{path}.")
        elif isinstance(value, dict):
            for key in sorted(value):
                if isinstance(value[key], BaseModel):
                    yield from lines_of(value[key], f"{path}.{key}.")
                else:
                    yield f"{path}.{key}", masked(key, value[key])
        else:
            yield path, masked(path, value)


def describe(settings: BaseModel) -> str:
    """Every setting on a line of its own, as `dotted.path = value`."""
    lines = list(lines_of(settings))
    width = max(len(path) for path, _ in lines)
    return "\n".join(f"{path:<{width}} = {value}" for path, value in lines)
