"""The table of results as Markdown, and its pictures."""

import statistics
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

import numpy as np

from scenarios.xray.images_file import SIDE
from scenarios.xray.network.evaluation import LARGE, OFFICIAL, Result
from scenarios.xray.network.metrics import COVERAGES
from scenarios.xray.network.running import network_session

_ROWS = {
    "pneumonia_auroc": "AUROC of pneumonia",
    "specificity": "specificity at the threshold of recall 0.97",
    "recall": "recall reached",
    "pneumonia_ece": "expected calibration error",
    "bacterial_ece": "calibration error, bacterial or viral",
} | {
    f"bacterial_{kind}_at_{coverage * 100:.0f}": (
        f"bacterial or viral: {name} at {coverage * 100:.0f} % coverage"
    )
    for coverage in COVERAGES
    for kind, name in (("auroc", "AUROC"), ("accuracy", "accuracy"))
}
_TIMED_RUNS = 300


def milliseconds_per_image(content: bytes) -> float:
    """The median time of one image in one call, on one thread of this machine."""
    session = network_session(content)
    pixels = np.random.default_rng(1).random((1, 1, SIDE, SIDE), dtype=np.float32)
    seconds = []
    for _ in range(_TIMED_RUNS):
        start = time.perf_counter()
        session.run(None, {"pixels": pixels})
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1000


def markdown(
    results: Sequence[Result],
    *,
    now: datetime,
    sentences: Sequence[str],
    pictures: Mapping[str, str],
) -> str:
    """The report: sentences, a table for each set of images, the pictures by title."""
    models = list(dict.fromkeys(result.model for result in results))
    blocks = ["# The chest X-ray network", f"{now:%Y-%m-%d %H:%M} UTC.", *sentences]
    for images in dict.fromkeys(result.images for result in results):
        by_model = {result.model: result for result in results if result.images == images}
        count = len(next(iter(by_model.values())).scored)
        lines = [
            f"| {images}, {count:,} images | " + " | ".join(models) + " |",
            "| --- |" + " --- |" * len(models),
        ]
        for name, label in _ROWS.items():
            values = [by_model[model].figures.get(name) for model in models]
            if any(value is not None for value in values):
                lines.append(f"| {label} | " + " | ".join(map(str, values)) + " |")
        blocks += [f"## {images[0].upper()}{images[1:]}", "\n".join(lines)]
    if not any(result.images == OFFICIAL for result in results):
        blocks += [
            "## Official test",
            "Not measured: its file was not named by EVERSCORE_XRAY_TEST.",
        ]
    blocks += [f"![{title}]({picture})" for title, picture in pictures.items()]
    return "\n\n".join(blocks) + "\n"


def curves_png(results: Sequence[Result]) -> bytes:
    """ROC of pneumonia, and accuracy of bacterial or viral by coverage, on held-out 64 px."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from sklearn.metrics import roc_curve

    figure = Figure(figsize=(9, 4), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    roc, abstention = figure.subplots(1, 2)
    shares = [100 * coverage for coverage in COVERAGES]
    for result in results:
        if result.images != LARGE:
            continue
        false, true, _ = roc_curve(result.scored.has_pneumonia, result.scored.pneumonia)
        roc.plot(
            false, true, label=f"{result.model}, {result.figures['pneumonia_auroc'].value:.3f}"
        )
        figures = [
            result.figures[f"bacterial_accuracy_at_{coverage * 100:.0f}"] for coverage in COVERAGES
        ]
        abstention.plot(shares, [f.value for f in figures], marker="o", label=result.model)
        abstention.fill_between(
            shares, [f.low for f in figures], [f.high for f in figures], alpha=0.12
        )
    roc.set(
        xlabel="share of normal X-rays that are flagged",
        ylabel="share of pneumonias that are flagged",
        xlim=(-0.01, 0.5),
        ylim=(0.5, 1.01),
        title="Pneumonia: ROC, upper left part",
    )
    abstention.set(
        xlabel="% of pneumonias with an answer",
        ylabel="accuracy among them",
        title="Bacterial or viral: accuracy by coverage",
    )
    abstention.invert_xaxis()
    for axes in (roc, abstention):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return _png(figure)


def activations_png(pictures: Sequence[tuple[str, bytes]]) -> bytes:
    """Overlays of `overlay_png` in one row, each with its title."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.image import imread

    figure = Figure(figsize=(2 * len(pictures), 2.3), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (title, picture) in zip(
        np.ravel(figure.subplots(1, len(pictures))), pictures, strict=True
    ):
        axes.imshow(imread(BytesIO(picture), format="png"))
        axes.set_title(title, fontsize=8)
        axes.axis("off")
    return _png(figure)


def _png(figure: Any) -> bytes:
    file = BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
