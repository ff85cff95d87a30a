"""The end of the demo: counts that add up, figures, and where to look next."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from jobs.launcher.run import Run
from jobs.wiring.from_settings import hbase_store
from jobs.wiring.streaming import kafka_cluster
from models.formats.artifact import read_card
from models.registry.fetching import local_path
from monitoring.live.counts import TopicCounter, TopicCounts, row_count
from monitoring.live.latency_probe import LatencyProbe
from stores.hbase.predictions import Prediction, reader
from stores.records.deployments import read_deployment


@dataclass(frozen=True)
class Figures:
    """What was measured; latencies in seconds, metrics from the deployed model's card."""

    counts: TopicCounts
    rows: int
    latency: list[float] | None
    model: str
    metrics: dict[str, float]
    example: Prediction | None

    @classmethod
    def read(cls, run: Run, probe: LatencyProbe) -> "Figures":
        """The present figures."""
        store = hbase_store(run.settings)
        counter = TopicCounter(kafka_cluster(run.settings), run.scenario.name)
        deployment = read_deployment(store, run.scenario.name)
        champion = deployment.champion if deployment else None
        folder = local_path(champion.artifact_uri) if champion else None
        metrics = dict(read_card(Path(folder)).metrics) if folder else {}
        counts = counter.counts()
        counter.close()
        with reader(store, run.scenario.name) as rows:
            example = next((prediction for prediction in rows.scan() if prediction.reasons), None)
            if example is None:  # a model whose format gives no reasons
                example = next(iter(rows.scan()), None)
        return cls(
            counts=counts,
            rows=row_count(store, run.scenario.name),
            latency=probe.percentiles((50, 99)),
            model=f"{champion.name} version {champion.version}" if champion else "none",
            metrics=metrics,
            example=example,
        )


@dataclass(frozen=True)
class Memory:
    """What was reproduced from the archive, as the jobs that did it logged it."""

    snapshot: str
    retrained: str
    audited: str
    page: str

    @classmethod
    def read(cls, logs: Path, *, retrained: str, audited: str) -> "Memory":
        """The lines of the jobs' logs that show it."""
        built = (logs / "build_training_set.log").read_text()
        return cls(
            snapshot=_line(built, "snapshot "),
            retrained=_line(retrained, "trained again"),
            audited=_line(audited, "reproduced"),
            page=_line(audited, "page: ").rpartition("page: ")[2],
        )


def show_summary(
    run: Run, figures: Figures, reconciled: str, memory: Memory, *, seconds: float
) -> None:
    """Print counts, latency, model quality, what was reproduced, and what to do next."""
    show = run.console.print
    # What reconcile printed from its table on: it has just proved it, offset by offset.
    lines = reconciled.splitlines()
    first = next((i for i, line in enumerate(lines) if "partition" in line), 1)
    show("\n".join(lines[max(first - 1, 0) :]), markup=False, highlight=False)
    table = Table.grid(padding=(0, 2))
    counts = figures.counts
    messages = (
        f"{counts['events']:,} in = {counts['predictions']:,} predictions + "
        f"{counts['dead-letter']:,} dead letters (repeats included), "
        f"{counts['review']:,} for review"
    )
    table.add_row("messages", messages)
    table.add_row("rows in HBase", f"{figures.rows:,}")
    if figures.latency:
        p50, p99 = (1000 * value for value in figures.latency)
        table.add_row("event → readable row", f"p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    quality = ", ".join(
        f"{name} {figures.metrics[name]:.3f}"
        for name in ("auroc", "accuracy")
        if name in figures.metrics
    )
    table.add_row("model", f"{figures.model}: {quality} on the held-out customers")
    table.add_row("training data", memory.snapshot)
    table.add_row("retraining", memory.retrained)
    table.add_row("audit", memory.audited)
    table.add_row("took", f"{seconds:.0f} s")
    show(table)
    show(f"audit page: {memory.page}", markup=False, highlight=False, soft_wrap=True)
    name = run.scenario.name
    entity = shlex.quote(figures.example.entity) if figures.example else "ENTITY"
    show(
        f"next: make score SCENARIO={name} ID={entity} · "
        f"./spark-submit.sh explore --scenario {name} · "
        "make status · ./spark-submit.sh (lists the jobs) · stop with make down",
        markup=False,
        highlight=False,
    )
    show(
        f"models: mlflow ui --backend-store-uri {shlex.quote(run.settings.mlflow.tracking_uri)}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _line(text: str, sign: str) -> str:
    """The last line with `sign` in it, without its time; a dash when there is none."""
    lines = [line.strip() for line in text.splitlines() if sign in line]
    if not lines:
        return "-"
    first, _, rest = lines[-1].partition(" ")
    return rest if first.endswith("Z") and "T" in first else lines[-1]
