"""The script decides as the judge does, over all bands, rules and a control group."""

import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from scenarios.churn.scenario import SCENARIO
from scenarios.contract.judge import Judge
from scenarios.contract.probe_set import probe_rows
from serving.device.package import missing_as_none, policy_document

NODE = shutil.which("node")
_SCRIPT = """
import { readFileSync } from "node:fs";
import { decided } from "./device-policy.js";
const { policy, cases } = JSON.parse(readFileSync(0, "utf-8"));
const verdicts = cases.map((one) => decided(policy, one.score, one.values, one.entity));
console.log(JSON.stringify(verdicts));
"""


@pytest.mark.skipif(NODE is None, reason="needs Node: apt install nodejs")
def test_the_script_decides_as_the_judge_does(tmp_path: Path) -> None:
    for name in ("device-policy.js", "device-blake2b.js"):
        (tmp_path / name).write_bytes(files("serving").joinpath("static", name).read_bytes())
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "run.js").write_text(_SCRIPT)

    policy, names, rows = SCENARIO.policy, SCENARIO.feature_names, probe_rows(SCENARIO)
    random = np.random.default_rng(5)
    scores = random.choice([0.0, 0.1, 0.25, 0.4, 0.5, 0.9, 1.0], len(rows))
    entities = [f"Kundin {number} ü" * (1 + number % 9) for number in range(len(rows))]
    control = Judge(SCENARIO).in_control_group(entities)
    decisions = policy.decide(
        scores,
        rows,
        feature_names=names,
        thresholds=policy.thresholds(),
        is_control=control,
    )
    cases = [
        {"score": score, "entity": entity, "values": dict(zip(names, values, strict=True))}
        for score, entity, values in zip(
            scores.tolist(), entities, map(missing_as_none, rows), strict=True
        )
    ]
    document = {"policy": policy_document(SCENARIO, policy.thresholds()), "cases": cases}
    done = subprocess.run(
        [str(NODE), "run.js"],
        cwd=tmp_path,
        input=json.dumps(document),
        capture_output=True,
        text=True,
        check=True,
    )
    expected = [
        {
            "score": score,
            "band": policy.bands[band].name,
            "action": policy.actions[action],
            "review": review,
            "control_group": is_control,
        }
        for score, band, action, review, is_control in zip(
            scores.tolist(),
            decisions.bands.tolist(),
            decisions.actions.tolist(),
            decisions.review.tolist(),
            control.tolist(),
            strict=True,
        )
    ]
    assert json.loads(done.stdout) == expected
    assert 0 < control.sum() < 60
    assert len({verdict["action"] for verdict in expected}) >= 5
