"""Score-now gives what the stream's pass gives, and stores nothing."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from features.events.decode import Records
from models.errors import ModelNeedsFeatures
from models.registry.versions import NoSuchVersion, RetiredModel
from models.scoring_model import ScoringModel
from scenarios.contract.experiment import arms
from scenarios.contract.judge import valid_ms
from serving.scoring.errors import EntityMissing, EventsRefused, FeaturesRefused
from serving.scoring.score_now import ScoreNow
from serving.scoring.verdicts import Verdict
from streaming.passes.batches import Batch
from streaming.position.refusals import StateUnreadable
from streaming.scoring.models_in_use import InUse
from streaming.scoring.scoring_pass import ScoringPass
from streaming.scoring.second_entities import SecondEntityReader
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_archive import OneModel
from tests.support.tiny_model import reading
from tests.support.tiny_pass import ARRIVED_MS, MACHINES, RowTable, events, tiny_settings
from tests.support.tiny_scoring import in_use, loaded_model, score_now

NAMES = SCENARIO.feature_names


def scored_by_pass(use: InUse, table: RowTable, batch: Batch) -> dict[str, Any]:
    """The message about the last event of `batch`."""
    models: Any = OneModel(use)
    scoring = ScoringPass(
        tiny_settings(), SCENARIO, table, models, SecondEntityReader(SCENARIO, [])
    )
    messages = scoring.process(batch).to_pylist()
    predictions = [row["value"] for row in messages if row["topic"] == "tiny.predictions"]
    message: dict[str, Any] = msgspec.json.decode(predictions[-1])
    return message


def one_event(value: bytes, machine: str, offset: int) -> Batch:
    return Batch(
        Records([machine.encode()], [value], np.array([offset]), np.array([ARRIVED_MS])), 0
    )


def as_logged(verdict: Verdict) -> dict[str, Any]:
    """The part of a prediction that the judge decides."""
    judged = msgspec.to_builtins(verdict)
    names = ("score", "band", "action", "review", "control_group", "reasons", "model")
    return {name: judged[name] for name in names}


def filled(use: InUse, count: int = 60) -> RowTable:
    table = RowTable()
    scored_by_pass(use, table, events(0, count))
    return table


def test_a_what_if_equals_what_the_stream_says_when_that_event_arrives() -> None:
    use = in_use(loaded_model())
    table = filled(use)
    for at in range(MACHINES):
        machine = f"machine {at}"
        value = reading(machine, seconds=9_000 + at, temperature_c=20 + at * 15.5, mode="boost")
        (verdict,) = score_now(use, table).what_if(machine, [value], ARRIVED_MS)
        message = scored_by_pass(use, table, one_event(value, machine, 60 + at))
        assert as_logged(verdict) == {name: message[name] for name in as_logged(verdict)}
        assert verdict.is_what_if
        assert verdict.valid_until_ms == ARRIVED_MS + valid_ms(SCENARIO)


def test_several_events_are_folded_one_after_the_other_and_nothing_is_stored() -> None:
    use = in_use(loaded_model())
    table = filled(use)
    before = {entity: list(cells) for entity, cells in table.states.items()}
    hot = {"type": "reading", "temperature_c": 150.0, "mode": "boost"}
    cold = {"type": "reading", "temperature_c": 10.0, "mode": "idle"}
    verdicts = score_now(use, table).what_if("machine 1", [hot, cold], ARRIVED_MS)
    assert [verdict.case for verdict in verdicts] == [0, 1]
    assert [verdict.band for verdict in verdicts] == ["hot", "ok"]
    assert verdicts[0].reasons
    assert verdicts[0].features_as_of_ms == ARRIVED_MS  # an event without a time happens now
    assert {entity: list(cells) for entity, cells in table.states.items()} == before
    again = score_now(use, table).what_if("machine 1", [cold], ARRIVED_MS)
    assert again[0].score != verdicts[1].score


def test_the_challengers_share_is_judged_by_the_challenger() -> None:
    challenger = loaded_model(2)
    use = in_use(loaded_model(), challenger_share=0.5, experiment="x-1")
    use = replace(use, challenger=challenger)
    machines = [f"machine {number}" for number in range(40)]
    expected = arms(machines, scenario="tiny", experiment="x-1", share=0.5).in_challenger
    hot = {"type": "reading", "temperature_c": 90.0, "mode": "boost"}
    scorer = score_now(use, RowTable())
    versions = [scorer.what_if(name, [hot], ARRIVED_MS)[0].model.version for name in machines]
    assert versions == ["2" if is_challenged else "1" for is_challenged in expected]
    assert set(versions) == {"1", "2"}


def test_an_event_that_gives_no_prediction_is_named_with_its_reason() -> None:
    repair = {"type": "repair", "parts": 2}
    hot = {"type": "reading", "temperature_c": 150.0, "mode": "boost"}
    judged = score_now(in_use(loaded_model()), RowTable()).judged("new", [repair, hot], ARRIVED_MS)
    assert [case.reason_code for case in judged.unjudged] == ["awaiting_temperature_c"]
    assert [(case.case, case.disposition) for case in judged.unjudged] == [(0, "suppressed")]
    assert [verdict.case for verdict in judged.verdicts] == [1]


def test_a_refused_event_has_the_code_and_sentence_of_its_dead_letter() -> None:
    use, value = in_use(loaded_model()), reading("m", seconds=1, temperature_c=900.0)
    with pytest.raises(EventsRefused, match="out_of_range") as refused:
        score_now(use, RowTable()).judged("m", [value], ARRIVED_MS)
    models: Any = OneModel(use)
    scoring = ScoringPass(
        tiny_settings(), SCENARIO, RowTable(), models, SecondEntityReader(SCENARIO, [])
    )
    (dead_letter,) = scoring.process(one_event(value, "m", 0)).to_pylist()
    headers = {header["key"]: header["value"].decode() for header in dead_letter["headers"]}
    (refusal,) = refused.value.refusals
    assert (refusal.code, refusal.sentence) == (headers["reason_code"], headers["reason"])


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (b"", "malformed_json"),
        (b"[1]", "not_an_object"),
        (b'{"type":"reading","machine":"another","temperature_c":1,"mode":"idle"}', "key_mismatch"),
        (b'{"type":"explosion"}', "unknown_event_type"),
        (b'{"type":"reading","mode":"idle","mode":"idle","temperature_c":1}', "duplicate_key"),
        (b'{"type":"reading","temperature_c":1}', "missing_field"),
        (b"{" * 10_000, "malformed_json"),
        (b'{"type":"reading","x":"' + b"a" * 20_000 + b'"}', "too_large"),
        (b"\xff{}", "not_utf8"),
        (b"{}", "missing_field"),
    ],
)
def test_hostile_events_are_refused_by_their_rule(event: bytes, code: str) -> None:
    with pytest.raises(EventsRefused) as refused:
        score_now(in_use(loaded_model()), RowTable()).judged("m", [event], ARRIVED_MS)
    assert [refusal.code for refusal in refused.value.refusals] in ([code], ["too_deep"])


def test_without_events_the_stored_state_is_judged_as_it_is() -> None:
    use = in_use(loaded_model())
    table = filled(use)
    (verdict,) = score_now(use, table).judged("machine 4", [], ARRIVED_MS).verdicts
    row = msgspec.json.decode(table.rows["machine 4"])
    assert as_logged(verdict) == {name: row[name] for name in as_logged(verdict)}
    features = score_now(use, table).features_now("machine 4")
    assert features.shape == (len(NAMES),)
    for unknown in ("nobody", "", "x" * 5_000):
        with pytest.raises(EntityMissing):
            score_now(use, table).judged(unknown, [], ARRIVED_MS)


def test_a_state_of_other_definitions_is_refused_with_the_command() -> None:
    table = RowTable()
    table.states["m"] = [(1, b"E\x01" + bytes(8) + b"other")]
    hot = {"type": "reading", "temperature_c": 90.0, "mode": "boost"}
    with pytest.raises(StateUnreadable, match="rebuild_state"):
        score_now(in_use(loaded_model()), table).judged("m", [hot], ARRIVED_MS)


def test_feature_rows_belong_to_nobody_and_are_read_by_name() -> None:
    scorer = score_now(in_use(loaded_model()), RowTable())
    random = np.random.default_rng(3)
    rows = random.normal(60, 40, (50, len(NAMES)))
    rows[random.random(rows.shape) < 0.1] = np.nan
    rows[:, NAMES.index("temperature_c")] = np.linspace(0, 160, 50)
    rows[:, NAMES.index("mode")] = random.integers(0, 3, 50)
    judged = scorer.of_features(NAMES, rows, ARRIVED_MS)
    assert [verdict.score for verdict in judged.verdicts] == loaded_model().scores(rows).tolist()
    assert not any(verdict.control_group for verdict in judged.verdicts)
    order = random.permutation(len(NAMES))
    permuted = scorer.of_features([NAMES[at] for at in order], rows[:, order], ARRIVED_MS)
    assert permuted == judged


def test_feature_rows_that_are_none_are_refused() -> None:
    scorer = score_now(in_use(loaded_model()), RowTable())
    row = np.zeros((1, len(NAMES)))
    with pytest.raises(FeaturesRefused, match="unknown features"):
        scorer.of_features(["colour"], np.zeros((1, 1)), ARRIVED_MS)
    with pytest.raises(FeaturesRefused, match="not posted"):
        scorer.of_features(NAMES[:2], row[:, :2], ARRIVED_MS)
    with pytest.raises(FeaturesRefused, match="twice"):
        scorer.of_features([*NAMES, NAMES[0]], np.zeros((1, len(NAMES) + 1)), ARRIVED_MS)
    with pytest.raises(FeaturesRefused, match="shape"):
        scorer.of_features(NAMES, np.zeros((1, 3)), ARRIVED_MS)
    with pytest.raises(FeaturesRefused, match="infinite"):
        scorer.of_features(NAMES, row + np.inf, ARRIVED_MS)
    assert scorer.rows.column("mode", ["boost", 1, None])[:2].tolist() == [2.0, 1.0]
    hostile: tuple[Any, ...] = ("warp", True, {}, 10**400)
    for value in hostile:
        with pytest.raises(FeaturesRefused):
            scorer.rows.column("mode", [value])


def test_another_version_is_loaded_once_and_forgotten_when_others_come() -> None:
    loads: list[str] = []

    def load(version: str) -> ScoringModel:
        loads.append(version)
        return replace(loaded_model(2), version=version)

    scorer = score_now(in_use(loaded_model(), retired=("9",)), RowTable(), load=load)
    row = np.full((1, len(NAMES)), 50.0)

    def answer(version: str | None) -> Verdict:
        return scorer.of_features(NAMES, row, ARRIVED_MS, version=version).verdicts[0]

    assert answer(None).model.version == "1"
    assert answer("1").model.version == "1"
    assert (answer("2").score, answer("2").model.version) == (loaded_model(2).scores(row)[0], "2")
    for version in ("3", "4", "5", "6", "2"):
        answer(version)
    assert loads == ["2", "3", "4", "5", "6", "2"]
    with pytest.raises(RetiredModel):
        answer("9")
    other = score_now(in_use(loaded_model()), RowTable())
    with pytest.raises(NoSuchVersion):
        other.of_features(NAMES, row, ARRIVED_MS, version="7")


def test_a_version_of_other_definitions_is_not_served() -> None:
    foreign = replace(
        loaded_model(2), card=replace(loaded_model(2).card, definitions_digest="0" * 16)
    )
    scorer: ScoreNow = score_now(in_use(loaded_model()), RowTable(), load=lambda version: foreign)
    with pytest.raises(ModelNeedsFeatures):
        scorer.of_features(NAMES, np.zeros((1, len(NAMES))), ARRIVED_MS, version="2")
