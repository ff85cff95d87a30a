"""Read the settings of an environment, or report everything that is wrong with them."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field

from conf import requirements
from conf.entries import accepted
from conf.errors import Problem, SettingsError
from conf.schema import SettingPath, dotted
from conf.sections import (
    Alerts,
    Delta,
    Gates,
    Hbase,
    Kafka,
    Mlflow,
    Monitoring,
    Platform,
    Reports,
    Review,
    Section,
    Serving,
    Spark,
    Stream,
    Training,
)
from conf.sources import FOLDER, Entry, files_of, from_environment, from_file, from_overrides
from conf.validation import validated
from reports.folders import FolderUnknown, folder_named

_RUN_DIR: SettingPath = ("platform", "run_dir")
_PLACEHOLDER = "{platform.run_dir}"
_MODULE = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"


class Settings(Section):
    """Everything variable; jobs read it once and hand the parts on as arguments."""

    scenarios: dict[str, Annotated[str, Field(pattern=_MODULE)]]
    """scenario name → module that declares it"""
    platform: Platform = Platform()
    kafka: Kafka
    hbase: Hbase
    mlflow: Mlflow
    spark: Spark
    stream: Stream
    training: Training
    gates: Gates
    monitoring: Monitoring
    review: Review
    alerts: Alerts
    delta: Delta
    reports: Reports
    serving: Serving


def load_settings(
    env: str, *, overrides: Sequence[str] = (), environ: Mapping[str, str] = os.environ
) -> Settings:
    """The settings of `env`: base.toml, its own file, EVERSCORE__* variables, `overrides`.

    `env` is a name in conf/ or a path to a TOML file; an override is `dotted.path=value`. Raises
    SettingsError with every problem at once.
    """
    all_entries = chain(
        chain.from_iterable(from_file(path, env=env) for path in files_of(env)),
        from_environment(environ),
        from_overrides(overrides, env=env),
    )
    entries, problems = accepted(Settings, list(all_entries))
    entries, unresolved = _with_run_dir(entries, environ)
    settings, invalid = validated(Settings, entries)
    problems += unresolved + invalid + requirements.unmet(entries)
    if problems or settings is None:
        raise SettingsError(env, problems)
    return settings


def _with_run_dir(
    entries: Mapping[SettingPath, Entry], environ: Mapping[str, str]
) -> tuple[dict[SettingPath, Entry], list[Problem]]:
    """Make the run folder absolute and put it where other values name it.

    EVERSCORE_RUN_DIR, which `make up` reads too, moves the folder of an environment that has one.
    """
    run_dir = entries.get(_RUN_DIR)
    override = environ.get("EVERSCORE_RUN_DIR")
    if override and run_dir is not None and not run_dir.is_text:
        run_dir = replace(run_dir, value=override, source="EVERSCORE_RUN_DIR", is_text=True)
    resolved: dict[SettingPath, Entry] = {}
    problems: list[Problem] = []
    try:
        folder = _absolute(run_dir) if run_dir is not None else None
    except FolderUnknown as error:
        return dict(entries), [_unknown_folder(run_dir, error)]
    for path, entry in entries.items():
        value: Any = entry.value
        if path == _RUN_DIR and folder is not None:
            value = folder
        elif isinstance(value, str) and _PLACEHOLDER in value:
            if folder is None:
                problems.append(_unresolved(path, entry))
            value = value.replace(_PLACEHOLDER, _quoted(folder or "/", where=value))
        resolved[path] = replace(entry, value=value)
    return resolved, problems


def _absolute(entry: Entry) -> str | None:
    """A relative folder of a file counts from the checkout, a typed one from where one stands."""
    if not isinstance(entry.value, str):
        return None
    base = Path.cwd() if entry.is_text else FOLDER.parent
    is_home = entry.value.startswith("~")
    return str(folder_named(entry.value) if is_home else (base / entry.value).resolve())


def _unknown_folder(run_dir: Entry | None, error: FolderUnknown) -> Problem:
    given, source = (str(run_dir.value), run_dir.source) if run_dir else ("", "")
    return Problem(path=dotted(_RUN_DIR), given=given, source=source, expected=str(error))


def _quoted(folder: str, *, where: str) -> str:
    """`folder` as a part of `where`: in a URI `#`, `?` and `%` have a meaning of their own."""
    return quote(folder) if "://" in where.partition(_PLACEHOLDER)[0] else folder


def _unresolved(path: SettingPath, entry: Entry) -> Problem:
    expected = f"names {_PLACEHOLDER}, but platform.run_dir is not set"
    return Problem(
        path=dotted(path), given=str(entry.value), source=entry.source, expected=expected
    )
