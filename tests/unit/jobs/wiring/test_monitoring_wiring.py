"""Rules, channels and periods as the settings declare them."""

from dataclasses import replace

import pytest

from batch.records.limits import EventLimits
from conf.errors import SettingsError
from conf.settings import Settings, load_settings
from jobs.wiring.monitoring import (
    alert_channels,
    alert_links,
    champion_changes,
    declared_rules,
    ended_periods,
    report_options,
)
from monitoring.alerts.mail import Mail
from monitoring.alerts.webhook import Webhook
from monitoring.cases import Period
from monitoring.matured.options import MaturedOptions
from monitoring.rules.decisions import ChampionChange
from monitoring.rules.rule import OnAlarm, OnMeasurement, RuleUnclear
from scenarios.churn.scenario import SCENARIO as CHURN
from scenarios.fraud.scenario import SCENARIO as FRAUD
from stores.records.deployments import Deployment, ModelPointer

RULE = "monitoring.rules.mine"
DAY_MS = 86_400_000


def settings(*overrides: str, **environ: str) -> Settings:
    return load_settings("local", overrides=overrides, environ=environ)


def test_the_rules_of_the_settings_are_clear_and_below_their_bound_models_are_retrained() -> None:
    rules = {rule.name: rule for rule in declared_rules(settings(), "churn")}
    low = rules["quality_low"]
    assert isinstance(low.on, OnMeasurement)
    assert (low.on.metric, low.on.maturity, low.on.bound, low.on.is_above) == (
        "auroc", "mature", 0.6, False,
    )  # fmt: skip
    assert low.actions == ("alert", "build_snapshot", "retrain", "promote_champion")
    assert rules["drift"].on == OnAlarm(kind="drift")
    assert not rules["drift"].changes_the_model
    assert rules["service"].actions == ("page_person",)


def test_one_budget_of_false_alarms_is_shared_and_the_rise_is_the_scenarios() -> None:
    read = MaturedOptions(
        limits=EventLimits(max_event_bytes=1, max_future_skew_seconds=1),
        periods=[Period(number=0, begin_ms=0, end_ms=7 * DAY_MS)],
        now_ms=100 * DAY_MS,
        horizon_days=30.0,
    )
    for scenario, rise, is_ranking in ((CHURN, 0.05, False), (FRAUD, 0.1, True)):
        conf = settings("monitoring.false_alarm_budget=0.02")
        options = report_options(conf, scenario, read)
        assert options.coverage is not None
        parts = (options.risk.budget, options.slices.budget, options.coverage.budget)
        assert sum(parts) == pytest.approx(0.02)
        assert (options.risk.tolerated_rise, options.slices.tolerated_rise) == (rise, rise)
        assert options.risk.is_ranking == is_ranking
        assert options.slices.loss.kind == ("log" if is_ranking else "brier")


def test_a_rule_may_come_from_anywhere_and_be_switched_off() -> None:
    conf = settings(
        f'{RULE}.scenarios=["fraud"]',
        f"{RULE}.on=measurement",
        f"{RULE}.metric=brier",
        f"{RULE}.above=0.2",
        f'{RULE}.actions=["alert"]',
        "monitoring.rules.drift.scenarios=[]",
    )
    names = [rule.name for rule in declared_rules(conf, "fraud")]
    assert "mine" in names
    assert "drift" not in names
    assert "mine" not in [rule.name for rule in declared_rules(conf, "churn")]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("monitoring.rules.quality_low.above=0.9", "either below or above"),
        ("monitoring.rules.quality_low.n=3", "n is 3"),
        ("monitoring.rules.drift.alarm=", "alarm is missing"),
    ],
)
def test_a_rule_that_contradicts_itself_is_refused(override: str, words: str) -> None:
    with pytest.raises(RuleUnclear, match=words):
        declared_rules(settings(override), "churn")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("monitoring.rules.quality_low.belov=0.9", "unknown setting"),
        ('monitoring.rules.quality_low.actions=["shout"]', "what is done, in this order"),
        ("monitoring.rules.quality_low.m=0", "of so many"),
        ("alerts.smtp_password=hush", "EVERSCORE__ALERTS__SMTP_PASSWORD"),
        ("alerts.webhook_url=https://example.com/token", "EVERSCORE__ALERTS__WEBHOOK_URL"),
    ],
)
def test_a_wrong_setting_is_named_with_its_meaning(override: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as refusal:
        settings(override)
    assert "hush" not in str(refusal.value)
    assert "token" not in str(refusal.value)


def test_channels_are_those_that_the_settings_name() -> None:
    assert alert_channels(settings()) == []
    webhook, mail = alert_channels(
        settings(
            "alerts.smtp_host=mail.example.com",
            'alerts.recipients=["ada@example.com"]',
            EVERSCORE__ALERTS__WEBHOOK_URL="https://example.com/hooks/1",
            EVERSCORE__ALERTS__SMTP_PASSWORD="hush",
        )
    )
    assert isinstance(webhook, Webhook)
    assert webhook.url == "https://example.com/hooks/1"
    assert isinstance(mail, Mail)
    assert (mail.host, mail.port, mail.security, mail.password) == (
        "mail.example.com", 587, "starttls", "hush",
    )  # fmt: skip


def test_links_name_the_published_page_or_the_file() -> None:
    assert alert_links(settings("reports.folder=/var/reports"), "churn").page == (
        "/var/reports/churn/quality.html"
    )
    links = alert_links(settings("monitoring.page_address=https://example.com/r/"), "churn")
    assert links.page == "https://example.com/r/churn/quality.html"


def test_periods_have_the_same_numbers_whenever_one_looks() -> None:
    conf = settings("monitoring.period_days=2", "monitoring.periods=3")
    first_ms = 100 * DAY_MS + 5_000  # shortly after a midnight
    assert ended_periods(conf, first_ms, first_ms + DAY_MS) == []
    early = ended_periods(conf, first_ms, first_ms + 6 * DAY_MS)
    late = ended_periods(conf, first_ms + 3_600_000, first_ms + 8 * DAY_MS)
    assert [period.number for period in early] == [0, 1, 2]
    assert [period.number for period in late] == [1, 2, 3]
    assert early[1:] == late[:2]
    assert early[0].begin_ms == 100 * DAY_MS


def test_only_another_champion_is_a_change() -> None:
    pointer = ModelPointer(name="m", version="1", artifact_uri="/m", sha256="0")
    first = Deployment(
        scenario="tiny", champion=pointer, thresholds={}, policy_version="1",
        deployed_at="1970-01-01T00:00:01+00:00", deployed_by="",
    )  # fmt: skip
    second = replace(first, champion=replace(pointer, version="2"))
    second = replace(second, deployed_at="1970-01-01T00:00:02+00:00")
    third = replace(second, deployed_at="1970-01-01T00:00:03+00:00", challenger=pointer)
    assert champion_changes([first, second, third]) == [ChampionChange("2", 2_000)]
