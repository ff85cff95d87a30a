"""Wrong settings, reported all at once: where, what was given, what was expected."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One wrong setting; `given` is ready to print, with secrets masked."""

    path: str
    given: str
    source: str
    expected: str

    def __str__(self) -> str:
        given = f" = {self.given}" if self.given else ""
        source = f" ({self.source})" if self.source else ""
        return f"{self.path}{given}{source}: {self.expected}"


class SettingsError(Exception):
    """The settings of an environment cannot be used; nothing was started."""

    exit_code = 2

    def __init__(self, env: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) > 1 else ''}"
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(f"the settings of environment {env!r} cannot be used, {count}:{lines}")
