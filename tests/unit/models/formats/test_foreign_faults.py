"""Files that cannot become a version are refused in one line; no code of theirs runs."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from batch.exchange.foreign import check_names, foreign_model, kind_of
from models.errors import ModelCorrupt, ModelMissing, ModelNeedsFeatures, ModelUntrusted
from models.formats.artifact import load_artifact, save_artifact
from models.formats.format import model_format
from models.formats.onnx_writer import FEATURE_NAMES, INPUT, onnx_of, whole_missing_tracks
from models.formats.parity import ScoresNotEqual, check_parity, score_parity
from tests.scenarios.tiny import SCENARIO
from tests.support.fragile_models import bare_card
from tests.unit.models.formats.foreign_files import (
    NAMES,
    PROBE,
    lightgbm_booster,
    rows,
    source,
    trees,
    xgboost_booster,
)

SWAPPED = (NAMES[1], NAMES[0], *NAMES[2:])
LINEAR = """<?xml version="1.0"?>
<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">
  <Header><Application name="Another vendor"/></Header>
  <DataDictionary>
    <DataField name="outcome" optype="categorical" dataType="string">
      <Value value="fine"/><Value value="failed"/></DataField>
    <DataField name="temperature_c" optype="continuous" dataType="double"/>
    <DataField name="readings" optype="continuous" dataType="double"/>
  </DataDictionary>
  <RegressionModel functionName="classification" normalizationMethod="logit">
    <MiningSchema>
      <MiningField name="outcome" usageType="target"/>
      <MiningField name="temperature_c"/>
      <MiningField name="readings" missingValueReplacement="0"/>
    </MiningSchema>
    <Output>
      <OutputField name="risk" feature="probability" value="failed" dataType="double"
        optype="continuous"/>
    </Output>
    <RegressionTable targetCategory="failed" intercept="-2">
      <NumericPredictor name="temperature_c" coefficient="0.03"/>
      <NumericPredictor name="readings" coefficient="0.001"/>
    </RegressionTable>
    <RegressionTable targetCategory="fine" intercept="0"/>
  </RegressionModel>
</PMML>
"""


def imported(path: Path, content: bytes, **options: Any) -> Any:
    """`content` as a file, read as import_model reads it."""
    path.write_bytes(content)
    return foreign_model(path, PROBE, NAMES, **options)


@pytest.mark.parametrize("kind", ["skops", "xgboost", "lightgbm", "onnx"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.97])
def test_a_truncated_file_is_refused(kind: str, share: float, tmp_path: Path) -> None:
    whole = source(kind)
    content = whole.content[: int(len(whole.content) * share)]
    with pytest.raises(ModelCorrupt, match=r"m\."):
        imported(tmp_path / whole.file_name, content)


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm", "onnx"])
def test_a_tampered_version_is_not_loaded(kind: str, tmp_path: Path) -> None:
    card = bare_card(stored_as=kind)
    model = source(kind).content if kind == "onnx" else trained(kind)
    sha256 = save_artifact(tmp_path, model, card)
    file = tmp_path / model_format(kind).file_name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelCorrupt, match="deployed was"):
        load_artifact(tmp_path, name="tiny", version="1", sha256=sha256, available_features=NAMES)


def trained(kind: str) -> Any:
    """The booster of `kind`."""
    return {"xgboost": xgboost_booster, "lightgbm": lightgbm_booster}[kind]()


class Bomb:
    """A pickle of it makes the folder that it names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("name", ["m.pkl", "m.joblib", "m.skops", "m.onnx", "m.ubj", "m.txt"])
def test_a_pickle_that_runs_code_does_not_run(name: str, tmp_path: Path) -> None:
    trace = tmp_path / "it ran"
    with pytest.raises((ModelUntrusted, ModelCorrupt)):
        imported(tmp_path / name, pickle.dumps(Bomb(trace)))
    assert not trace.exists()
    pickle.loads(pickle.dumps(Bomb(trace)))
    assert trace.exists()  # the refusal above prevented this


def test_a_pickle_needs_the_option_and_is_not_opened_without(tmp_path: Path) -> None:
    with pytest.raises(ModelUntrusted, match="add --trust-pickle if you know who made it"):
        foreign_model(tmp_path / "absent.pkl", PROBE, NAMES)
    with pytest.raises(ModelMissing, match=r"there is no file .*absent\.pkl"):
        foreign_model(tmp_path / "absent.pkl", PROBE, NAMES, trusts_pickle=True)


