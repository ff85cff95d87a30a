"""Train the chest X-ray network, calibrate it and write it as ONNX with its record.

The three data files are looked for in the folder that EVERSCORE_XRAY_FOLDER names. Training takes
some 7 minutes of one core; the same plan writes the same network.
"""

from pathlib import Path
from typing import Annotated

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from typer import Option

from jobs.launcher.outcome import ending_with_exit_code
from jobs.options.shared import VerboseOption, job_app
from reports.terminal import Terminal
from scenarios.xray.images_file import read_small_xrays, read_xrays, xray_folder
from scenarios.xray.network.running import NETWORK_FILE
from scenarios.xray.network.torch_extra import require_torch
from scenarios.xray.patient_split import PARTS, is_in_part

SPARK = False


def main(
    out: Annotated[
        Path, Option(help="The file to write; its record goes beside it as .json.")
    ] = NETWORK_FILE,
    epochs: Annotated[int, Option(min=1, help="How often each X-ray is seen.")] = 30,
    minutes: Annotated[
        float, Option(min=0.1, help="End after so much CPU time, with what is learnt so far.")
    ] = 15.0,
    seed: Annotated[int, Option(min=0, help="Another seed, another network.")] = 1,
    dry_run: Annotated[bool, Option("--dry-run", help="Show the parts and the plan.")] = False,
    verbose: VerboseOption = False,
) -> None:
    console = Terminal(stderr=True)
    with ending_with_exit_code(console, verbose=verbose):
        folder = xray_folder()
        _print_parts(console, folder)
        plan = f"{epochs} epochs, at most {minutes:g} minutes of CPU time, seed {seed}, to {out}"
        console.print(plan, markup=False, highlight=False, soft_wrap=True)
        if dry_run:
            return
        require_torch()
        if not out.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {out.parent} to write {out.name} into")
        from scenarios.xray.network.making import made_network
        from scenarios.xray.network.training import Epoch, Plan

        with Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.completed} of {task.total} epochs"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        ) as progress:
            task = progress.add_task("training", total=epochs)

            def on_epoch(epoch: Epoch) -> None:
                figures = (
                    f"loss {epoch.loss:.3f}, AUROC {epoch.pneumonia_auroc:.4f}, "
                    f"bacterial {epoch.bacterial_auroc:.4f}"
                )
                progress.update(task, completed=epoch.number, description=figures)
                if not console.is_terminal:
                    line = f"epoch {epoch.number} of {epochs}: {figures}, {epoch.seconds:.0f} s"
                    console.print(line, highlight=False, soft_wrap=True)

            made = made_network(
                folder,
                Plan(epochs=epochs, most_minutes=minutes, seed=seed),
                on_epoch=on_epoch,
                show=lambda text: console.print(text, highlight=False, soft_wrap=True),
            )
        out.write_bytes(made.content)
        out.with_suffix(".json").write_text(made.record, encoding="utf-8")
        print(f"{out} ({len(made.content):,} bytes)")


def _print_parts(console: Terminal, folder: Path) -> None:
    large, small = read_xrays(folder), read_small_xrays(folder)
    for part in PARTS:
        rows = is_in_part(large.patients, part)
        smalls = int(is_in_part(small.patients, part).sum())
        normal, bacterial, viral = (int((large.types[rows] == kind).sum()) for kind in range(3))
        console.print(
            f"{part}: {rows.sum():,} X-rays of 64 px ({normal:,} normal, {bacterial:,} bacterial, "
            f"{viral:,} viral), {smalls:,} of 28 px",
            highlight=False,
            soft_wrap=True,
        )


app = job_app(
    main,
    doc=__doc__,
    example="EVERSCORE_XRAY_FOLDER=xrays ./spark-submit.sh train_network --out network.onnx",
)
