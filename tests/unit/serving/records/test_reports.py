"""Quality figures and report pages over HTTP, from the files that jobs write."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from serving.records.report_files import ReportFiles
from serving.records.report_routes import router
from tests.support.desk import desk_of


def test_the_newest_measured_periods_come_with_their_age(tmp_path: Path) -> None:
    made_at = datetime.now(UTC) - timedelta(hours=2)
    periods = [
        {"number": n, "is_mature": n < 18, "measurements": [], "alarms": [], "counts": {}}
        for n in range(20)
    ]
    alerts = [{"subject": "old", "is_over": True}, {"subject": "drift:age", "is_over": False}]
    content = {"made_at": made_at.isoformat(), "reports": periods, "alerts": alerts, "new": 1}
    (tmp_path / "quality.json").write_text(json.dumps(content))
    client = desk_of(router({"tiny": ReportFiles(tmp_path, "tiny")})).client("all")
    figures = client.get("/v1/tiny/quality").json()
    assert [period["number"] for period in figures["periods"]] == list(range(19, 7, -1))
    assert 7_200 <= figures["age_seconds"] < 7_300
    assert [alert["subject"] for alert in figures["open_alerts"]] == ["drift:age"]
    newest = ReportFiles(tmp_path, "tiny").quality(datetime.now(UTC)).newest_mature
    assert newest is not None
    assert newest["number"] == 17


def test_what_no_job_has_written_yet_is_named_with_the_job(tmp_path: Path) -> None:
    client = desk_of(router({"tiny": ReportFiles(tmp_path, "tiny")})).client("all")
    for path, job in (
        ("quality", "monitor"),
        ("reports/quality", "monitor"),
        ("audits/x", "audit"),
    ):
        answer = client.get(f"/v1/tiny/{path}")
        assert answer.status_code == 404
        assert f"./spark-submit.sh {job} --scenario tiny" in answer.text
    (tmp_path / "quality.json").write_text("{")
    assert client.get("/v1/tiny/quality").status_code == 503
    assert str(tmp_path) not in client.get("/v1/tiny/quality").text


def test_only_reports_are_served_and_each_as_a_sandbox(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    (folder / "audits").mkdir(parents=True)
    (tmp_path / "secret.html").write_text("secret")
    (folder / "other.html").write_text("other")
    (folder / "drift-0007.html").write_text("<p>drift</p>")
    (folder / "audits" / "tiny-1-0-7-v1.html").write_text("<p>audit</p>")
    client = desk_of(router({"tiny": ReportFiles(folder, "tiny")})).client("all")
    answer = client.get("/v1/tiny/reports/drift-0007")
    assert (answer.status_code, answer.text) == (200, "<p>drift</p>")
    assert "sandbox allow-scripts" in answer.headers["content-security-policy"]
    assert client.get("/v1/tiny/audits/tiny-1-0-7-v1").text == "<p>audit</p>"
    for path in ("reports/other", "reports/..%2fsecret", "audits/..%2f..%2fsecret", "audits/.."):
        assert client.get(f"/v1/tiny/{path}").status_code == 404
    assert ReportFiles(folder, "tiny").drift_pages == ["drift-0007"]
