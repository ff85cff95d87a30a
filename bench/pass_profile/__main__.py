"""CPU of the scoring pass per event and stage, without Spark: in memory, or over a real HBase."""

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, cast

import psutil
import pyarrow as pa
import typer
from typer import Option

from bench.pass_profile.load import Crowd, arrow_batches
from bench.pass_profile.memory import MemoryTable, OneModel
from bench.pass_profile.model import model_in_use
from local.endpoints import Endpoints, read_endpoints
from local.tables import Family, TableSpec, create_tables
from scenarios.contract.scenario import load_scenario
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.states import StateTable
from stores.hbase.tables import table_specs
from streaming.passes.batches import batch_of
from streaming.passes.settings import PassSettings
from streaming.passes.table import PassTable
from streaming.recent.states import SharedMemory
from streaming.recent.table import RememberedTable
from streaming.scoring.models_in_use import InUse, ModelsInUse
from streaming.scoring.scoring_pass import ScoringPass
from streaming.scoring.second_entities import SecondEntityReader


class _Stages:
    """CPU seconds by stage; what a stage calls counts for the inner one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner: list[float] = []

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, its CPU time counted for stage `name`."""

        def run(*args: Any, **options: Any) -> Any:
            began = time.process_time()
            self._inner.append(0.0)
            try:
                return function(*args, **options)
            finally:
                took = time.process_time() - began
                self.seconds[name] += took - self._inner.pop()
                if self._inner:
                    self._inner[-1] += took

        return run

    def watch(self, scoring: ScoringPass, table: PassTable, use: InUse) -> None:
        """Time the parts of `scoring`; what is left is reported as "rest"."""
        parts: list[tuple[object, str, str]] = [
            (scoring._fold._decoder, "decode", "decode"),
            (table, "below", "read"),
            (table, "newest", "read"),
            (table, "write", "write"),
            (table, "write_marker", "write"),
            (scoring._judge, "verdicts", "decide"),
            (use.champion, "scores", "score"),
            (scoring._writer, "messages", "documents"),
        ]
        if use.shadow is not None:
            parts.append((use.shadow, "scores", "shadow"))
        for owner, method, name in parts:
            # Models are frozen; this is a stopwatch, not a change.
            object.__setattr__(owner, method, self.timed(name, getattr(owner, method)))


def main(
    scenario: Annotated[str, Option(help="Name of the scenario.")] = "numbers",
    module: Annotated[str, Option(help="Its module.")] = "bench.scenarios.numbers",
    events: Annotated[int, Option(min=1000)] = 100_000,
    rows: Annotated[int, Option(min=1, help="Events per batch.")] = 4000,
    customers: Annotated[int, Option(min=1)] = 50_000,
    zipf: Annotated[float, Option(help="Exponent of Zipf's law; 0 draws alike.")] = 0.0,
    decimals: Annotated[int, Option(help="Decimals of the numbers; -1: all.")] = 4,
    run_dir: Annotated[Path | None, Option(help="Over the HBase of this running platform.")] = None,
    remember: Annotated[bool, Option(help="Keep recent states in memory.")] = True,
    shadow_share: Annotated[
        float, Option(min=0.0, max=1.0, help="Share of events that a shadow scores as well.")
    ] = 0.0,
) -> None:
    """Print microseconds of CPU per event, by stage and, with a platform, by process."""
    declared = load_scenario(scenario, module)
    with tempfile.TemporaryDirectory(prefix="everscore-profile-") as folder:
        use = model_in_use(declared, Path(folder))
    if shadow_share:
        deployment = replace(use.deployment, shadow_share=shadow_share, experiment="profile")
        use = InUse(deployment, use.champion, None, shadow=replace(use.champion))
    crowd = Crowd(customers=customers, zipf=zipf, decimals=decimals)
    endpoints = read_endpoints(run_dir) if run_dir else None
    settings = _settings(scenario, module, endpoints)
    batches = list(arrow_batches(declared, crowd, events=events, rows=rows))
    _pass_over(batches[:2], settings, declared, MemoryTable(), use)  # compiles, warms caches
    table: PassTable = _stored(settings, endpoints) if endpoints else MemoryTable()
    if remember and endpoints:
        table = RememberedTable(table, settings, SharedMemory())
    stages, before, began = _Stages(), _cpu(run_dir), time.process_time()
    _pass_over(batches, settings, declared, table, use, stages)
    total = time.process_time() - began
    cpu_seconds = {**stages.seconds, "rest": total - sum(stages.seconds.values()), "pass": total}
    after = _cpu(run_dir)
    cpu_seconds |= {name: after[name] - before[name] for name in after}
    for name, seconds in cpu_seconds.items():
        print(f"{name:10} {seconds / events * 1e6:8.2f} µs per event")


def _pass_over(
    batches: list[pa.RecordBatch],
    settings: PassSettings,
    scenario: Any,
    table: PassTable,
    use: InUse,
    stages: _Stages | None = None,
) -> None:
    shadow = None if use.shadow is None else replace(use.shadow)
    used = InUse(use.deployment, replace(use.champion), None, shadow)
    models, second = cast(ModelsInUse, OneModel(used)), SecondEntityReader(scenario, [])
    scoring = ScoringPass(settings, scenario, table, models, second)
    if stages:
        stages.watch(scoring, table, used)
    for batch in batches:
        scoring.process(batch_of(batch))


def _settings(scenario: str, module: str, endpoints: Endpoints | None) -> PassSettings:
    host, port = ("nowhere", 1)
    if endpoints:
        host, port = endpoints.hbase_thrift_host, endpoints.hbase_thrift_port
    return PassSettings(
        scenario=scenario,
        module=module,
        store=HBaseStore(host, port, f"profile{time.time_ns()}"),
        epoch=1,
        first_offsets={0: 0},
        max_event_bytes=1 << 20,
        max_future_skew_seconds=300,
        retry_seconds=30,
    )


def _stored(settings: PassSettings, endpoints: Endpoints) -> StateTable:
    specs = table_specs(settings.scenario, regions=4, state_versions=512)
    name = settings.store.namespace
    families = [(spec, [Family(*version) for version in spec.versions]) for spec in specs]
    create_tables(
        endpoints,
        [TableSpec(f"{name}:{s.name}", spec_families, s.splits) for s, spec_families in families],
    )
    return StateTable(Session(settings.store, retry_seconds=30), settings.scenario)


def _cpu(run_dir: Path | None) -> dict[str, float]:
    """CPU seconds of the platform's processes."""
    if run_dir is None:
        return {}
    processes = json.loads((run_dir / "platform.json").read_text(encoding="utf-8"))["processes"]
    times = {
        name: psutil.Process(process["pid"]).cpu_times() for name, process in processes.items()
    }
    return {name: cpu.user + cpu.system for name, cpu in times.items()}


if __name__ == "__main__":
    typer.run(main)
