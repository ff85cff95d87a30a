"""A PipelineModel of Spark ML as an ONNX graph, compared with the scores that Spark gives.

Spark cannot score inside a worker's Python process, so what is stored is the graph. It takes
float64 and compares with Spark's own thresholds; only sums of trees are float32.
"""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession

from batch.exchange.foreign import Floats, ForeignModel, check_names, columns_of
from models.errors import ModelCorrupt, ModelUntrusted
from models.formats.format import model_format
from models.formats.onnx_writer import INPUT, NoConversion, onnx_of

_PACKAGE = "org.apache.spark.ml."
# Spark makes an object of the class that a stage names, so only these are read.
_CLASSES = frozenset(
    _PACKAGE + name
    for name in (
        "PipelineModel",
        "feature.VectorAssembler",
        "classification.LogisticRegressionModel",
        "classification.DecisionTreeClassificationModel",
        "classification.RandomForestClassificationModel",
        "classification.GBTClassificationModel",
    )
)
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def spark_ml_model(
    spark: SparkSession, folder: Path, probe: Floats, scenario_features: Sequence[str]
) -> ForeignModel:
    """The pipeline in `folder` as a graph, with Spark's own scores of the probe rows (n, k).

    It must be a VectorAssembler of features of the scenario and one classifier of two classes.
    Raises `ModelCorrupt`, `ModelUntrusted`, `ModelNeedsFeatures` or `NoConversion`.
    """
    _check_classes(folder)
    from pyspark.ml import PipelineModel

    try:
        pipeline = PipelineModel.load(folder.resolve().as_uri())
    except Exception as error:  # Java's and py4j's, whatever is wrong with the files
        first_line = str(error).strip().splitlines()[0]
        raise ModelCorrupt(f"cannot load {folder}: {type(error).__name__}: {first_line}") from error
    if len(pipeline.stages) != 2:
        stages = [type(stage).__name__ for stage in pipeline.stages]
        raise NoConversion(f"{folder} has the stages {stages}, expected VectorAssembler and model")
    assembler: Any = pipeline.stages[0]
    classifier: Any = pipeline.stages[1]
    if assembler.getHandleInvalid() != "keep":
        raise NoConversion(
            f"the VectorAssembler of {folder} has handleInvalid={assembler.getHandleInvalid()!r}, "
            "expected 'keep': features may be missing"
        )
    names = tuple(assembler.getInputCols())
    check_names(names, scenario_features, file=folder)
    rows = columns_of(probe, scenario_features, names)
    return ForeignModel(
        stored_as=model_format("onnx"),
        model=onnx_of(_graph(classifier, len(names)), feature_names=names),
        feature_names=names,
        scores=_spark_scores(spark, pipeline, rows, names),
    )


def zipped(folder: Path) -> bytes:
    """The files of `folder` as a ZIP: equal files, equal bytes."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def _check_classes(folder: Path) -> None:
    """Raise unless every stage is of a class on the list."""
    files = sorted(folder.glob("**/metadata/part-*"))
    if not (folder / "metadata").is_dir() or not files:
        raise ModelCorrupt(f"{folder} is no saved PipelineModel: it has no folder metadata")
    try:
        classes = {json.loads(file.read_text(encoding="utf-8"))["class"] for file in files}
    except (ValueError, KeyError, TypeError) as error:
        raise ModelCorrupt(f"the metadata in {folder} cannot be read: {error!r}") from error
    # The trees of a forest are stored as rows of numbers, not as stages.
    foreign = sorted(classes - _CLASSES)
    if foreign:
        raise ModelUntrusted(f"{folder} has stages {foreign}, expected {sorted(_CLASSES)}")


def _spark_scores(spark: SparkSession, pipeline: Any, rows: Floats, names: Sequence[str]) -> Floats:
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F

    frame = pd.DataFrame(rows, columns=list(names)).assign(row=np.arange(len(rows)))
    probability = vector_to_array(F.col(pipeline.stages[1].getProbabilityCol()))[1]
    scored = pipeline.transform(_with_nan(spark, frame)).select("row", probability.alias("score"))
    scores: Floats = scored.toPandas().sort_values("row")["score"].to_numpy(dtype=np.float64)
    return scores


def _with_nan(spark: SparkSession, frame: pd.DataFrame) -> Any:
    """`frame` in Spark with NaN where a value is missing, as the assembler takes it."""
    from pyspark.sql import functions as F

    nan = F.lit(float("nan"))
    features = [name for name in frame.columns if name != "row"]
    columns = [F.coalesce(F.col(name), nan).alias(name) for name in features]
    return spark.createDataFrame(frame).select("row", *columns)


def _graph(classifier: Any, width: int) -> Any:
    """The classifier's probability of class 1 as a graph over a float64 matrix."""
    from onnx import TensorProto, helper

    if classifier.numClasses != 2:
        raise NoConversion(f"the classifier has {classifier.numClasses} classes, expected 2")
    kind = type(classifier).__name__
    match kind:
        case "LogisticRegressionModel":
            nodes, weights = _linear_nodes(classifier)
        case "GBTClassificationModel":
            trees = list(zip(classifier.trees, classifier.treeWeights, strict=True))
            nodes, weights = _tree_nodes(trees, is_boosted=True)
        case "RandomForestClassificationModel":
            trees = [(tree, 1.0 / len(classifier.trees)) for tree in classifier.trees]
            nodes, weights = _tree_nodes(trees, is_boosted=False)
        case "DecisionTreeClassificationModel":
            nodes, weights = _tree_nodes([(classifier, 1.0)], is_boosted=False)
        case _:
            raise NoConversion(f"there is no conversion of Spark ML's {kind} to ONNX")
    rows = helper.make_tensor_value_info(INPUT, TensorProto.DOUBLE, [None, width])
    end = helper.make_tensor_value_info("probability", TensorProto.DOUBLE, [None, 1])
    graph = helper.make_graph(nodes, kind, [rows], [end], weights)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def _linear_nodes(classifier: Any) -> tuple[list[Any], list[Any]]:
    from onnx import helper, numpy_helper

    coefficients = np.asarray(classifier.coefficients.toArray(), dtype=np.float64)[:, None]
    intercept = np.array([classifier.intercept], dtype=np.float64)
    nodes = [
        helper.make_node("MatMul", [INPUT, "coefficients"], ["product"]),
        helper.make_node("Add", ["product", "intercept"], ["margin"]),
        helper.make_node("Sigmoid", ["margin"], ["probability"]),
    ]
    weights = [
        numpy_helper.from_array(coefficients, "coefficients"),
        numpy_helper.from_array(intercept, "intercept"),
    ]
    return nodes, weights


