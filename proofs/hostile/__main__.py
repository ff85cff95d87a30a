"""Run the real stream under hostile records and count what became of every one of them.

Harmful records of some sixty kinds, from kafka-python and from a librdkafka client: another
partition than the key's, transactions, compressed and oversize values, broken JSON, rows that
cannot be judged. First good records alone are published as fast as they are scored, then good and
hostile ones together. Any restart, a record without its one disposition, another disposition than
the kind's, or good records at less than `--least-rate` of the clean rate end with exit code 5.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer
from kafka.admin import ConfigResource, ConfigResourceType
from rich.table import Table
from typer import Option

from jobs.launcher.child_jobs import ChildJob
from jobs.launcher.outcome import ending_with_exit_code
from jobs.launcher.signals import stopping_on_signals
from proofs.fitted_model import fitted
from proofs.hostile.kinds import KINDS
from proofs.hostile.load import HostileLoad, Phase, Tally
from proofs.hostile.machines import SCENARIO
from proofs.hostile.outcomes import (
    KindResult,
    Outcomes,
    new_consumer,
    outcomes_of,
    results_by_kind,
    topic_ends,
)
from proofs.proof import Proof
from proofs.stage import Stage, open_stage, own_platform, stage_in
from reports.steps import timed_step
from reports.terminal import Terminal
from stores.hbase.connection import Session
from stores.hbase.states import StateTable
from stores.records.deployments import write_deployment

FAILED = 5
_NAME = SCENARIO.name
_OVERRIDES = (f"scenarios.{_NAME}=proofs.hostile.{_NAME}",)
_FITTED_ROWS = 5_000


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Good records that were stored and scored in `seconds`."""

    good: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Good records a second."""
        return self.good / self.seconds


def main(
    minutes: Annotated[float, Option(min=0.1, help="Time under hostile records.")] = 10.0,
    clean_minutes: Annotated[float, Option(min=0.1, help="Time of good records alone.")] = 2.0,
    share: Annotated[float, Option(min=0.002, max=0.9, help="Share that is hostile.")] = 0.05,
    waiting: Annotated[int, Option(min=1_000, help="Most events that wait.")] = 100_000,
    least_rate: Annotated[
        float, Option(min=0, max=1, help="Least share of the clean rate for good records.")
    ] = 0.5,
    seed: Annotated[int, Option(help="Seed of the load.")] = 1,
    keep: Annotated[bool, Option("--keep", help="Keep the platform's folder and logs.")] = False,
) -> None:
    """Print a table of all kinds and one line per proof; exit code 0 when all hold."""
    console = Terminal(stderr=True)
    with (
        ending_with_exit_code(console, verbose=False),
        stopping_on_signals(),
        own_platform(keep=keep, console=console) as run_dir,
        open_stage(stage_in(run_dir, _NAME, console=console, overrides=_OVERRIDES)) as stage,
    ):
        _prepare(stage)
        stream = stage.start_scoring("hostile")
        load = HostileLoad(
            stage.kafka.bootstrap_servers, f"{_NAME}.events", partitions=2, seed=seed
        )
        try:
            warm = Phase(seconds=15.0, hostile_share=0.0, most_waiting=waiting)
            _measured("warming up", stage, stream, load, warm)
            clean = Phase(seconds=60 * clean_minutes, hostile_share=0.0, most_waiting=waiting)
            clean_rate, _ = _measured("good records", stage, stream, load, clean)
            hostile = Phase(seconds=60 * minutes, hostile_share=share, most_waiting=waiting)
            hostile_rate, tally = _measured("hostile records", stage, stream, load, hostile)
            is_alive = stream.process.poll() is None
            stream.stop()
        finally:
            load.close()
        with timed_step("reading back every topic", console):
            outcomes = outcomes_of(stage.kafka.bootstrap_servers, _NAME)
        results = results_by_kind(KINDS, tally.hostile, outcomes)
        log = stream.output()
    console.print(_table(results))
    proofs = list(
        _proofs(results, outcomes, tally, is_alive=is_alive, log=log),
    )
    proofs.append(_rate_proof(clean_rate, hostile_rate, least=least_rate))
    for proof in proofs:
        print(proof.line)
    if not all(proof.holds for proof in proofs):
        raise typer.Exit(FAILED)


def _prepare(stage: Stage) -> None:
    with timed_step("creating topics, tables and a model", stage.console):
        stage.run("prepare_scenario")
        # As on topics that were made without our settings: else the broker bounds what is inside
        # a compressed batch, and the largest records never reach the stream.
        with stage.kafka.admin() as admin:
            topic = f"{_NAME}.events"
            configs = {"compression.type": "producer"}
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs)])
        names = SCENARIO.feature_names
        rows = np.random.default_rng(1).normal(60.0, 30.0, (_FITTED_ROWS, len(names)))
        rows[:, names.index("mode")] = np.random.default_rng(2).integers(0, 3, len(rows))
        model = fitted(SCENARIO, rows, stage.run_dir / "model")
        write_deployment(stage.store, model.deployment)


def _measured(
    words: str, stage: Stage, stream: ChildJob, load: HostileLoad, phase: Phase
) -> tuple[Rate, Tally]:
    """Run one phase until all of it is scored."""
    began = time.monotonic()
    with _waiting_events(stage) as waiting, stage.console.status(words) as status:

        def progress(tally: Tally, seconds: float) -> None:
            status.update(
                f"{words}: {seconds:.0f} of {phase.seconds:.0f} s, {tally.good:,} good "
                f"({tally.good / seconds:,.0f}/s), {len(tally.hostile):,} hostile, "
                f"{waiting():,} waiting"
            )

        tally = load.run(phase, waiting=waiting, check=stream.check, progress=progress)
        status.update(f"{words}: waiting until all is scored")
        stage.wait_until_scored(stream)
    rate = Rate(good=tally.good, seconds=time.monotonic() - began)
    stage.tell(
        f"{words}: {tally.good:,} good and {len(tally.hostile):,} hostile records in "
        f"{rate.seconds:.0f} s, {rate.per_second:,.0f} good ones a second"
    )
    return rate, tally


@contextmanager
def _waiting_events(stage: Stage) -> Iterator[Callable[[], int]]:
    """How many offsets of the events topic no marker has passed; read at most 5 times a second."""
    client = new_consumer(stage.kafka.bootstrap_servers)
    session = Session(stage.store, retry_seconds=60.0)
    table = StateTable(session, _NAME)
    newest = 0
    asked_at = float("-inf")

    def waiting() -> int:
        nonlocal newest, asked_at
        if time.monotonic() - asked_at >= 0.2:
            asked_at = time.monotonic()
            markers = {p: table.newest_marker(p) for p in range(2)}
            ends = topic_ends(client, f"{_NAME}.events")
            newest = sum(
                end - (marker.offset + 1 if (marker := markers[partition]) else 0)
                for partition, end in ends.items()
            )
        return newest

    try:
        yield waiting
    finally:
        session.close()
        client.close()


def _proofs(
    results: list[KindResult],
    outcomes: Outcomes,
    tally: Tally,
    *,
    is_alive: bool,
    log: str,
) -> Iterator[Proof]:
    restarts = [line for line in log.splitlines() if "restart" in line]
    figure = f"{len(restarts)} restarts" + "".join(f"; {line[:200]}" for line in restarts[:3])
    yield Proof("the stream ran on", is_alive and not restarts, figure)
    readable = sum(int(flags.sum()) for flags in outcomes.readable.values())
    faults = {
        "without a disposition": len(outcomes.missing),
        "with two": len(outcomes.contradictory),
        "of no record": len(outcomes.surplus) + outcomes.beyond,
    }
    shown = ", ".join(f"{number:,} {words}" for words, number in faults.items())
    yield Proof(
        "every record has one disposition",
        not any(faults.values()),
        f"{readable:,} records, {shown}, {outcomes.repeated:,} repeated messages",
    )
    sent = [result for result in results if result.sent]
    wrong = sum(result.sent - result.right for result in results)
    yield Proof(
        "every hostile record has the disposition of its kind",
        not wrong and len(sent) == len(results) and not tally.failures,
        f"{len(tally.hostile):,} records of {len(sent)} kinds, {wrong:,} otherwise, "
        f"{len(tally.failures)} not sent {tally.failures[:2] or ''}",
    )


def _rate_proof(clean: Rate, hostile: Rate, *, least: float) -> Proof:
    ratio = hostile.per_second / clean.per_second
    return Proof(
        f"good records are scored at {least:.2f} of the clean rate or more",
        ratio >= least,
        f"{hostile.per_second:,.0f} to {clean.per_second:,.0f} a second, {ratio:.2f}",
    )


def _table(results: list[KindResult]) -> Table:
    table = Table("kind", "how", "must become", "sent", "became", title="Hostile records")
    for result in results:
        became = ", ".join(f"{number:,} {name}" for name, number in result.dispositions.items())
        examples = "".join(
            f"\n{record.partition}:{record.offset} became {name}" for record, name in result.wrong
        )
        table.add_row(
            result.kind.name,
            result.kind.route.value,
            result.kind.disposition,
            f"{result.sent:,}",
            became + examples,
            style="red" if result.right < result.sent else "",
        )
    return table


app = typer.Typer(add_completion=False, rich_markup_mode="rich")
app.command(
    help=__doc__, epilog="Example: python -m proofs.hostile --minutes 1 --clean-minutes 0.5"
)(main)

if __name__ == "__main__":
    app()
