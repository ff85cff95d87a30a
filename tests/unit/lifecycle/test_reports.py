"""The gate report and the model card: what a person reads, and what programs do."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from lifecycle.cards.facts import CardFacts, card_facts
from lifecycle.cards.page import as_html, as_markdown, write_card
from lifecycle.gate_report import GateReport, show_gates, write_gates
from lifecycle.gates.run import all_gates
from lifecycle.promotion import GatesFailed, OverrideIncomplete, check_gates, check_override
from lifecycle.reading import ChampionRead, evidence_of
from models.card import ModelCard
from reports.terminal import Terminal
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_life import BOUNDS, life_rows, life_version


def with_owner(card: ModelCard) -> ModelCard:
    return replace(card, owner="Ada <ada@example.org>", limits="not for | pumps")


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> CardFacts:
    version = life_version(tmp_path_factory.mktemp("one"), life_rows(), card=with_owner)
    evidence = evidence_of(version.side, ChampionRead(), SCENARIO, cache_dir=Path("unused"))
    bounds = replace(BOUNDS, minimum_auroc=0.99, bootstrap_rounds=50)
    report = GateReport(
        scenario="tiny",
        name="everscore-tiny",
        version="1",
        sha256="abc",
        to="champion",
        champion="",
        made_at="2026-11-28T12:00:00.000+00:00",
        made_by="ada@host",
        gates=all_gates(evidence, SCENARIO, bounds, tolerance=0.0),
        words={"slice mode = 0": "slice mode = idle"},
    )
    return card_facts(evidence, report, bounds, run_id="run-1", title=SCENARIO.title)


def test_a_failed_gate_refuses_and_names_the_way_out(facts: CardFacts) -> None:
    report = facts.report
    assert report.failed == ["minimum AUROC"]
    with pytest.raises(GatesFailed, match=r"minimum AUROC; .*--override --by NAME") as error:
        check_gates(report)
    assert error.value.exit_code == 4
    check_gates(replace(report, override_by="Ada", override_reason="trial"))


def test_what_no_worker_can_load_cannot_be_overridden(facts: CardFacts) -> None:
    broken = [
        replace(gate, outcome="failed") if gate.name == "definitions" else gate
        for gate in facts.report.gates
    ]
    report = replace(facts.report, gates=tuple(broken), override_by="Ada", override_reason="x")
    with pytest.raises(GatesFailed, match="no override helps against definitions"):
        check_gates(report)


@pytest.mark.parametrize(("by", "reason"), [("", ""), ("Ada", ""), ("", "why"), (" ", "why")])
def test_an_override_needs_a_name_and_a_reason(by: str, reason: str) -> None:
    with pytest.raises(OverrideIncomplete):
        check_override(overrides=True, by=by, reason=reason)
    check_override(overrides=False, by=by, reason=reason)


def test_every_gate_is_printed_with_value_and_bound(facts: CardFacts) -> None:
    file = StringIO()
    show_gates(facts.report, Terminal(file=file, width=150))
    printed = file.getvalue()
    for gate in facts.report.gates:
        assert facts.report.words.get(gate.name, gate.name) in printed
        assert gate.value in printed
        assert gate.bound in printed
    assert "failed: minimum AUROC" in printed


def test_the_report_is_a_file_for_programs_and_a_page_for_people(
    tmp_path: Path, facts: CardFacts
) -> None:
    as_json, as_page = write_gates(tmp_path, facts.report)
    assert as_json.name == "gates-1-20261128120000.json"
    stored = json.loads(as_json.read_bytes())
    assert len(stored["gates"]) == len(facts.report.gates)
    page = as_page.read_text(encoding="utf-8")
    assert "slice mode = idle" in page
    assert 'class="much">failed' in page


def test_the_card_has_every_section_twice(tmp_path: Path, facts: CardFacts) -> None:
    as_page, as_text = write_card(tmp_path, facts)
    assert (as_page.name, as_text.name) == ("model-card.html", "model-card.md")
    for text in (as_html(facts), as_markdown(facts)):
        for words in (
            "Purpose",
            "Data",
            "Metrics",
            "Slices",
            "Calibration",
            "Reasons",
            "Approvals",
        ):
            assert words in text
        assert str(facts.metrics["AUROC"]) in text
        assert "run-1" in text
    assert "Ada &lt;ada@example.org&gt;" in as_html(facts)
    assert "not for \\| pumps" in as_markdown(facts)
    assert as_html(facts).count("<circle") == len(facts.calibration)


def test_reasons_of_two_halves_agree(facts: CardFacts) -> None:
    assert facts.reasons is not None
    assert facts.reasons.largest[0][0] == "temperature_c"
    assert facts.reasons.correlation > 0.5
    assert facts.metrics["Brier score"].low < facts.metrics["Brier score"].high