def test_a_trusted_pickle_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match="it holds a dict, expected a classifier"):
        imported(tmp_path / "m.pkl", pickle.dumps({"a": 1}), trusts_pickle=True)


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm", "onnx"])
def test_another_order_of_columns_is_refused_with_both_lists(kind: str, tmp_path: Path) -> None:
    names = list(SWAPPED)
    if kind == "xgboost":
        booster = xgboost_booster().copy()
        booster.feature_names = names
        content = bytes(booster.save_raw("ubj"))
    elif kind == "onnx":
        content = onnx_of(lightgbm_booster(), feature_names=names)
    else:
        text = source(kind).content.decode()
        content = text.replace(" ".join(NAMES), " ".join(names)).encode()
    file = tmp_path / {"xgboost": "m.ubj", "lightgbm": "m.txt", "onnx": "m.onnx"}[kind]
    with pytest.raises(ModelNeedsFeatures, match=r"1 mode \| temperature_c \(!\), 2 temperature_c"):
        imported(file, content)
    # Nor does a worker load a version whose card says another order than its file.
    predictor: Any = model_format(kind).read(content, file=file).predictor
    stored = content if kind == "onnx" else predictor.booster
    sha256 = save_artifact(tmp_path / "v", stored, bare_card(stored_as=kind))
    with pytest.raises(ModelNeedsFeatures, match=r"In the file \| expected: 1 mode"):
        load_artifact(
            tmp_path / "v", name="tiny", version="1", sha256=sha256, available_features=NAMES
        )


def test_features_that_the_scenario_lacks_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNeedsFeatures, match=r"needs the features \['income'\]"):
        check_names(["temperature_c", "income"], NAMES, file=Path("m"))
    check_names(["temperature_c", "readings"], NAMES, file=Path("m"))


def graph(
    inputs: list[tuple[str, int]], *, output: str = "probability", operator: str = "Sigmoid"
) -> bytes:
    """A graph that takes a float32 matrix per input and gives a probability of the first."""
    import onnx
    from onnx import TensorProto, helper

    first = inputs[0][0]
    nodes = [
        helper.make_node("ReduceMean", [first], ["mean"], axes=[1], keepdims=1),
        helper.make_node(operator, ["mean"], [output]),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width])
        for name, width in inputs
    ]
    ends = [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, 1])]
    model = helper.make_model(
        helper.make_graph(nodes, "g", ports, ends),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )
    content: bytes = onnx.ModelProto.SerializeToString(model)
    return content


def test_onnx_with_an_input_per_feature_needs_the_scenarios_names(tmp_path: Path) -> None:
    right = imported(tmp_path / "m.onnx", graph([(name, 1) for name in NAMES]))
    assert right.feature_names == NAMES
    assert np.ptp(right.scores) > 0
    with pytest.raises(ModelNeedsFeatures, match=r"needs the features \['income'"):
        imported(tmp_path / "m.onnx", graph([(name, 1) for name in ("income", *NAMES[1:])]))


def test_onnx_of_another_width_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelNeedsFeatures, match="cannot score rows of 8 features"):
        imported(tmp_path / "m.onnx", graph([("X", 5)]))


def test_onnx_without_a_probability_or_with_foreign_operators_is_refused(tmp_path: Path) -> None:
    import onnx

    wide = onnx.load_model_from_string(graph([("X", 8)]))
    wide.graph.node[1].input[0] = "X"
    del wide.graph.node[0]
    wide.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 8
    with pytest.raises(ModelCorrupt, match="expected one of floats with the probabilities"):
        imported(tmp_path / "m.onnx", wide.SerializeToString())
    foreign = onnx.load_model_from_string(graph([("X", 8)]))
    foreign.graph.node[1].domain = "com.example"
    foreign.opset_import.add(domain="com.example", version=1)
    with pytest.raises(ModelCorrupt, match=r"operators of \['com.example'\]"):
        imported(tmp_path / "m.onnx", foreign.SerializeToString())


def test_a_zip_map_at_the_end_of_a_graph_is_taken_off() -> None:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.linear_model import LogisticRegression

    features = np.nan_to_num(rows()[0])
    linear = LogisticRegression(max_iter=50).fit(features / 100, rows()[1])
    types = [(INPUT, FloatTensorType([None, len(NAMES)]))]
    mapped = to_onnx(linear, initial_types=types, options={id(linear): {"zipmap": True}})
    content = mapped.SerializeToString()
    assert b"ZipMap" in content
    in_file = model_format("onnx").read(content, file=Path("m.onnx"))
    expected = linear.predict_proba(features / 100)[:, 1]
    assert score_parity(expected, in_file.predictor.scores(features / 100), 1e-5).holds


