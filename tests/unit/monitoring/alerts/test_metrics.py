"""Prometheus reads what we write, and its alert rules ask for figures that we write."""

import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from operator import eq, gt
from pathlib import Path

import msgspec
import pytest

from conf.settings import load_settings
from jobs.status.service_alarms import MODEL_UNAVAILABLE, STREAM_BEHIND
from jobs.status.stream_metrics import model_metrics, stream_metrics
from jobs.wiring.monitoring import declared_rules
from monitoring.alerts.metrics import monitoring_metrics
from monitoring.alerts.wanted import Links, heading_of
from monitoring.rules.violations import Violation
from reports.metrics_file import Metric, metrics_text, write_metrics
from stores.hbase.states import Marker
from stores.kafka.cluster import Survey, TopicIdentity
from stores.records.decisions import Figure
from stores.records.deployments import Deployment, ModelPointer
from streaming.position.staleness import StreamLag
from tests.support.period_reports import drift_alarm, measured, report

ROOT = Path(__file__).resolve().parents[4]
RULES = ROOT / "monitoring" / "alerts" / "everscore.rules.yml"
NOW = datetime(2026, 9, 1, tzinfo=UTC)
METRIC = re.compile(r"\beverscore_\w+")


def all_metrics() -> list[Metric]:
    """One of everything that jobs write."""
    reports = [report(0, measured(0.8), measured(0.7, part='plan="a\\b"'), alarms=[drift_alarm()])]
    pointer = ModelPointer(name="m", version="3", artifact_uri="/m", sha256="0")
    deployment = Deployment(
        scenario="tiny", champion=pointer, thresholds={}, policy_version="1",
        deployed_at="", deployed_by="",
    )  # fmt: skip
    marker = Marker(partition=0, epoch=0, offset=5, unscorable=2, written_at_ms=1_000)
    survey = Survey(TopicIdentity("tiny.events", "id", (0, 1)), {0: (0, 9), 1: (0, 9)})
    lag = StreamLag({0: datetime(2026, 8, 31, 23, 59, tzinfo=UTC)}, 60.0)
    stream = [
        metric
        for name in ("tiny", "tiny.site")
        for metric in stream_metrics(name, survey, lag, {0: [marker], 1: []}, now=NOW)
    ]
    return [
        *monitoring_metrics("tiny", reports, [], [], now_ms=1_000),
        *stream,
        *model_metrics("tiny", deployment, is_available=True, failures=1, now=NOW),
    ]


def test_figures_are_in_prometheus_text_format() -> None:
    text = metrics_text(all_metrics())
    assert 'everscore_stream_waiting_seconds{scenario="tiny",partition="0"} 60.0' in text
    assert 'everscore_stream_waiting_seconds{scenario="tiny.site",partition="1"} 0.0' in text
    assert 'everscore_model_deployed{scenario="tiny",role="champion",version="3"} 1.0' in text
    assert r'part="plan=\"a\\b\""' in text
    # One block per metric, although two streams have it: Prometheus refuses a second one.
    types = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert len(types) == len(set(types)) > 10
    assert text.endswith("\n")


def test_a_file_of_figures_is_replaced_and_readable_for_others(tmp_path: Path) -> None:
    path = tmp_path / "everscore.prom"
    write_metrics(path, all_metrics())
    write_metrics(path, [Metric(name="a", meaning="b", samples=[({}, 1.0), ({}, None)])])
    assert path.read_text() == "# HELP a b\n# TYPE a gauge\na 1.0\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_alert_rules_name_only_figures_that_jobs_write_and_headings_that_exist() -> None:
    exported = {metric.name for metric in all_metrics()}
    groups = msgspec.yaml.decode(RULES.read_bytes())["groups"]
    alerts = [rule for group in groups for rule in group["rules"]]
    assert len(alerts) > 5
    wanted = {name for rule in alerts for name in METRIC.findall(rule["expr"])}
    assert wanted - exported == set()
    anchors = runbook_anchors()
    for rule in alerts:
        anchor = rule["annotations"]["runbook"].partition("#")[2]
        for kind in ("risk", "drift", "data", "slice"):
            assert anchor.replace("{{ $labels.kind }}", kind) in anchors, rule["alert"]


def status_metrics(*, waiting_seconds: float, is_available: bool) -> list[Metric]:
    """What `show_status` writes of what workers and stream left in the store."""
    survey = Survey(TopicIdentity("tiny.events", "id", (0,)), {0: (0, 9)})
    lag = StreamLag({0: NOW - timedelta(seconds=waiting_seconds)}, 60.0)
    marker = Marker(partition=0, epoch=0, offset=5, unscorable=0, written_at_ms=1_000)
    return [
        *stream_metrics("tiny", survey, lag, {0: [marker]}, now=NOW),
        *model_metrics("tiny", None, is_available=is_available, failures=0, now=NOW),
    ]


def firing(expression: str, metrics: list[Metric]) -> bool:
    """Whether `METRIC OPERATOR NUMBER` holds for any sample."""
    name, operator, number = expression.split()
    compare = {"==": eq, ">": gt}[operator]
    values = [value for m in metrics if m.name == name for _, value in m.samples]
    assert values, f"nobody writes {name}"
    return any(compare(value, float(number)) for value in values if value is not None)


def test_a_stream_behind_and_a_missing_model_are_noticed_without_monitor() -> None:
    groups = msgspec.yaml.decode(RULES.read_bytes())["groups"]
    rules = {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}
    (of_stream,) = [group for group in groups if group["name"] == "everscore-stream"]
    calm = status_metrics(waiting_seconds=0.0, is_available=True)
    wanted = {name for rule in of_stream["rules"] for name in METRIC.findall(rule["expr"])}
    assert wanted <= {metric.name for metric in calm}
    for alert in ("EverscoreStreamBehind", "EverscoreModelUnavailable"):
        assert not firing(rules[alert], calm), alert
    late = status_metrics(waiting_seconds=61.0, is_available=True)
    assert firing(rules["EverscoreStreamBehind"], late)
    assert not firing(rules["EverscoreModelUnavailable"], late)
    assert firing(
        rules["EverscoreModelUnavailable"], status_metrics(waiting_seconds=0.0, is_available=False)
    )
    # Figures that nobody writes any more raise an alert of their own.
    assert "everscore_status_timestamp_seconds" in rules["EverscoreStatusMissing"]


def test_every_alert_has_a_heading_in_the_runbook() -> None:
    links, anchors = Links(page="", runbook=""), runbook_anchors()
    figure = Figure(period=0, what="", value=None, bound=0.0, is_violation=True)
    for rule in declared_rules(load_settings("local"), "churn"):
        for subject in (MODEL_UNAVAILABLE, STREAM_BEHIND):
            violation = Violation(rule=rule, report=report(0), subject=subject, figures=(figure,))
            assert links.heading(heading_of(violation)).removeprefix("#") in anchors, rule.name
    for heading in ("Automation ended", "Action failed"):
        assert links.heading(heading).removeprefix("#") in anchors


def runbook_anchors() -> set[str]:
    """Anchors as GitHub makes them of headings."""
    text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_promtool_accepts_rules_and_figures() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on the PATH (Debian: package prometheus)")
    subprocess.run([promtool, "check", "rules", str(RULES)], check=True, capture_output=True)
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=metrics_text(all_metrics()),
        text=True,
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
