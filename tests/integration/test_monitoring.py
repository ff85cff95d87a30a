"""Failing periods on the real platform: retrained, promoted, rolled back, then a person decides."""

import http.server
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from conf.settings import load_settings
from jobs.launcher.run import Run
from jobs.wiring.monitoring import ChildActions
from local.endpoints import Endpoints
from reports.terminal import Terminal
from stores.hbase.connection import HBaseStore
from stores.records.alerts import AlertTable
from stores.records.decisions import ActionResult, DecisionRecord, DecisionTable
from stores.records.deployments import (
    ModelPointer,
    deployment_cell,
    deployment_of,
    read_deployment,
    write_deployment,
)
from tests.scenarios.tiny import SCENARIO
from tests.scenarios.tiny_reviewed import SCENARIO as TINY_REVIEWED
from tests.support.delta_rows import write_archive_table
from tests.support.judgement import drained
from tests.support.lane import Lane
from tests.support.machine_outcomes import publish_outcomes
from tests.support.processes import Job
from tests.support.self_contained import loaded_from_elsewhere
from tests.support.tiny_model import deploy, reading, tiny_deployment

PERIOD_SECONDS = 12.0
PERIOD = PERIOD_SECONDS / 86_400
MACHINES = 600
RULE = "monitoring.rules.quality_low"
SETTINGS = (
    f"monitoring.period_days={PERIOD}",
    f"monitoring.horizon_days.tiny={PERIOD / 4}",
    "monitoring.periods=200",
    # Good models of these machines reach 0.9: every period fails, and their successors pass.
    f"{RULE}.below=0.995",
    f"{RULE}.min_labels=100",
    *(f"monitoring.rules.{name}.scenarios=[]" for name in ("risk", "calibration_poor")),
    # Few rows on a busy machine: whether gates refuse is tested in test_model_life.py.
    "gates.maximum_loss=0.5",
    "gates.maximum_calibration_error=0.5",
    "gates.maximum_latency_us=100000",
    "gates.minimum_reason_agreement=0.3",
)
RETRAIN = f'{RULE}.actions=["alert", "build_snapshot", "retrain", "promote_champion"]'
ROLL_BACK = f'{RULE}.actions=["alert", "roll_back"]'
PERSON_NEEDED = 7
FIRST_DAY = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What a webhook gets from the jobs."""
    messages: list[dict[str, Any]] = []

    class Taker(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            messages.append(json.loads(body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/alerts"
    monkeypatch.setenv("EVERSCORE__ALERTS__WEBHOOK_URL", address)
    yield messages
    server.shutdown()
    server.server_close()
    thread.join(10)


class Stage:
    """The jobs of this test, in one registry and one store."""

    def __init__(self, lane: Lane, folder: Path) -> None:
        self.lane = lane
        self.place = (
            f"mlflow.tracking_uri=sqlite:///{folder}/mlflow.db",
            f"mlflow.artifact_root={folder / 'files'}",
        )
        self.periods = 0

    def run(self, name: str, *arguments: str, code: int = 0, settings: Sequence[str] = ()) -> str:
        """Run a job to its end and return its output."""
        job = self.lane.run_to_end(name, *arguments, settings=(*self.place, *settings))
        assert job.process.returncode == code, job.output()[-4000:]
        return job.output()

    def monitor(self, *arguments: str, code: int = 0, rule: str = RETRAIN) -> str:
        """Run monitor with the settings of this test."""
        return self.run("monitor", *arguments, code=code, settings=(*SETTINGS, rule))

    def new_period(self, *, has_outcome: bool = False) -> None:
        """New machines early in a period, scored, labelled and archived; then it is mature.

        has_outcome: somebody posts what was done about one of them
        """
        time.sleep(PERIOD_SECONDS - time.time() % PERIOD_SECONDS + 0.3)
        self.publish()
        if has_outcome:
            self.post_outcome(f"m{self.periods}:0")
        self.run("archive_stream", "--once")
        due = (time.time() // PERIOD_SECONDS + 1) * PERIOD_SECONDS + PERIOD_SECONDS / 4
        time.sleep(due - time.time() + 0.5)

    def publish(self) -> None:
        """Readings of machines and, once these are scored, whether they failed."""
        self.periods += 1
        publish_outcomes(
            self.lane,
            prefix=f"m{self.periods}",
            machines=MACHINES,
            seed=self.periods,
            before_labels=lambda: drained(self.lane),
        )

    def post_outcome(self, machine: str) -> None:
        """Somebody inspects a machine, on the newest prediction about it."""
        documents = [
            msgspec.json.decode(message.value or b"")
            for messages in drained(self.lane).outcomes.values()
            for message in messages
            if message.key == machine.encode()
        ]
        self.run(
            "post_outcome", "--prediction", documents[-1]["prediction_id"], "--entity", machine,
            "--status", "accepted", "--offer", "a visit", "--cost", "12.5", "--agent", "a17",
        )  # fmt: skip

    def records(self) -> list[DecisionRecord]:
        """All decisions, in the order in which they were made."""
        with self.lane.session() as session:
            records = DecisionTable(session, "tiny").all()
        return sorted(records, key=lambda record: record.decided_at_ms)

    def versions(self) -> tuple[str, str]:
        """Champion and the version before it."""
        with self.lane.session() as session:
            current = deployment_of(deployment_cell(session, "tiny"))
        assert current is not None
        assert current.previous is not None
        return current.champion.version, current.previous.version


# Some fifteen jobs, on cores that other tests use as well.
@pytest.mark.timeout(2_400)
def test_retrained_redeployed_rolled_back_and_then_a_person(
    lane: Lane, webhook: list[dict[str, Any]], tmp_path: Path
) -> None:
    stage = Stage(lane, tmp_path)
    stream = lane.start_scoring()
    stage.publish()
    stage.run("archive_stream", "--once")
    stage.run("build_training_set")
    stage.run("train_model", "--no-deploy")  # version 1 here is another one than the lane's
    stage.run("train_model", "--promote")
    assert stage.versions() == ("2", "1")

    # The first failing period: a new version is trained, passes its gates and is deployed.
    stage.new_period()
    stage.monitor()
    (first,) = stage.records()
    assert (first.rule, first.state) == ("quality_low", "done")
    assert (first.champion_before, first.champion_after) == ("2", "3")
    assert [(result.action, result.exit_code) for result in first.results] == [
        (action, 0) for action in ("alert", "build_snapshot", "retrain", "promote_champion")
    ]
    assert first.results[2].version == "3"
    (figure,) = first.evidence
    assert figure.value is not None
    assert 0.7 < figure.value < 0.995
    assert figure.labels >= 100
    assert stage.versions() == ("3", "2")
    assert [message["subject"] for message in webhook] == ["quality_low:"]
    assert webhook[0]["runbook"] == "docs/runbook.md#quality-below-its-bound"

    # The second one: the rule rolls back, once, although the period is looked at twice.
    stage.new_period()
    stage.monitor(rule=ROLL_BACK)
    stage.monitor(rule=ROLL_BACK)
    second = stage.records()[1:]
    assert [(record.state, record.champion_after) for record in second] == [("done", "2")]
    assert second[0].version == "3"
    assert stage.versions() == ("2", "3")

    # The third one in a row: automation ends, and a person is paged.
    stage.new_period(has_outcome=True)
    metrics = tmp_path / "everscore.prom"
    stage.monitor("--metrics-file", str(metrics), "--drift-report", code=PERSON_NEEDED)
    assert list((lane.folder / "reports" / "tiny").glob("drift-*.html"))
    assert [(record.rule, record.actions) for record in stage.records()[2:]] == [
        ("automation_ended", ("page_person",)),
        ("quality_low", ("alert",)),
    ]
    assert stage.versions() == ("2", "3")
    page = next(message for message in webhook if message["severity"] == "page")
    assert (page["subject"], page["status"]) == ("automation_ended", "firing")
    assert 'everscore_monitoring_automation_ended{scenario="tiny"} 1.0' in metrics.read_text()
    html = (lane.folder / "reports" / "tiny" / "quality.html").read_text(encoding="utf-8")
    assert "Automation has ended" in html
    quality = json.loads((lane.folder / "reports" / "tiny" / "quality.json").read_bytes())
    posted = Counter[str]()
    for report in quality["reports"]:
        posted.update({k: n for k, n in report["counts"].items() if k.startswith("outcome.")})
    assert posted == {"outcome.in_time": 1}
    assert loaded_from_elsewhere(html) == []

    # The person lets the rules act again; the alert is over.
    before = len(stage.records())
    stage.monitor("--resume", "Ada", "--reason", "sensors were replaced")
    resumed = stage.records()[before]
    assert resumed.decided_by.startswith("Ada (")
    assert len(stage.records()) == before + 1
    assert ("automation_ended", "resolved") in [(m["subject"], m["status"]) for m in webhook]
    with lane.session() as session:
        assert [alert.subject for alert in AlertTable(session, "tiny").all()] == ["quality_low:"]

    stage.run("show_status", "--metrics-file", str(metrics))
    text = metrics.read_text()
    assert 'everscore_model_available{scenario="tiny"} 1.0' in text
    assert 'everscore_stream_waiting_seconds{scenario="tiny",partition="0"} 0.0' in text

    assert stream.terminate() == 143


def archive_of_days(root: Path, *, days: int, machines: int) -> None:
    """Readings of new machines on each of `days`, scored well; what became of them 2 hours later.

    An archive that Kafka filled is of one day, and thresholds need four.
    """
    random = np.random.default_rng(5)
    tables: dict[str, list[dict[str, Any]]] = {"events": [], "predictions": [], "labels": []}
    for number in range(days * machines):
        machine, at = f"m{number}", FIRST_DAY + timedelta(days=number // machines, hours=3)
        score = float(random.beta(0.4, 2.0))
        label = {
            "type": "outcome",
            "machine": machine,
            "event_time": (at + timedelta(hours=1)).isoformat(),
            "outcome": "failed" if random.random() < score else "fine",
        }
        values = {
            "events": (reading(machine, seconds=0.0, temperature_c=50.0), at),
            "predictions": (msgspec.json.encode(prediction(machine, number, at, score)), at),
            "labels": (msgspec.json.encode(label), at + timedelta(hours=2)),
        }
        for kind, (value, arrived) in values.items():
            tables[kind].append(
                {
                    "topic": f"tiny.{kind}",
                    "topic_id": f"id of {kind}",
                    "partition": 0,
                    "offset": number,
                    "epoch": 1,
                    "kafka_time": arrived,
                    "archived_at": arrived,
                    "key": machine.encode(),
                    "value": value,
                    "archive_batch": 1,
                    "day": arrived.date(),
                }
            )
    for kind, rows in tables.items():
        write_archive_table(root / "tiny" / kind, rows)


def prediction(machine: str, offset: int, at: datetime, score: float) -> dict[str, Any]:
    """A logged prediction of `TINY_REVIEWED`."""
    moment = at.isoformat()
    return {
        "prediction_id": f"tiny-1-0-{offset}-v1",
        "entity": machine,
        "score": score,
        "band": "ok",
        "reasons": [],
        "action": "none",
        "review": False,
        "control_group": False,
        "scored_at": moment,
        "event_time": moment,
        "features_as_of": moment,
        "valid_until": moment,
        "model": {"name": "everscore-tiny", "version": "1"},
        "source": {"topic": "tiny.events", "partition": 0, "offset": offset},
        "features": [50.0, 1.0, 1.0, 50.0, 50.0, 50.0, 50.0, None],
        "feature_definitions": TINY_REVIEWED.definitions_digest,
        "policy_version": TINY_REVIEWED.policy.version,
        "thresholds": dict(TINY_REVIEWED.policy.thresholds()),
    }


def test_thresholds_are_derived_from_the_archive_and_deployed(
    lane: Lane, store: HBaseStore, tiny_pointer: ModelPointer, tmp_path: Path
) -> None:
    archive_of_days(tmp_path / "delta", days=8, machines=60)
    before = TINY_REVIEWED.policy.thresholds()
    write_deployment(
        store,
        replace(
            tiny_deployment(tiny_pointer),
            thresholds=before,
            policy_version=TINY_REVIEWED.policy.version,
        ),
    )

    def derive(*options: str) -> Job:
        return lane.run_to_end(
            "derive_thresholds", "--missed", "160", "--false-alarm", "20", "--review", "1",
            "--cards-per-day", "100", "--as-of", (FIRST_DAY + timedelta(days=9.5)).isoformat(),
            *options,
            settings=(
                "scenarios.tiny=tests.scenarios.tiny_reviewed",
                "monitoring.horizon_days.tiny=1",
                f"hbase.namespace={store.namespace}",
                f"delta.root={tmp_path / 'delta'}",
                f"mlflow.tracking_uri=sqlite:///{tmp_path}/mlflow.db",
                f"mlflow.artifact_root={tmp_path / 'files'}",
            ),
        )  # fmt: skip

    job = derive("--deploy", "--reason", "a missed one costs more than a look")
    assert job.process.returncode == 0, job.output()[-4000:]
    assert "newest 4 days, 240 cases" in job.output()
    current = read_deployment(store, "tiny")
    assert current is not None
    assert current.thresholds["odd"] < before["odd"]
    assert current.reason == "a missed one costs more than a look"
    assert "passes" in current.evidence
    # The same cases do not ask for other ones again: the gain is none.
    again = derive("--deploy")
    assert again.process.returncode == 4, again.output()[-4000:]
    assert read_deployment(store, "tiny") == current


def test_what_was_done_before_a_crash_is_not_done_again(
    store: HBaseStore, platform: Endpoints, tiny_pointer: ModelPointer, tmp_path: Path
) -> None:
    """The deployment says that a promotion or rollback was done; no job is started for it."""
    third = replace(tiny_pointer, version="3")
    deploy(store, third)
    overrides = [
        "scenarios.tiny=tests.scenarios.tiny",
        f"hbase.thrift_host={platform.hbase_thrift_host}",
        f"hbase.thrift_port={platform.hbase_thrift_port}",
        f"hbase.namespace={store.namespace}",
    ]
    run = Run(load_settings("local", overrides=overrides), SCENARIO, Terminal(stderr=True))
    actions = ChildActions(run, (), tmp_path / "logs", {})
    trained = ActionResult(action="retrain", exit_code=0, finished_at_ms=1, version="3")
    record = DecisionRecord(
        scenario="tiny", period=1, rule="quality_low", version="2", decided_at_ms=1,
        decided_by="test", sentence="", actions=("retrain", "promote_champion", "roll_back"),
        results=(trained,), champion_before="2",
    )  # fmt: skip
    for action in ("promote_champion", "roll_back"):  # the champion is no longer version 2
        result = actions.run(action, record)
        assert (result.exit_code, result.version) == (0, "3")
        assert result.lines == ("done before this run",)
    assert actions.champion() == "3"
    nothing_trained = msgspec.structs.replace(record, results=())
    for action in ("promote_champion", "promote_challenger"):  # there is no challenger either
        assert actions.run(action, nothing_trained).exit_code == 4
    assert not (tmp_path / "logs").exists()
