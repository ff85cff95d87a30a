"""Images per second and core through the scoring pass: decode, fold, judge, without Kafka."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import numpy as np
import typer
from typer import Option

from bench.image_files import attached_image
from bench.pass_profile.load import Crowd, arrow_batches
from bench.pass_profile.memory import MemoryTable, OneModel
from bench.pass_profile.model import model_in_use
from conf.settings import load_settings
from features.attachments import NothingStored
from features.images.image import Image
from scenarios.contract.scenario import Scenario, load_scenario
from stores.hbase.connection import HBaseStore
from streaming.passes.batches import batch_of
from streaming.passes.settings import PassSettings
from streaming.scoring.models_in_use import ModelsInUse
from streaming.scoring.scoring_pass import ScoringPass
from streaming.scoring.second_entities import SecondEntityReader

LEAST_PER_SECOND = 300.0


def main(
    scenario: Annotated[str, Option(help="Name of the scenario.")] = "xray",
    module: Annotated[str, Option(help="Its module; by default that of the settings.")] = "",
    images: Annotated[int, Option(min=100)] = 3_000,
    rows: Annotated[int, Option(min=1, help="Events per batch.")] = 500,
    side: Annotated[int, Option(min=8, help="Of the images, in pixels.")] = 64,
) -> None:
    """Print images per second of CPU, and where the time goes; exit code 1 below 300."""
    declared = load_scenario(scenario, module or load_settings("local").scenarios[scenario])
    with tempfile.TemporaryDirectory(prefix="everscore-images-") as folder:
        use = model_in_use(declared, Path(folder))
    crowd = Crowd(customers=images, zipf=0.0, decimals=4)
    batches = list(
        arrow_batches(
            declared,
            crowd,
            events=images,
            rows=rows,
            attach=lambda field, number: attached_image(field, side, number),
        )
    )
    settings = PassSettings(
        scenario=scenario,
        module=module,
        store=HBaseStore("nowhere", 1),
        epoch=1,
        first_offsets={0: 0},
        max_event_bytes=1 << 22,
        max_future_skew_seconds=300,
        retry_seconds=0,
    )
    models, second = cast(ModelsInUse, OneModel(use)), SecondEntityReader(declared, [])
    for part in (batches[:1], batches):  # the first compiles and warms caches
        scoring = ScoringPass(settings, declared, MemoryTable(), models, second)
        began, began_cpu = time.perf_counter(), time.process_time()
        topics = [scoring.process(batch_of(batch)).column("topic").to_pylist() for batch in part]
        took, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    refused = sum(topic.endswith(".dead-letter") for names in topics for topic in names)
    print(f"{images:,} images of {side} x {side} pixels, {refused:,} of them refused")
    print(f"pass    {1e6 * cpu / images:8.0f} µs of CPU per image, {took:.1f} s in all")
    for name, microseconds in _reading(declared, batches):
        print(f"{name:7} {microseconds:8.0f} µs")
    per_second = images / cpu
    print(f"{per_second:,.0f} images per second and core; at least {LEAST_PER_SECOND:.0f}")
    if refused or per_second < LEAST_PER_SECOND:
        raise typer.Exit(1)


def _reading(scenario: Scenario, batches: list[Any]) -> list[tuple[str, float]]:
    """Microseconds of CPU per image: of reading an event's image, and of its network alone."""
    event = batches[0].column("value")[0].as_py()
    (field, *_) = scenario.schema.attachments.values()
    text = msgspec.json.decode(event)[field.name]
    reader = field.reader(NothingStored())
    timed: list[tuple[str, Callable[[], object]]] = [("image", lambda: reader.read(text))]
    if isinstance(field, Image):
        session, side = field.network.session(), field.network.side
        pixels = np.zeros((side, side), dtype=np.float32)
        timed.append(("network", lambda: session.figures(pixels)))
    results = []
    for name, action in timed:
        began = time.process_time()
        for _ in range(300):
            action()
        results.append((name, 1e6 * (time.process_time() - began) / 300))
    return results


if __name__ == "__main__":
    typer.run(main)
