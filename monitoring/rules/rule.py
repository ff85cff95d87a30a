"""What a rule is: which periods violate it, how many of them must, and what follows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from monitoring.period_report import AlarmKind, Maturity
from stores.records.decisions import RESERVED

Action = Literal[
    "alert",
    "build_snapshot",
    "retrain",
    "run_gates",
    "promote_challenger",
    "promote_champion",
    "roll_back",
    "page_person",
]
NOTICES: tuple[Action, ...] = ("alert", "page_person")
_NEEDS_VERSION = ("run_gates", "promote_challenger")


class RuleUnclear(ValueError):
    """A rule that contradicts itself; the message names the setting."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class OnMeasurement:
    """A metric beyond a bound.

    part        "" all cases; otherwise a pattern, and each slice that fits is judged for itself
    is_above    whether a higher value violates it; otherwise a lower one
    whole_interval  whether all of the interval must lie beyond the bound, not only the value
    min_labels  with fewer labels a period says nothing; cases, where `maturity` is "estimated"
    """

    metric: str
    bound: float
    is_above: bool = False
    part: str = ""
    maturity: Maturity = "mature"
    whole_interval: bool = False
    min_labels: int = 0

    def fits(self, part: str) -> bool:
        """Whether it is about this part of the cases."""
        return fnmatchcase(part, self.part) if self.part else part == ""


@dataclass(frozen=True, kw_only=True)
class OnAlarm:
    """An alarm of a kind, whose subject fits a pattern; each subject is judged for itself."""

    kind: AlarmKind
    subject: str = "*"
    only_harm: bool = False

    def fits(self, subject: str, *, is_harm: bool) -> bool:
        """Whether it is about this alarm of its kind."""
        return (is_harm or not self.only_harm) and fnmatchcase(subject, self.subject)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`n` of the last `m` periods that can be judged violate it, with the latest among them.

    scenarios         names, or "*" for all
    actions           in the order in which they are done
    cooldown_periods  for so many periods after a decision it decides nothing
    Raises `RuleUnclear`.
    """

    name: str
    on: OnMeasurement | OnAlarm
    actions: tuple[Action, ...]
    scenarios: tuple[str, ...] = ("*",)
    n: int = 1
    m: int = 1
    cooldown_periods: int = 0

    def __post_init__(self) -> None:
        if self.name in RESERVED:
            raise RuleUnclear(f"a rule cannot be called {self.name}: monitoring uses that name")
        if self.n > self.m:
            raise RuleUnclear(f"rule {self.name}: n is {self.n}, expected at most m, {self.m}")
        if not self.actions:
            raise RuleUnclear(f"rule {self.name} has no actions")
        for number, action in enumerate(self.actions):
            if action in _NEEDS_VERSION and "retrain" not in self.actions[:number]:
                raise RuleUnclear(
                    f"rule {self.name}: {action} needs a retrain before it, got {self.actions}"
                )

    @property
    def changes_the_model(self) -> bool:
        """Whether it does more than telling people; a period that violates it then fails."""
        return any(action not in NOTICES for action in self.actions)

    def holds_for(self, scenario: str) -> bool:
        """Whether it is a rule of this scenario."""
        return "*" in self.scenarios or scenario in self.scenarios


def rules_of(scenario: str, rules: Iterable[Rule]) -> Sequence[Rule]:
    """Those that hold for `scenario`."""
    return [rule for rule in rules if rule.holds_for(scenario)]
