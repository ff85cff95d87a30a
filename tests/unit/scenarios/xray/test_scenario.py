"""The chest X-ray scenario means what it says."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from conf.settings import load_settings
from features.events import reasons
from models.card import ModelCard
from models.formats.artifact import load_artifact, save_artifact
from scenarios.contract.judge import Judge, Judges, Verdicts
from scenarios.contract.scenario import load_scenario
from scenarios.xray.decisions import NOTICE, PNEUMONIA_FROM, UNCERTAIN_FROM
from scenarios.xray.events import EMBEDDING_SIZE
from scenarios.xray.scenario import SCENARIO
from scenarios.xray.traffic.simulator import SPOILER
from scenarios.xray.traffic.studies import History
from tests.support.scenario_records import decoded, features_after
from tests.unit.scenarios.xray.likely_xrays import likely_xrays

NAMES = SCENARIO.feature_names


def _row(*, pneumonia: float, bacterial: float = 0.0, novelty: float = 0.3) -> list[float]:
    values = {"pneumonia": pneumonia, "bacterial": bacterial, "novelty": novelty, "contrast": 0.2}
    return [values.get(name, 0.1) for name in NAMES]


def _card(outcomes: object) -> ModelCard:
    return ModelCard(
        scenario="xray",
        feature_names=NAMES,
        definitions_digest=SCENARIO.definitions_digest,
        seed=1,
        training_counts={},
        metrics={},
        thresholds=SCENARIO.policy.thresholds(),
        base_rate=float(np.mean(outcomes)),  # type: ignore[call-overload]
        created_at="2026-11-30T00:00:00+00:00",
    )


def _verdicts(folder: Path, rows: list[list[float]]) -> Verdicts:
    """By a model that was trained on made-up log-odds, which are right."""
    random = np.random.default_rng(2)
    features = random.normal(size=(1_000, len(NAMES)))
    features[:, NAMES.index("pneumonia")] *= 4.0
    chances = 1.0 / (1.0 + np.exp(-features[:, NAMES.index("pneumonia")]))
    outcomes = (random.random(1_000) < chances).astype(np.int64)
    sha256 = save_artifact(folder, SCENARIO.estimator(1).fit(features, outcomes), _card(outcomes))
    model = load_artifact(folder, name="xray", version="1", sha256=sha256, available_features=NAMES)
    judges = Judges(champion=model, thresholds=SCENARIO.policy.thresholds())
    return Judge(SCENARIO).verdicts([f"P{i}" for i in range(len(rows))], np.array(rows), judges)


def test_the_settings_name_the_scenario() -> None:
    module = load_settings("local", environ={}).scenarios["xray"]
    assert load_scenario("xray", module) is SCENARIO


def test_history_and_findings_are_valid() -> None:
    history = History(xrays=likely_xrays(9), has_findings=True)
    assert len(history) == 18
    studies = [record for record in history if record.topic_kind == "events"]
    findings = [record for record in history if record.topic_kind == "labels"]
    assert decoded(studies, SCENARIO.schema).refusals == []
    assert decoded(findings, SCENARIO.label.schema).refusals == []
    causes = [json.loads(finding.value or b"").get("cause") for finding in findings]
    assert sorted(map(str, causes)) == ["None"] * 3 + ["bacterial"] * 3 + ["viral"] * 3


def test_the_features_of_a_study_are_the_figures_of_its_image() -> None:
    (study,) = History(xrays=likely_xrays(1), has_findings=False)
    features = features_after([study], SCENARIO)
    assert list(features) == list(NAMES)
    assert len([name for name in features if name.startswith("embedding_")]) == EMBEDDING_SIZE
    assert 0.4 < features["brightness"] < 0.6
    assert np.isfinite(list(features.values())).all()


def test_every_words_can_be_formatted() -> None:
    for feature in SCENARIO.all_features:
        assert "{value" not in feature.words.format(value=2.5)


def test_how_many_studies_a_patient_has_is_no_feature() -> None:
    assert not [feature for feature in SCENARIO.features if type(feature).__name__ != "LastValue"]


@pytest.mark.parametrize(
    ("row", "action", "is_reviewed"),
    [
        (_row(pneumonia=-6.0), "routine reading", False),
        (_row(pneumonia=1.6), "alert: human review before any report", True),
        (
            _row(pneumonia=7.0, bacterial=3.0),
            "alert: report bacterial pneumonia to the physician",
            False,
        ),
        (
            _row(pneumonia=7.0, bacterial=-3.0),
            "alert: report viral pneumonia to the physician",
            False,
        ),
        (_row(pneumonia=7.0, bacterial=0.2), "alert: report pneumonia, cause unclear", False),
        (
            _row(pneumonia=7.0, bacterial=3.0, novelty=1.2),
            "alert: unlike known images, human review before any report",
            True,
        ),
        (
            _row(pneumonia=-6.0, novelty=1.2),
            "alert: unlike known images, human review before any report",
            True,
        ),
    ],
)
def test_what_is_done(row: list[float], action: str, is_reviewed: bool, tmp_path: Path) -> None:
    verdicts = _verdicts(tmp_path, [row])
    assert SCENARIO.policy.actions[verdicts.decisions.actions[0]] == action
    assert bool(verdicts.decisions.review[0]) is is_reviewed


def test_a_verdict_has_the_cause_and_reasons_from_the_columns_that_the_model_uses(
    tmp_path: Path,
) -> None:
    verdicts = _verdicts(tmp_path, [_row(pneumonia=7.0, bacterial=3.0), _row(pneumonia=-6.0)])
    assert SCENARIO.policy.second_stage is not None
    assert verdicts.second is not None
    ill = verdicts.second.finding(0, SCENARIO.policy.second_stage)
    assert ill is not None
    assert ill.finding == "bacterial"
    assert verdicts.second.finding(1, SCENARIO.policy.second_stage) is None
    assert {reason.code for reason in verdicts.reasons[0]} <= {"pneumonia", "novelty"}
    assert verdicts.reasons[0][0].text == "the network's evidence for pneumonia is +7.0 (log-odds)"
    assert verdicts.reasons[0][0].direction == "raises"


def test_thresholds_rise_and_the_notice_stands_in_the_limits() -> None:
    assert 0.0 < UNCERTAIN_FROM < PNEUMONIA_FROM < 1.0
    assert SCENARIO.limits_of_use.startswith(NOTICE)
    assert SCENARIO.notice == NOTICE


def test_a_bad_event_of_another_kind_is_refused_too() -> None:
    (study,) = History(xrays=likely_xrays(1), has_findings=False)
    bad = SPOILER.bad_record(json.loads(study.value or b""), key="P1", reason=reasons.MISSING_FIELD)
    (refusal,) = decoded([bad], SCENARIO.schema).refusals
    assert refusal.code == reasons.MISSING_FIELD


@pytest.mark.parametrize("scenario", ["churn", "fraud"])
def test_other_scenarios_load_nothing_for_images(scenario: str) -> None:
    program = (
        f"import sys, scenarios.{scenario}.scenario, scenarios.{scenario}.source;"
        f"scenarios.{scenario}.scenario.SCENARIO.plan;"
        "heavy = {'PIL', 'pydicom', 'torch', 'onnxruntime', 'onnx'} & set(sys.modules);"
        "ours = [name for name in sys.modules if name.startswith('scenarios.xray')];"
        "print(sorted(heavy), ours)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[] []"


def test_the_scenario_itself_loads_no_torch_and_no_library_for_images() -> None:
    program = (
        "import sys, scenarios.xray.scenario;"
        "print(sorted({'PIL', 'pydicom', 'torch', 'onnxruntime'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
