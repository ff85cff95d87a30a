"""Formats by what they must do: import, load, stream, batch, parity, reasons, export.

Each cell passes, or the format says why it cannot, and that sentence is checked.
"""

import pickle
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from batch.exchange.exported import EXPORTS, exported
from batch.exchange.imported import Checked
from batch.exchange.matrix import matrix
from batch.scoring.scorer import StateScorer
from lifecycle.gates.contract import batch_dependent_rows
from models.formats.artifact import load_artifact
from models.formats.format import FORMATS, model_format
from models.formats.onnx_writer import NoConversion
from models.formats.parity import score_parity
from models.scoring_model import ScoringModel
from scenarios.contract.deployable import DeploymentUnfit, check_model
from stores.hbase.stamps import stamp
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_pass import COUNT, played
from tests.support.tiny_states import readings, tiny_cells
from tests.unit.models.formats.foreign_files import NAMES, PROBE, checked_import, source

KINDS = ("pickle", *FORMATS)
THRESHOLDS = SCENARIO.policy.thresholds()
DOCUMENT = Path(__file__).resolve().parents[4] / "docs" / "data-scientists.md"


@cache
def version(kind: str) -> Checked:
    """A file of `kind`, imported once."""
    folder = Path(mkdtemp(prefix="everscore-test-"))
    file = source(kind).write(folder)
    return checked_import(file, folder / "model", trusts_pickle=kind == "pickle")


def loaded(kind: str) -> ScoringModel:
    """The version's files, loaded as a worker does."""
    checked = version(kind)
    return load_artifact(
        checked.folder,
        name="everscore-tiny",
        version="1",
        sha256=checked.sha256,
        available_features=NAMES,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_import(kind: str) -> None:
    checked = version(kind)
    assert checked.parity.holds
    assert checked.parity.rows == len(PROBE)
    assert checked.model.card.format == ("skops" if kind == "pickle" else kind)


@pytest.mark.parametrize("kind", KINDS)
def test_load_and_travel(kind: str) -> None:
    model = loaded(kind)
    travelled = pickle.loads(pickle.dumps(model))
    scores = model.scores(PROBE)
    assert travelled.scores(PROBE).tobytes() == scores.tobytes()
    assert batch_dependent_rows(model, PROBE) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_score_in_the_stream(kind: str) -> None:
    model = loaded(kind)
    if model.batch_only:
        with pytest.raises(DeploymentUnfit, match=r"needs a Java machine.*score_batch --scenario"):
            check_model(SCENARIO, model, THRESHOLDS)
        return
    check_model(SCENARIO, model, THRESHOLDS, probe=PROBE)
    run = played(model, [COUNT // 2, COUNT])
    assert run.offsets("tiny.predictions") == list(range(COUNT))
    messages = [msgspec.json.decode(run.messages[at]["value"]) for at in range(COUNT)]
    assert len({message["score"] for message in messages}) > 3


@pytest.mark.parametrize("kind", KINDS)
def test_score_in_batch(kind: str) -> None:
    cells = tiny_cells(readings(60, machines=30))
    batch = pa.RecordBatch.from_pydict(
        {
            "entity": list(cells),
            "position": [stamp(1, 100)] * len(cells),
            "cell": pa.array(list(cells.values()), pa.binary()),
        }
    )
    scorer = StateScorer(
        scenario_name="tiny",
        module="tests.scenarios.tiny",
        model=loaded(kind),
        thresholds=THRESHOLDS,
    )
    result = pickle.loads(pickle.dumps(scorer)).scored(batch)
    assert len(result.verdicts.rows) == 30
    expected = loaded(kind).scores(result.features)
    assert result.verdicts.scores.tobytes() == expected.tobytes()
    assert len(set(expected.tolist())) > 2


@pytest.mark.parametrize("kind", KINDS)
def test_parity_with_the_library_that_trained(kind: str) -> None:
    model = loaded(kind)
    tolerance = model_format(model.card.format).tolerance
    parity = score_parity(source(kind).scores(PROBE), model.scores(PROBE), tolerance)
    assert parity.holds, parity.sentence
    assert parity.rows == len(PROBE)


@pytest.mark.parametrize("kind", KINDS)
def test_reasons(kind: str) -> None:
    model = loaded(kind)
    contributions = model.contributions(PROBE)
    if model_format(model.card.format).without_reasons:
        assert contributions is None
        return
    assert contributions is not None
    assert contributions.shape == PROBE.shape
    if kind in ("xgboost", "lightgbm"):  # additive in log-odds
        scores = model.scores(PROBE)
        base = np.log(scores / (1 - scores)) - contributions.sum(axis=1)
        assert np.ptp(base) < 1e-4


@pytest.mark.parametrize("to", ["onnx", "pmml"])
@pytest.mark.parametrize("kind", FORMATS)
def test_export(kind: str, to: str) -> None:
    model = loaded(kind)
    if to not in EXPORTS[kind]:
        with pytest.raises(NoConversion, match=f"stored as {kind} cannot be written as {to}"):
            exported(model, PROBE, to=to)
        return
    result = exported(model, PROBE, to=to)
    assert result.parity.holds, result.parity.sentence
    again = model_format(to).read(result.content, file=Path("m"))
    # sklearn2pmml leaves out the features that no tree asks for.
    in_file = again.feature_names or ()
    assert in_file == tuple(name for name in NAMES if name in in_file)
    assert len(in_file) == 8 or to == "pmml"


def test_the_documents_have_the_table() -> None:
    assert matrix() in DOCUMENT.read_text(encoding="utf-8")