def test_histogram_trees_convert_only_with_whole_missing_tracks() -> None:
    """The day on which skl2onnx does it by itself, the wrapper can go."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    types = [(INPUT, FloatTensorType([None, len(NAMES)]))]
    single = trees().calibrated_classifiers_[0].estimator
    with pytest.raises(Exception, match="nodes_missing_value_tracks_true"):
        to_onnx(single, initial_types=types)
    with whole_missing_tracks():
        assert to_onnx(single, initial_types=types).graph.node
    with pytest.raises(Exception, match="nodes_missing_value_tracks_true"):
        to_onnx(single, initial_types=types)


def test_other_objectives_are_refused(tmp_path: Path) -> None:
    import xgboost

    data = xgboost.DMatrix(PROBE.astype(np.float32), label=PROBE[:, 0], nthread=1)
    counts = xgboost.train({"objective": "reg:squarederror", "nthread": 1}, data, 1)
    with pytest.raises(ModelCorrupt, match=r"objective 'reg:squarederror', expected 'binary"):
        imported(tmp_path / "m.ubj", bytes(counts.save_raw("ubj")))
    text = source("lightgbm").content.replace(b"objective=binary", b"objective=poisson")
    with pytest.raises(ModelCorrupt, match="expected 'objective=binary'"):
        imported(tmp_path / "m.txt", text)


def test_pmml_of_another_vendor_is_scored(tmp_path: Path) -> None:
    foreign = imported(tmp_path / "m.pmml", LINEAR.encode())
    assert foreign.feature_names == ("temperature_c", "readings")
    hot, count = PROBE[:, 0], np.nan_to_num(PROBE[:, NAMES.index("readings")])
    with np.errstate(over="ignore"):
        expected = 1 / (1 + np.exp(-(-2 + 0.03 * hot + 0.001 * count)))
    assert score_parity(expected, foreign.scores, 1e-9).holds


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('<?xml version="1.0"?>', "<!DOCTYPE PMML>", "declares XML entities"),
        ("</PMML>", "", "not well-formed"),
        ("<RegressionTable", '<Apply function="java.lang.Runtime"/><RegressionTable', "calls"),
        ('feature="probability" value="failed"', 'feature="predictedValue"', "output fields"),
        ("RegressionModel", "NoSuchModel", "cannot load"),
    ],
)
def test_pmml_that_must_not_be_scored(old: str, new: str, message: str, tmp_path: Path) -> None:
    with pytest.raises((ModelCorrupt, ModelUntrusted), match=message):
        imported(tmp_path / "m.pmml", LINEAR.replace(old, new).encode())


def test_files_of_other_kinds_are_named() -> None:
    with pytest.raises(ModelCorrupt, match=r"torch\.onnx\.export"):
        kind_of(Path("m.pt"))
    with pytest.raises(ModelCorrupt, match=r"ends in '\.h5', expected one of"):
        kind_of(Path("m.h5"))


def test_parity_counts_rows_beyond_and_missing_scores() -> None:
    reference = np.array([0.1, 0.2, np.nan, np.nan])
    parity = score_parity(reference, np.array([0.1, 0.3, np.nan, 0.5]), 0.05)
    assert (parity.rows, parity.rows_beyond, parity.largest_difference) == (4, 2, 1.0)
    with pytest.raises(ScoresNotEqual, match=r"4 rows, largest difference 1, 2 beyond 0\.05"):
        check_parity(parity, what="two")
    assert not score_parity(np.empty(0), np.empty(0), 1.0).holds
    with pytest.raises(ValueError, match=r"\(1,\) scores for \(2,\) references"):
        score_parity(np.zeros(2), np.zeros(1), 1.0)


def test_names_of_a_graph_are_a_list(tmp_path: Path) -> None:
    import onnx

    broken = onnx.load_model_from_string(source("onnx").content)
    broken.metadata_props[0].value = "temperature_c"
    assert broken.metadata_props[0].key == FEATURE_NAMES
    with pytest.raises(ModelCorrupt, match="expected a list"):
        imported(tmp_path / "m.onnx", broken.SerializeToString())
    assert len(SCENARIO.feature_names) == 8
