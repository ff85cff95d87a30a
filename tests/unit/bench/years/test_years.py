from dataclasses import replace

import numpy as np

from bench.years.baselines import weekly_z_tests
from bench.years.coverage import windows
from bench.years.decided import Decision, DeclaredRules, decided, year_decisions
from bench.years.events import EVENTS
from bench.years.notices import Notice, notices, raised_alarms
from bench.years.outcome import outcome
from bench.years.play import Play, all_played
from conf.settings import load_settings
from jobs.wiring.monitoring import declared_rules
from monitoring.simulation.world import (
    CHURN,
    EVENT_WEEK,
    FRAUD,
    HISTORY_WEEKS,
    WEEKS,
    WORLDS,
    Year,
    year,
)

SMALL = replace(CHURN, cases=1_500)


def noticed_in(played: Year) -> list[Notice]:
    return notices(played, raised_alarms(played))


def parts_after(noticed: list[Notice]) -> set[str]:
    return {notice.part for notice in noticed if notice.week >= EVENT_WEEK}


def test_base_rates_are_realistic_and_scores_calibrated() -> None:
    for world, low, high in ((CHURN, 0.24, 0.28), (FRAUD, 0.007, 0.012)):
        periods = year(world, "quiet", seed=1).periods[:HISTORY_WEEKS]
        labels = np.concatenate([data.cases.labels for data in periods])
        scores = np.concatenate([data.cases.scores for data in periods])
        assert low < labels.mean() < high
        assert abs(labels.mean() - scores.mean()) < 4 * labels.std() / np.sqrt(len(labels))


def test_drift_leaves_inputs_and_base_rate_alone() -> None:
    quiet, drifted = (year(CHURN, event, seed=1) for event in ("quiet", "sudden_drift"))
    for before, after in zip(quiet.periods[-4:], drifted.periods[-4:], strict=True):
        assert abs(before.cases.scores.mean() - after.cases.scores.mean()) < 0.02
        assert abs(before.cases.labels.mean() - after.cases.labels.mean()) < 0.04


def test_a_broken_producer_is_noticed_in_its_first_week() -> None:
    noticed = noticed_in(year(SMALL, "unit_change", seed=1))
    first = min(notice.week for notice in noticed if notice.part == "data")
    assert first == EVENT_WEEK


def test_late_labels_are_noticed_long_before_they_are_missing() -> None:
    noticed = noticed_in(year(SMALL, "late_labels", seed=1))
    first = min(notice.week for notice in noticed if notice.part == "labels")
    assert EVENT_WEEK <= first < EVENT_WEEK + 6


def test_a_broken_slice_is_named() -> None:
    noticed = noticed_in(year(CHURN, "broken_slice", seed=1))
    assert {n.subject for n in noticed if n.part == "slice"} == {"region=north"}


def test_an_offer_that_works_is_no_fall_of_the_model() -> None:
    noticed = noticed_in(year(CHURN, "offer_works", seed=1))
    assert "offer avoids" in parts_after(noticed)
    assert not [notice for notice in noticed if notice.harm]


def test_nothing_is_noticed_before_its_labels_are_there() -> None:
    noticed = noticed_in(year(FRAUD, "sudden_drift", seed=1))
    weeks = [notice.week for notice in noticed if notice.part == "risk"]
    assert EVENT_WEEK + FRAUD.maturity_weeks <= min(weeks) < WEEKS
    assert weekly_z_tests(year(FRAUD, "sudden_drift", seed=1))


def test_estimates_are_compared_in_every_eighth_week() -> None:
    rows = list(windows(year(SMALL, "quiet", seed=1), draws=20))
    assert {row.week for row in rows} == set(range(HISTORY_WEEKS, WEEKS, 8))
    assert all((row.is_held is None) == bool(row.reason) for row in rows)


def test_outcome_counts_years_by_their_first_alarm() -> None:
    event = next(event for event in EVENTS if event.name == "sudden_drift")
    early = Notice(week=EVENT_WEEK - 1, part="risk", subject="", harm=True)
    late = Notice(week=EVENT_WEEK + 3, part="slice", subject="", harm=True)
    row = outcome("churn", event, "Everscore", [[early, late], [late], [], []])
    assert (row.found, row.false_before, row.median_weeks) == (0.5, 0.25, 4.0)
    assert row.parts == {"slice": 2}
    quiet = outcome("churn", EVENTS[0], "Everscore", [[early, late], [late], [], []])
    assert quiet.false_before == 0.5


def declared(world: str) -> DeclaredRules:
    settings = load_settings("local")
    return DeclaredRules(
        rules=declared_rules(settings, world),
        failing_periods=settings.monitoring.failing_periods,
        periods=settings.monitoring.periods,
    )


def test_a_fall_is_retrained_and_after_three_failing_weeks_a_person_is_paged() -> None:
    played = year(CHURN, "sudden_drift", seed=1)
    raised = raised_alarms(played)
    made = year_decisions(played, raised, declared=declared("churn"))
    first_risk = min(alarm.week for alarm in raised if alarm.part == "risk")
    retrained = [one for one in made if one.decision == "retrain, gates, promote"]
    assert (retrained[0].week, retrained[0].rule) == (first_risk, "risk")
    (paged,) = [one for one in made if one.decision == "page a person"]
    assert (paged.week, paged.rule) == (first_risk + 2, "automation_ended")
    assert all(one.week <= paged.week for one in retrained)


def test_a_broken_producer_is_alerted_at_once_and_an_alarm_of_late_labels_is_of_one_look() -> None:
    played = year(CHURN, "unit_change", seed=1)
    made = year_decisions(played, raised_alarms(played), declared=declared("churn"))
    assert Decision(week=EVENT_WEEK, decision="alert", rule="data") in made
    late = year(SMALL, "late_labels", seed=1)
    raised = [alarm for alarm in raised_alarms(late) if alarm.part == "labels"]
    made = year_decisions(late, raised, declared=declared("churn"))
    by_data = [one.week for one in made if one.rule == "data"]
    assert by_data == sorted({alarm.week for alarm in raised})


def test_decisions_are_counted_by_the_first_of_each_year() -> None:
    event = next(event for event in EVENTS if event.name == "sudden_drift")
    early = Decision(week=EVENT_WEEK - 2, decision="alert", rule="drift")
    first = Decision(week=EVENT_WEEK + 3, decision="alert", rule="risk")
    paged = Decision(week=EVENT_WEEK + 5, decision="page a person", rule="automation_ended")
    alert, page = decided("churn", event, [[early, first, paged], [first], [], []])
    assert (alert.share, alert.before, alert.median_weeks) == (0.5, 0.25, 4.0)
    assert alert.rules == {"risk": 2}
    assert (page.decision, page.share, page.median_weeks) == ("page a person", 0.25, 6.0)


def test_years_are_the_same_in_one_process_and_in_two() -> None:
    plays = [
        Play(world="churn", event="quiet", seed=seed, rules=declared("churn")) for seed in (1, 2)
    ]
    one, two = (list(all_played(plays, processes=count)) for count in (1, 2))
    assert one == two


def test_events_are_planted_where_they_belong() -> None:
    assert {name for event in EVENTS for name in event.scenarios} == set(WORLDS)
