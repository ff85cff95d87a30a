"""What in an image raised a score, by the maps of the field's network."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx

from features.attachments import ScoreOfFigures
from features.images.image import Image
from features.images.network import NetworkError, onnx_session
from features.images.overlay import OVERLAY_SIDE, class_activation, gradient, overlay_png
from features.images.pixels import PNG, Grey, grey_image
from features.images.quality import FIGURES, quality

Floats = npt.NDArray[np.float64]


class ImageExplainer:
    """Class activation maps of the images of one field.

    A score is taken as a function of the network's embedding: directly, and through every other
    output that the file computes from the embedding alone. Outputs that it computes in another way
    stay as they are.
    """

    def __init__(self, image: Image) -> None:
        self._image, network = image, image.network
        model = onnx.load_model_from_string(network.content)
        names = [output.name for output in network.outputs if output.name != network.embedding]
        self._of_embedding = {
            name for name in names if _nodes_between(model, network.embedding, name) is not None
        }
        self._session = onnx_session(network.content)
        self._head = onnx_session(_head(model, network.embedding, sorted(self._of_embedding)))
        self._names = [*(output.name for output in network.outputs), network.embedding]

    def figures(self, stored: bytes) -> Floats:
        """The figures (k,) of a stored image, as they are of an event; raises `NetworkError`."""
        return self._figures(self._grey(stored))

    def overlay(self, stored: bytes, score: ScoreOfFigures) -> bytes | None:
        """The image with heat colours where it raises `score`; None where it does nowhere."""
        network, grey = self._image.network, self._grey(stored)
        pixels = grey.resized(network.side)[np.newaxis, np.newaxis]
        maps, embedding = self._session.run([network.maps, network.embedding], {"pixels": pixels})
        figures = self._figures(grey)
        slopes = gradient(
            lambda embeddings: score(self._moved(figures, embeddings)),
            np.asarray(embedding[0], dtype=np.float64),
        )
        activation = class_activation(maps[0], slopes, OVERLAY_SIDE)
        if not activation.any():
            return None
        return overlay_png(grey.resized(OVERLAY_SIDE), activation)

    def _figures(self, grey: Grey) -> Floats:
        network = self._image.network
        pixels = grey.resized(network.side)[np.newaxis, np.newaxis]
        names = [output.name for output in network.outputs]
        outputs = self._session.run(names, {"pixels": pixels})
        numbers = [float(value) for output in outputs for value in np.ravel(output)]
        return np.array([*quality(grey.unit), *numbers])

    def _moved(self, figures: Floats, embeddings: Floats) -> Floats:
        """Rows (n, k) of figures where the network's embedding was one of `embeddings` (n, m)."""
        network = self._image.network
        rows = np.tile(figures, (len(embeddings), 1))
        names = sorted(self._of_embedding)
        values = self._head.run(
            [f"{name}_" for name in names] or None,
            {network.embedding: embeddings.astype(np.float32)},
        )
        moved = dict(zip(names, values, strict=False))
        moved[network.embedding] = embeddings
        begin = len(FIGURES)
        for output in network.outputs:
            if output.name in moved:
                rows[:, begin : begin + output.size] = np.reshape(
                    moved[output.name], (len(rows), output.size)
                )
            begin += output.size
        return rows

    def _grey(self, stored: bytes) -> Grey:
        image = self._image
        grey = grey_image(stored, PNG, limits=image.limits, modalities=image.modalities)
        if isinstance(grey, tuple):
            raise NetworkError(f"the stored image cannot be read: {grey[1]}")
        return grey


def _nodes_between(model: onnx.ModelProto, source: str, output: str) -> list[int] | None:
    """The nodes that make `output` of the tensor `source` and constants; None: it needs more."""
    constants = {tensor.name for tensor in model.graph.initializer}
    makers = {name: at for at, node in enumerate(model.graph.node) for name in node.output}
    needed: set[int] = set()
    wanted = [output]
    while wanted:
        name = wanted.pop()
        if name == source or name in constants or not name:
            continue
        if name not in makers:
            return None
        if makers[name] not in needed:
            needed.add(makers[name])
            wanted += model.graph.node[makers[name]].input
    return sorted(needed)


def _head(model: onnx.ModelProto, source: str, outputs: Sequence[str]) -> bytes:
    """The part of the network behind the tensor `source`; its outputs are named "NAME_"."""
    nodes = sorted({at for name in outputs for at in _nodes_between(model, source, name) or ()})
    known = {output.name: output for output in model.graph.output}
    if source not in known:
        raise NetworkError(f"the network has no output {source!r}; it has {sorted(known)}")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    ends = [helper.make_node("Identity", [name], [f"{name}_"]) for name in (*outputs, source)]
    graph = helper.make_graph(
        [*(model.graph.node[at] for at in nodes), *ends],
        "head",
        [known[source]],
        [helper.make_tensor_value_info(f"{name}_", floats, None) for name in (*outputs, source)],
        list(model.graph.initializer),
    )
    head = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    return bytes(head.SerializeToString())
