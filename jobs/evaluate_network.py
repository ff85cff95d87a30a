"""Measure the chest X-ray network beside references, on held-out children; write the report.

The data files are looked for in the folder that EVERSCORE_XRAY_FOLDER names; EVERSCORE_XRAY_TEST
may name the official test file of PneumoniaMNIST. A residual network is trained for comparison,
which needs torch; --without-residual leaves it out.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
from typer import Option

from jobs.launcher.outcome import ending_with_exit_code
from jobs.options.shared import VerboseOption, job_app
from reports.terminal import Terminal
from scenarios.xray.images_file import (
    TYPE_NAMES,
    Xrays,
    network_pixels,
    official_test,
    read_xrays,
    xray_folder,
)
from scenarios.xray.network.evaluation import Result, evaluated, network_scorer, of_part
from scenarios.xray.network.overlay import class_activation, overlay_png
from scenarios.xray.network.references.support_vectors import support_vector_scorer
from scenarios.xray.network.report import (
    activations_png,
    curves_png,
    markdown,
    milliseconds_per_image,
)
from scenarios.xray.network.running import NETWORK_FILE, head_weights, run_network
from scenarios.xray.network.torch_extra import require_torch

SPARK = False


def main(
    out: Annotated[Path, Option(help="The Markdown file to write; its folder must exist.")],
    pictures: Annotated[Path, Option(help="The folder for the pictures; it must exist.")],
    network: Annotated[Path, Option(help="The network file.")] = NETWORK_FILE,
    minutes: Annotated[
        float, Option(min=0.1, help="CPU time for the residual network at most.")
    ] = 15.0,
    epochs: Annotated[int, Option(min=1, help="Epochs of the residual network.")] = 12,
    without_residual: Annotated[
        bool, Option("--without-residual", help="Train no residual network.")
    ] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Show what would be measured.")] = False,
    verbose: VerboseOption = False,
) -> None:
    console = Terminal(stderr=True)

    def show(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    with ending_with_exit_code(console, verbose=verbose):
        folder, official = xray_folder(), official_test()
        held_out = of_part(read_xrays(folder), "held_out")
        models = ["network", "PCA and SVM", *([] if without_residual else ["residual network"])]
        images = "no official test" if official is None else f"{len(official.images)} official"
        show(f"{', '.join(models)} on {len(held_out):,} held-out X-rays, {images}; to {out}")
        if dry_run:
            return
        if not without_residual:
            require_torch()
        for parent in (out.parent, pictures):
            if not parent.is_dir():
                raise FileNotFoundError(f"there is no folder {parent}")
        content = network.read_bytes()
        record = json.loads(network.with_suffix(".json").read_text(encoding="utf-8"))
        scorers = {"network": network_scorer(content)}
        show("fitting PCA and SVM")
        scorers["PCA and SVM"] = support_vector_scorer(folder)
        sentences = [
            f"The network has {len(content):,} bytes, was trained in "
            f"{record['cpu_seconds'] / 60:.1f} CPU minutes ({record['epochs']} epochs, seed "
            f"{record['plan']['seed']}) and takes {milliseconds_per_image(content):.2f} ms for one "
            "image on one thread (median).",
            "Each figure has its 95 % interval by bootstrap over children. Thresholds and "
            "temperatures come from the calibration part. " + record["leakage"],
        ]
        if not without_residual:
            from scenarios.xray.network.references.residual import residual_scorer
            from scenarios.xray.network.training import Epoch, Plan

            finished: list[Epoch] = []

            def on_epoch(epoch: Epoch) -> None:
                finished.append(epoch)
                show(
                    f"residual network, epoch {epoch.number} of {epochs}: loss {epoch.loss:.3f}, "
                    f"AUROC {epoch.pneumonia_auroc:.4f}, bacterial {epoch.bacterial_auroc:.4f}, "
                    f"{epoch.seconds:.0f} s"
                )

            plan = Plan(epochs=epochs, most_minutes=minutes, learning_rate=2e-3)
            scorers["residual network"] = residual_scorer(folder, plan, on_epoch=on_epoch)
            sentences.append(
                f"The residual network, the reference, was trained in "
                f"{finished[-1].seconds / 60:.1f} CPU minutes ({len(finished)} of {epochs} epochs)."
            )
        results: list[Result] = []
        for name, scorer in scorers.items():
            show(f"measuring {name}")
            results += evaluated(name, scorer, folder=folder, official=official)
        curves, maps = pictures / "xray-network-curves.png", pictures / "xray-network-maps.png"
        curves.write_bytes(curves_png(results))
        maps.write_bytes(activations_png(_examples(content, held_out)))
        text = markdown(
            results,
            now=datetime.now(UTC),
            sentences=sentences,
            pictures={
                title: Path(os.path.relpath(picture, out.parent)).as_posix()
                for title, picture in (("ROC and abstention", curves), ("Class activation", maps))
            },
        )
        out.write_text(text, encoding="utf-8")
        print(out)


def _examples(content: bytes, xrays: Xrays) -> list[tuple[str, bytes]]:
    """Overlays of the first two X-rays of each type: what speaks for pneumonia."""
    rows = np.concatenate([np.flatnonzero(xrays.types == kind)[:2] for kind in range(3)])
    pixels = network_pixels(xrays.images[rows])
    outputs = run_network(content, pixels, ("maps", "pneumonia"))
    weights = head_weights(content)["pneumonia"]
    return [
        (
            f"{TYPE_NAMES[kind]}, {100 / (1 + np.exp(-logit)):.0f} %",
            overlay_png(image, class_activation(np.moveaxis(maps, 0, -1), weights)),
        )
        for kind, image, maps, logit in zip(
            xrays.types[rows], pixels, outputs["maps"], outputs["pneumonia"], strict=True
        )
    ]


app = job_app(
    main,
    doc=__doc__,
    example="./spark-submit.sh evaluate_network --out report.md --pictures .",
)
