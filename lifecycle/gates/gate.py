"""One gate: what was measured, what the bound is, and whether the version passes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["passed", "failed", "not applicable"]


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A gate's result; `value` and `bound` as people read them, `sentence` says what they mean."""

    name: str
    outcome: Outcome
    value: str
    bound: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The bounds of all gates, each described in `conf/sections.py` under the same name.

    slices: feature of the scenario → limits of its bands, rising; none: a slice per value
    """

    minimum_auroc: float
    minimum_lift: float
    maximum_auroc: float
    maximum_loss: float
    maximum_calibration_error: float
    minimum_recall: float
    minimum_spread: float
    slice_minimum_auroc: float
    slice_minimum_rows: int
    slice_minimum_per_class: int
    maximum_latency_us: float
    minimum_reason_agreement: float
    bootstrap_rounds: int
    slices: Mapping[str, Sequence[float]]


def gate(name: str, *, passes: bool, value: str, bound: str, sentence: str) -> Gate:
    """A gate that could be measured."""
    outcome: Outcome = "passed" if passes else "failed"
    return Gate(name=name, outcome=outcome, value=value, bound=bound, sentence=sentence)


def not_applicable(name: str, *, bound: str, sentence: str) -> Gate:
    """A gate that says nothing about this version; `sentence` says why."""
    return Gate(name=name, outcome="not applicable", value="", bound=bound, sentence=sentence)


def failures(gates: Sequence[Gate]) -> list[Gate]:
    """Those that failed."""
    return [result for result in gates if result.outcome == "failed"]
