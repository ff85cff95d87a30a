"""What each model format can do, as the documents have it: `python -m batch.exchange.matrix`."""

from collections.abc import Sequence

from batch.exchange.exported import EXPORTS
from batch.exchange.foreign import ENDINGS
from models.formats.format import FORMATS, model_format

HEAD = ("format", "import", "stream", "batch", "tolerance", "reasons", "export to")


# They are converted when they come, so that what is stored is one of the formats.
CONVERTED = (
    ("Spark ML", "a folder of `PipelineModel`", "as onnx", "as onnx"),
    ("PyTorch", "exported to `.onnx` first", "as onnx", "as onnx"),
)


def matrix() -> str:
    """One line per format, then one per library whose models become one of them, in Markdown."""
    lines = [_line(HEAD), _line(["---"] * len(HEAD))]
    lines += [_line(_cells(name)) for name in FORMATS]
    onnx = _cells("onnx")[len(CONVERTED[0]) :]
    lines += [_line([*cells, *onnx]) for cells in CONVERTED]
    return "\n".join(lines)


def _cells(name: str) -> list[str]:
    stored_as = model_format(name)
    endings = [ending for ending, kind in ENDINGS.items() if kind == name]
    return [
        name,
        ", ".join(f"`{ending}`" for ending in endings),
        f"no: {stored_as.batch_only}" if stored_as.batch_only else "yes",
        "yes",
        f"{stored_as.tolerance:g}",
        f"no: {stored_as.without_reasons}" if stored_as.without_reasons else "TreeSHAP of trees",
        ", ".join(EXPORTS[name]),
    ]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(matrix())
