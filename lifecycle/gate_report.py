"""The gates of a version as a table, a JSON file and a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lifecycle.gates.gate import Gate, failures
from reports.files import write_bytes, write_text
from reports.pages import page
from reports.terminal import visible

_STYLES = {"passed": "green", "failed": "bold red", "not applicable": "dim"}
# Whoever overrides these would deploy what no worker can load.
_NOT_OVERRIDDEN = ("loads", "definitions")


@dataclass(frozen=True, kw_only=True)
class GateReport:
    """All of it; `made_at` is UTC, ISO 8601.

    to             champion, challenger or shadow; empty: nobody asked for a promotion
    champion       the version that was compared with, or empty
    override_by, override_reason   who promotes although gates failed, and why
    words          name of a gate → the same for people (categories by name)
    """

    scenario: str
    name: str
    version: str
    sha256: str
    to: str
    champion: str
    made_at: str
    made_by: str
    gates: tuple[Gate, ...]
    notes: tuple[str, ...] = ()
    override_by: str = ""
    override_reason: str = ""
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> list[str]:
        """Names of the gates that failed."""
        return [gate.name for gate in failures(self.gates)]

    @property
    def never_overridden(self) -> list[str]:
        """Of these, the ones that no override can pass."""
        return [name for name in self.failed if name in _NOT_OVERRIDDEN]

    @property
    def sentence(self) -> str:
        """The verdict for people."""
        counts = f"{sum(gate.outcome == 'passed' for gate in self.gates)} gates passed"
        others = sum(gate.outcome == "not applicable" for gate in self.gates)
        failed = ", ".join(self.words.get(name, name) for name in self.failed)
        verdict = f"failed: {failed}" if failed else "none failed"
        return f"{self.name} version {self.version}: {counts}, {verdict}, {others} not applicable"


def show_gates(report: GateReport, console: Console) -> None:
    """Print every gate with value and bound."""
    table = Table("gate", "value", "bound", "", box=None)
    for gate in report.gates:
        outcome = Text(gate.outcome, style=_STYLES[gate.outcome])
        name = report.words.get(gate.name, gate.name)
        table.add_row(name, visible(gate.value), visible(gate.bound), outcome)
    console.print(table)
    for gate in report.gates:
        if gate.outcome != "passed":
            line = f"{report.words.get(gate.name, gate.name)}: {gate.sentence}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    for note in report.notes:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
    console.print(report.sentence, markup=False, highlight=False, soft_wrap=True)


def write_gates(folder: Path, report: GateReport) -> list[Path]:
    """Write gates-VERSION-TIME.json and .html into `folder`; returns their paths."""
    time = "".join(character for character in report.made_at[:19] if character.isdigit())
    stem = f"gates-{report.version}-{time}"
    document = msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
    return [
        write_bytes(folder / f"{stem}.json", document),
        write_text(folder / f"{stem}.html", page("gates.html", _page_values(report))),
    ]


def _page_values(report: GateReport) -> Mapping[str, object]:
    override = f"{report.override_by}: {report.override_reason}" if report.override_by else "none"
    facts: Sequence[tuple[str, str]] = (
        ("version", f"{report.name} version {report.version}"),
        ("SHA-256 of its files", report.sha256),
        ("to be", report.to or "nothing: the gates were run after the training"),
        ("compared with", f"version {report.champion}" if report.champion else "no champion"),
        ("gates run by", f"{report.made_by}, {report.made_at}"),
        ("override", override),
    )
    return {
        "title": f"{report.scenario}: gates of version {report.version}",
        "subtitle": report.sentence,
        "sections": [("verdict", "Verdict"), ("gates", "Gates")],
        "facts": facts,
        "notes": report.notes,
        "gates": [(report.words.get(gate.name, gate.name), gate) for gate in report.gates],
        "styles": {"passed": "little", "failed": "much", "not applicable": "some"},
        "footer": f"Made {report.made_at}. Bounds stand in the section gates of the settings.",
    }
