"""Prove on a fresh platform what the fraud scenario promises about its features.

Payments and verdicts of the past train a model; the days after them are played while both streams
run, one of them is killed in between, and then everything is recomputed from the archive. The
customer's own features must be equal to the last bit; how far the terminal's are from their offline
values is measured. One line per proof; a difference ends with exit code 5.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from batch.proofs.skew_report import SkewReport
from jobs.launcher.signals import stopping_on_signals
from proofs.proof import Proof, audit_proof, parity_proof
from proofs.stage import START_SECONDS, Stage, open_stage, own_platform, stage_in
from reports.steps import timed_step
from reports.terminal import Terminal
from scenarios.fraud.payments import payments_file, read_payments

SCENARIO, FAILED = "fraud", 5
_TAIL_LINES = 15


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Two files of payments, one after the other, and how many payments and days the second has."""

    past: Path
    coming: Path
    payments: int
    days: float


def main(
    file: Annotated[Path | None, typer.Option(help="The Handbook's payments.")] = None,
    customers: Annotated[int, typer.Option(min=10, help="Take the first so many.")] = 500,
    days: Annotated[float, typer.Option(min=0.5, help="The last so many days are played.")] = 10.0,
    rate: Annotated[float, typer.Option(min=1, help="Records per second when played.")] = 300.0,
    audits: Annotated[int, typer.Option(min=1, help="Random predictions to audit.")] = 3,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the platform's folder.")] = False,
) -> None:
    """Run the proofs; exit code 0 when all hold."""
    console, began = Terminal(stderr=True), time.monotonic()
    with (
        stopping_on_signals(),
        tempfile.TemporaryDirectory() as folder,
        own_platform(keep=keep, console=console) as run_dir,
        open_stage(stage_in(run_dir, SCENARIO, console=console)) as stage,
    ):
        parts = cut(file or payments_file(), Path(folder), customers=customers, days=days)
        with _terminals_kept(stage, parts):
            since = _played(stage, parts, rate=rate)
        results = list(_proofs(stage, since=since, audits=audits))
    console.print(f"took {time.monotonic() - began:.0f} s", highlight=False)
    for proof in results:
        print(proof.line)
    if not all(proof.holds for proof in results):
        raise typer.Exit(FAILED)


def cut(file: Path, folder: Path, *, customers: int, days: float) -> Parts:
    """The payments of the first `customers`, cut `days` before their end, in two files."""
    import pandas as pd

    payments = read_payments(file, limit=customers)
    table = pd.DataFrame(
        {
            "TRANSACTION_ID": payments.ids,
            "TX_DATETIME": payments.times_ms.astype("datetime64[ms]"),
            "CUSTOMER_ID": payments.customers,
            "TERMINAL_ID": payments.terminals,
            "TX_AMOUNT": payments.amounts_usd,
            "TX_FRAUD": payments.is_fraud.astype("int8"),
        }
    )
    is_coming = table.TX_DATETIME.max() - timedelta(days=days) < table.TX_DATETIME
    past, coming = folder / "past.parquet", folder / "coming.parquet"
    table[~is_coming].to_parquet(past)
    table[is_coming].to_parquet(coming)
    return Parts(past=past, coming=coming, payments=int(is_coming.sum()), days=days)


@contextmanager
def _terminals_kept(stage: Stage, parts: Parts) -> Iterator[None]:
    """The past published, a model trained on it, and the terminals' stream running."""
    for words, *job in (
        ("creating topics and tables", "prepare_scenario"),
        ("publishing the past", "publish_events", f"--file={parts.past}"),
        ("archiving it", "archive_stream", "--once"),
        ("building a training snapshot", "build_training_set"),
        ("training a model on it and deploying it", "train_model"),
    ):
        with timed_step(words, stage.console):
            stage.run(*job)
    terminals = stage.start("maintain_features")
    try:
        terminals.wait_for("re-keying ", timeout_seconds=START_SECONDS)
        yield
        terminals.check()
    finally:
        terminals.stop()


def _played(stage: Stage, parts: Parts, *, rate: float) -> datetime:
    """Score the past, then what comes while it is published, over a SIGKILL; when that began."""
    with timed_step("scoring the past", stage.console):
        stream = stage.start_scoring("1")
        stage.wait_until_scored(stream)
    since = datetime.now(UTC)
    words = f"playing {parts.days:g} days with {parts.payments:,} payments, killed in the middle"
    with timed_step(words, stage.console):
        paced = (f"--file={parts.coming}", f"--history-rate={rate}")
        publisher = stage.start("publish_events", *paced, log_name="publish_events-coming")
        time.sleep(parts.payments / rate)  # about half: verdicts are as many as payments
        stream.kill()
        stream = stage.start_scoring("2")
        publisher.finish()
        stage.wait_until_scored(stream)
        stream.stop()
    with timed_step("archiving it", stage.console):
        stage.run("archive_stream", "--once")
    return since


def _proofs(stage: Stage, *, since: datetime, audits: int) -> Iterator[Proof]:
    yield parity_proof(stage, name="the customers' own features and the scores, recomputed")
    yield audit_proof(stage, audits=audits)
    with timed_step("adding up all offsets", stage.console):
        child = stage.ended("reconcile")
    holds, lines = child.process.returncode == 0, child.output().strip().splitlines()
    figure = lines[-1] if holds else "\n".join(lines[-_TAIL_LINES:])
    yield Proof("every event has one outcome", holds, figure)
    with timed_step("measuring the skew of the terminals' features", stage.console):
        stage.run("report_skew", f"--since={since.isoformat()}")
    yield _skew(stage)


def _skew(stage: Stage) -> Proof:
    path = stage.run_dir / "reports" / stage.scenario / "second-entity-skew.json"
    report = msgspec.json.decode(path.read_bytes(), type=SkewReport)
    features = [feature for entity in report.entities for feature in entity.features]
    equal = sum(feature.share_equal * feature.rows for feature in features)
    values = sum(feature.rows for feature in features)
    worst = min(features, key=lambda feature: feature.share_equal)
    figure = (
        f"{values:,.0f} values of {len(features)} features, {equal / values:.2%} equal to the bit; "
        f"least for {worst.feature}: {worst.share_equal:.2%}, mean difference "
        f"{worst.mean_difference}"
    )
    return Proof("the terminals' features beside their offline values (measured)", True, figure)


if __name__ == "__main__":
    typer.run(main)
