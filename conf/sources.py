"""Where settings come from: files, then environment variables, then --set; later ones win."""

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conf.errors import Problem, SettingsError
from conf.schema import SettingPath

FOLDER = Path(__file__).resolve().parent
PREFIX = "EVERSCORE__"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One value as it was given. A text from the environment or --set has no type yet."""

    path: SettingPath
    value: Any
    source: str
    is_text: bool = False
    secret_allowed: bool = False


def environments() -> list[str]:
    """The names that --env takes."""
    return sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem != "base")


def files_of(env: str) -> list[Path]:
    """base.toml and the file of `env`, which is a name in conf/ or a path to a TOML file."""
    path = FOLDER / f"{env}.toml" if env in environments() else Path(env)
    if path.suffix != ".toml" or not path.is_file():
        expected = f"expected one of {', '.join(environments())}, or a path to a .toml file"
        raise SettingsError(env, [Problem(path="--env", given=env, source="", expected=expected)])
    return [FOLDER / "base.toml", path]


def from_file(path: Path, *, env: str) -> Iterator[Entry]:
    """The entries of a TOML file, with or without a byte order mark; tables to their leaves."""
    source = f"{path.parent.name}/{path.name}" if path.parent == FOLDER else str(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problem = Problem(path=source, given="", source="", expected=f"not valid TOML: {error}")
        raise SettingsError(env, [problem]) from None
    for path_in_file, value in _leaves(table):
        yield Entry(path=path_in_file, value=value, source=source)


def from_environment(environ: Mapping[str, str] = os.environ) -> Iterator[Entry]:
    """`EVERSCORE__KAFKA__PARTITIONS=4` is kafka.partitions; the only way for a secret."""
    for name, text in sorted(environ.items()):
        if name.startswith(PREFIX):
            path = tuple(name.removeprefix(PREFIX).lower().split("__"))
            yield Entry(path=path, value=text, source=name, is_text=True, secret_allowed=True)


def from_overrides(overrides: Sequence[str], *, env: str) -> Iterator[Entry]:
    """`kafka.partitions=4`, as given to --set."""
    for override in overrides:
        name, equals, text = override.partition("=")
        if not equals or not name.strip():
            expected = "expected dotted.path=value, such as kafka.partitions=4"
            problem = Problem(path="--set", given=override, source="", expected=expected)
            raise SettingsError(env, [problem])
        path = tuple(name.strip().split("."))
        yield Entry(path=path, value=text, source="--set", is_text=True)


def _leaves(table: Mapping[str, Any]) -> Iterator[tuple[SettingPath, Any]]:
    for key, value in table.items():
        if isinstance(value, dict) and value:
            for below, leaf in _leaves(value):
                yield (key, *below), leaf
        else:
            yield (key,), value
