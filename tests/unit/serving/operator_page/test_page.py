"""The operator's page, of fakes: what it shows, what it starts, and what it never shows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.operator_page.desk import OperatorDesk
from serving.operator_page.routes import router
from serving.operator_page.streams import Streams, StreamStatus
from serving.records.dead_letters import DeadLetters, Message
from serving.records.job_runs import JobRuns
from serving.records.report_files import ReportFiles
from stores.hbase.connection import StoreDown
from stores.hbase.states import Marker
from stores.kafka.errors import KafkaDown
from stores.records.deployments import Deployment, ModelPointer
from stores.records.erasures import ErasedEntities
from streaming.position.progress import PartitionProgress, RecentCounts
from tests.scenarios.tiny import SCENARIO
from tests.support.desk import Desk, csrf_token, desk_of
from tests.support.started_jobs import FakeJobs

PAGE = "/desk/tiny/operator"
HOSTILE = '<script>alert(1)</script>\u202e" onclick="x'


def stream(*, waiting: int = 0) -> StreamStatus:
    now = datetime.now(UTC)
    newest = Marker(
        partition=0,
        epoch=1,
        offset=1_233,
        model_version="7",
        written_at_ms=int(now.timestamp() * 1000) - 3_000,
    )
    part = PartitionProgress(
        partition=0,
        first=0,
        end=1_234 + waiting,
        done_upto=1_234,
        waiting=waiting,
        uncommitted=0,
        markers=[newest],
        newest=newest,
    )
    return StreamStatus(
        name="tiny",
        topic="tiny.events",
        epoch=1,
        partitions=[part],
        waiting_since=now - timedelta(minutes=10) if waiting else None,
        counts=RecentCounts(seconds=60, predictions=600, suppressed=3, dead_letters=12),
    )


def letter(offset: int, code: str) -> Message:
    texts = {
        "reason_code": code,
        "reason": HOSTILE,
        "source_partition": "0",
        "source_offset": str(offset),
        "source_epoch": "1",
        "source_timestamp_ms": "1764417600000",
    }
    return b"m1", b"{}", [(name, text.encode()) for name, text in texts.items()]


@dataclass
class Scene:
    """A service of one scenario, whose parts a test changes."""

    folder: Path
    jobs: FakeJobs = field(default_factory=FakeJobs)
    statuses: list[StreamStatus] = field(default_factory=lambda: [stream()])
    messages: list[Message] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    failure: str | None = None
    away: list[Exception] = field(default_factory=list)

    def answer(self, value: Any) -> Any:
        """`value`, or the failure of what is away."""
        if self.away:
            raise self.away[0]
        return value

    def service(self, scripts: Mapping[str, bytes] | None = None) -> Desk:
        desk = OperatorDesk(
            scenario=SCENARIO,
            streams=Streams(lambda: self.answer(self.statuses)),
            deployments=lambda: self.answer(self.deployments),
            failure=lambda: self.failure,
            letters=DeadLetters(
                SCENARIO, lambda: self.answer((self.messages, False)), ErasedEntities
            ),
            reports=ReportFiles(self.folder, "tiny"),
        )
        routes = router({"tiny": desk}, JobRuns(self.jobs.start))
        return desk_of(routes, scenarios={"tiny": SCENARIO}, scripts=scripts or {})


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_the_page_is_for_operators_and_asks_for_its_parts(scene: Scene) -> None:
    service = scene.service()
    page = service.browser("operator").get(PAGE).text
    for part in ("streams", "versions", "letters", "runs", "quality"):
        assert f'hx-get="{PAGE}/{part}"' in page
    assert SCENARIO.title in page
    assert service.client("agent").get(PAGE).status_code == 403
    assert service.client().get(PAGE).status_code in (303, 401)
    assert service.client("operator").get("/desk/shops/operator/streams").status_code == 404


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_part_is_shown_in_both_languages(scene: Scene, language: str) -> None:
    scene.statuses = [stream(waiting=5)]
    scene.messages = [letter(1, "missing_field"), letter(2, "unscorable")]
    client = scene.service().client("operator")
    for part in ("", "/streams", "/versions", "/letters", "/runs", "/quality"):
        answer = client.get(PAGE + part, headers={"Accept-Language": language})
        assert answer.status_code == 200
        assert f"{scene.folder}" not in answer.text
    assert ("Ströme" if language == "de" else "Streams") in client.get(
        PAGE, headers={"Accept-Language": language}
    ).text


def test_lag_rate_and_dispositions_of_a_stream_are_shown(scene: Scene) -> None:
    scene.statuses = [stream(waiting=1_500)]
    text = scene.service().client("operator").get(f"{PAGE}/streams").text
    for figure in ("1,500", "10 min", "10.2", "600", "1,234", "3 s"):
        assert figure in text


def test_versions_experiment_and_a_failed_load_are_shown_escaped(scene: Scene) -> None:
    pointers = [
        ModelPointer(name="tiny", version=v, artifact_uri=f"/secret/{v}", sha256="0") for v in "12"
    ]
    scene.deployments = [
        Deployment(
            scenario="tiny",
            champion=pointers[0],
            challenger=pointers[1],
            challenger_share=0.25,
            experiment="exp-7",
            thresholds={},
            policy_version="1",
            deployed_at="2026-11-01T00:00:00+00:00",
            deployed_by="ada@host",
            number=1,
            reason=HOSTILE,
        )
    ]
    scene.failure = HOSTILE
    text = scene.service().client("operator").get(f"{PAGE}/versions").text
    for word in ("exp-7", "25.0%", "ada@host"):
        assert word in text
    assert "<script>alert" not in text
    assert "\u202e" not in text
    assert "/secret" not in text


def test_dead_letters_are_published_again_from_the_page(scene: Scene) -> None:
    scene.messages = [letter(1, "missing_field"), letter(2, "unscorable")]
    browser = scene.service().browser("operator")
    token = csrf_token(browser.get(PAGE).text)
    text = browser.get(f"{PAGE}/letters").text
    assert "<script>alert" not in text
    assert text.count('value="missing_field"') == 1
    assert 'value="unscorable"' not in text
    fields = {"reason": "missing_field", "dry": "0"}
    assert browser.post(f"{PAGE}/replay", data=fields).status_code == 403
    assert scene.jobs.children == []
    headers = {"X-CSRF-Token": token}
    answer = browser.post(f"{PAGE}/replay", data=fields, headers=headers)
    assert answer.status_code == 200
    assert scene.jobs.children[0].arguments[-3:] == ["--reason", "missing_field", "--yes"]
    again = browser.post(f"{PAGE}/replay", data={**fields, "dry": "1"}, headers=headers)
    assert "Another job runs still" in again.text
    scene.jobs.children[0].code = 0
    browser.post(f"{PAGE}/replay", data={**fields, "dry": "1"}, headers=headers)
    assert scene.jobs.children[1].arguments[-1] == "--dry-run"
    wrong = browser.post(f"{PAGE}/replay", data={"reason": "unscorable"}, headers=headers)
    assert wrong.status_code == 422


def test_an_audit_runs_from_the_page_and_links_its_report(scene: Scene) -> None:
    browser = scene.service().browser("operator")
    headers = {"X-CSRF-Token": csrf_token(browser.get(PAGE).text)}
    wrong = browser.post(f"{PAGE}/audit", data={"prediction_id": "--entity"}, headers=headers)
    assert "no prediction id" in wrong.text
    data = {"prediction_id": " tiny-1-0-7-v1 "}
    assert "running" in browser.post(f"{PAGE}/audit", data=data, headers=headers).text
    scene.jobs.children[0].code = 0
    text = browser.get(f"{PAGE}/runs").text
    assert 'href="/v1/tiny/audits/tiny-1-0-7-v1"' in text
    assert "/home/x" not in text


def test_what_is_away_is_said_in_its_place_without_details(scene: Scene) -> None:
    client = scene.service().client("operator")
    scene.away = [KafkaDown("Kafka 10.0.0.7:9092 does not answer")]
    text = client.get(f"{PAGE}/streams").text
    assert "Kafka does not answer" in text
    assert "10.0.0.7" not in text
    scene.away = [StoreDown("HBase 10.0.0.8")]
    assert "The store does not answer" in client.get(f"{PAGE}/versions").text
    assert client.get(PAGE).status_code == 200


def test_quality_shows_the_newest_mature_period_and_the_pages(scene: Scene) -> None:
    interval = {"value": 0.8412, "low": 0.8, "high": 0.9}
    measured = {"metric": "auroc", "part": "", "maturity": "mature", "interval": interval}
    period = {"number": 4, "version": "7", "is_mature": True, "measurements": [measured]}
    alert = {"severity": "page", "title": HOSTILE, "sentence": "auroc is low", "is_over": False}
    content = {"made_at": "2026-11-01T00:00:00+00:00", "reports": [period], "alerts": [alert]}
    (scene.folder / "quality.json").write_text(json.dumps(content))
    (scene.folder / "drift-0004.html").write_text("drift")
    text = scene.service().client("operator").get(f"{PAGE}/quality").text
    for word in (
        "0.841",
        "auroc is low",
        "/v1/tiny/reports/quality",
        "/v1/tiny/reports/drift-0004",
    ):
        assert word in text
    assert "<script>alert" not in text