@dataclass
class _Nodes:
    """Nodes of all trees, in the columns of ONNX's operator."""

    trees: list[int] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    modes: list[str] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    leaf_trees: list[int] = field(default_factory=list)
    leaf_ids: list[int] = field(default_factory=list)
    leaf_values: list[float] = field(default_factory=list)

    def add(self, node: Any, *, tree: int, number: int, weight: float, is_boosted: bool) -> int:
        """Add `node` as `number` and all below it; returns the next free number."""
        at = len(self.ids)
        self.trees.append(tree)
        self.ids.append(number)
        if node.getClass().getSimpleName() == "LeafNode":
            value = float(node.prediction()) if is_boosted else _share_of_ones(node)
            self._column(0, "LEAF", 0.0)
            self.leaf_trees.append(tree)
            self.leaf_ids.append(number)
            self.leaf_values.append(value * weight)
            return number + 1
        split = node.split()
        if split.getClass().getSimpleName() != "ContinuousSplit":
            raise NoConversion("a tree splits by categories, which has no conversion to ONNX")
        self._column(int(split.featureIndex()), "BRANCH_LEQ", float(split.threshold()))
        self.left[at] = number + 1
        below: dict[str, Any] = {"tree": tree, "weight": weight, "is_boosted": is_boosted}
        free = self.add(node.leftChild(), number=number + 1, **below)
        self.right[at] = free
        return self.add(node.rightChild(), number=free, **below)

    def _column(self, column: int, mode: str, threshold: float) -> None:
        self.columns.append(column)
        self.modes.append(mode)
        self.thresholds.append(threshold)
        self.left.append(0)
        self.right.append(0)


def _tree_nodes(
    trees: Sequence[tuple[Any, float]], *, is_boosted: bool
) -> tuple[list[Any], list[Any]]:
    """Boosted: 1 / (1 + exp(-2 m)) of the weighted sum m; else the mean share of ones."""
    from onnx import TensorProto, helper, numpy_helper

    flat = _Nodes()
    for number, (tree, weight) in enumerate(trees):
        root = tree._call_java("rootNode")
        flat.add(root, tree=number, number=0, weight=float(weight), is_boosted=is_boosted)
    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT],
        ["sum"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=flat.trees,
        nodes_nodeids=flat.ids,
        nodes_featureids=flat.columns,
        nodes_modes=flat.modes,
        nodes_truenodeids=flat.left,
        nodes_falsenodeids=flat.right,
        nodes_values_as_tensor=numpy_helper.from_array(np.array(flat.thresholds), "thresholds"),
        nodes_missing_value_tracks_true=[0] * len(flat.ids),
        target_treeids=flat.leaf_trees,
        target_nodeids=flat.leaf_ids,
        target_ids=[0] * len(flat.leaf_ids),
        target_weights_as_tensor=numpy_helper.from_array(np.array(flat.leaf_values), "leaves"),
    )
    nodes = [ensemble]
    if not is_boosted:
        nodes += [helper.make_node("Cast", ["sum"], ["share"], to=TensorProto.DOUBLE)]
        # Float32 sums may end just above 1.
        nodes += [helper.make_node("Clip", ["share", "zero", "one"], ["probability"])]
        ends = {"zero": 0.0, "one": 1.0}
        return nodes, [numpy_helper.from_array(np.array(v), name) for name, v in ends.items()]
    nodes += [
        helper.make_node("Cast", ["sum"], ["margin"], to=TensorProto.DOUBLE),
        helper.make_node("Mul", ["margin", "two"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    return nodes, [numpy_helper.from_array(np.array(2.0), "two")]


def _share_of_ones(leaf: Any) -> float:
    counts = list(leaf.impurityStats().stats())
    return float(counts[1]) / float(sum(counts))
