"""GET latest and score now beside a running stream, as ratios to raw happybase reads."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from bench.machine import described
from bench.measurement import MeasurementUnsound
from bench.serving.report import LATEST, RAW, TARGETS, WHAT_IF, Run, markdown, table_of
from bench.serving.samples import sampled, write_latest, write_raw, write_what_ifs
from jobs.launcher.child_jobs import ChildFailed, ChildJob
from jobs.launcher.outcome import ending_with_exit_code
from local.endpoints import read_endpoints
from proofs.stage import Stage, own_stage
from reports.terminal import Terminal

_SCENARIO = "churn"
_CUSTOMERS = 2_000
_START_SECONDS = 120.0
_PAUSE_SECONDS = 2.0
_CLIENT_START_SECONDS = 4.0


@dataclass(frozen=True, kw_only=True)
class Client:
    """The client, one process per run; service: its host and port."""

    stage: Stage
    service: tuple[str, int]
    files: Mapping[str, Path]
    seconds: float
    warm_up_seconds: float
    connections: int

    @property
    def run_seconds(self) -> float:
        """About how long a run takes with its start and the pause after it."""
        return self.seconds + self.warm_up_seconds + _PAUSE_SECONDS + _CLIENT_START_SECONDS

    def run(self, target: str, *, rate: float | None) -> Run:
        """One run at `rate`, None: saturated; raises `ChildFailed`."""
        store = self.stage.store
        host, port = (store.host, store.port) if target == RAW else self.service
        options = {
            "target": "raw" if target == RAW else "http",
            "host": host,
            "port": port,
            "requests": self.files[target],
            "namespace": store.namespace,
            "table": self.stage.scenario,
            "rate": rate or 0.0,
            "seconds": self.seconds,
            "warm-up-seconds": self.warm_up_seconds,
            "connections": self.connections,
        }
        command = [sys.executable, "-m", "bench.serving.client"]
        command += [f"--{name}={value}" for name, value in options.items()]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        if finished.returncode:
            raise ChildFailed(f"the client ended with {finished.returncode}:\n{finished.stderr}")
        figures = json.loads(finished.stdout.splitlines()[-1])
        measured = {name: figures[name] for name in ("per_second", "failed", "p50_ms", "p99_ms")}
        return Run(target=target, rate=rate, **measured)


def main(
    rates: Annotated[str, Option(help="Requests a second, separated by commas.")] = "200,500,1000",
    seconds: Annotated[float, Option(min=2, help="Measured time of each run.")] = 20.0,
    warm_up_seconds: Annotated[float, Option(min=0, help="Requests before it.")] = 5.0,
    rounds: Annotated[int, Option(min=1, help="Runs of each target and rate, in turn.")] = 3,
    connections: Annotated[int, Option(min=1, help="Of the client; one thread each.")] = 32,
    events: Annotated[float, Option(min=0, help="Events per second on the stream.")] = 200.0,
    keep: Annotated[bool, Option("--keep", help="Keep the platform's folder and logs.")] = False,
    report: Annotated[Path | None, Option(help="Write a Markdown report here.")] = None,
) -> None:
    """Measure all targets in turn on one platform, beside a stream that scores `events`."""
    console = Terminal(stderr=True)
    all_rates: list[float | None] = [*(float(rate) for rate in rates.split(",")), None]
    with ending_with_exit_code(console, verbose=False), ExitStack() as stack:
        stage = stack.enter_context(own_stage(_SCENARIO, keep=keep, console=console))
        stream = stage.start_scoring("serving")
        stage.wait_until_scored(stream)
        service, address = _started_service(stage)
        host, _, port = address.rpartition(":")
        client = Client(
            stage=stage,
            service=(host, int(port)),
            files=_requests(stage),
            seconds=seconds,
            warm_up_seconds=warm_up_seconds,
            connections=connections,
        )
        total = len(all_rates) * len(TARGETS) * rounds
        load = _started_load(stage, rate=events, seconds=total * client.run_seconds + 60)
        machine = described(read_endpoints(stage.run_dir).versions)
        runs: list[Run] = []
        for target, rate in _in_turn(all_rates, rounds=rounds):
            for child in (stream, service, *load):
                child.check()
            runs.append(client.run(target, rate=rate))
            stage.tell(f"{len(runs)} of {total}: {runs[-1]}")
            time.sleep(_PAUSE_SECONDS)
    Terminal().print(table_of(runs))
    if report is not None:
        method = (
            f"Each run {seconds:.0f} s after {warm_up_seconds:.0f} s of warming up, {rounds} "
            f"rounds, {connections} connections, beside a stream that scores {events:,.0f} "
            f"events/s; client, service, stream, Kafka and HBase share the machine. Latencies "
            "count from the moment at which a request was due. Of the rounds the one with the "
            "median p99 is shown."
        )
        text = markdown(runs, method=method, machine=machine, measured_at=datetime.now(UTC))
        report.write_text(text, encoding="utf-8")
        console.print(f"report: {report}", markup=False, highlight=False)


def _in_turn(rates: Sequence[float | None], *, rounds: int) -> Iterator[tuple[str, float | None]]:
    """All targets at each rate, in turn: what drifts on the machine meets all of them alike."""
    for number in range(rounds):
        for rate in rates:
            for target in reversed(TARGETS) if number % 2 else TARGETS:
                yield target, rate


def _started_service(stage: Stage) -> tuple[ChildJob, str]:
    """The service on a free port, as an operator starts it; and its address."""
    service = stage.start("serve", "--port=0", log_name="serve")
    deadline = time.monotonic() + _START_SECONDS
    while "http://" not in service.result():
        service.check()
        if time.monotonic() > deadline:
            raise ChildFailed(f"serve has not printed its address; its log is {service.log}")
        time.sleep(0.2)
    return service, service.result().split("http://")[1].split("/")[0].strip()


def _requests(stage: Stage) -> dict[str, Path]:
    """The prepared requests of each target, with a key of their own."""
    maker = stage.ended("serve", "--new-key=bench", "--role=agent", log_name="serve-key")
    maker.check()
    key = maker.result().split()[-1]
    samples = sampled(stage.kafka, stage.store, stage.scenario, customers=_CUSTOMERS)
    if not samples:
        raise MeasurementUnsound("no customer of the newest events has a latest row")
    files = {name: stage.run_dir / f"{name.replace(' ', '-')}.msgpack" for name in TARGETS}
    write_raw(files[RAW], samples)
    write_latest(files[LATEST], samples, scenario=stage.scenario, key=key)
    write_what_ifs(files[WHAT_IF], samples, scenario=stage.scenario, key=key)
    return files


def _started_load(stage: Stage, *, rate: float, seconds: float) -> list[ChildJob]:
    if not rate:
        return []
    options = ("--no-history", f"--rate={rate}", f"--duration={seconds:.0f}", "--bad-share=0")
    return [stage.start("publish_events", *options, log_name="load")]


app = typer.Typer(add_completion=False, rich_markup_mode="rich")
app.command(
    help=__doc__, epilog="Example: python -m bench.serving --seconds 10 --rounds 1 --report out.md"
)(main)

if __name__ == "__main__":
    app()
