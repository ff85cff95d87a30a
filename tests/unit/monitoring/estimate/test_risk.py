import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from monitoring.estimate.anytime_bound import lower_bounds, shared_delta, tightest_rho_squared
from monitoring.estimate.calibration import logits, sigmoid
from monitoring.estimate.losses import Loss
from monitoring.estimate.risk import (
    NoReference,
    RiskOptions,
    RiskPoint,
    reference,
    risk_alarm,
    risk_measurement,
    risk_path,
)
from monitoring.period_data import PeriodData
from tests.support.periods import cases, period, quiet

OPTIONS = RiskOptions()


def broken(number: int, seed: int) -> PeriodData:
    """A week in which the scores say much less of the outcome."""
    return period(
        number,
        cases(2_000, seed=seed, truth=lambda scores, _: sigmoid(-0.6 + 0.3 * logits(scores))),
    )


def first_alarm(path: tuple[RiskPoint, ...]) -> int | None:
    return next((point.number for point in path if point.is_alarm), None)


def test_bound_is_the_published_formula() -> None:
    risks, errors, delta, target = np.array([0.2, 0.4]), np.array([0.1, 0.2]), 0.05, 0.06
    a = -2.0 * math.log(0.1)
    rho = (a + math.log(a + 1.0)) / target
    grown = (0.01 + 0.04) * rho + 1.0
    expected = 0.3 - math.sqrt(2 * grown / (4 * rho) * math.log(1 + math.sqrt(grown) / 0.1))
    bounds = lower_bounds(risks, errors, delta=delta, target_variance=target)
    assert bounds[1] == pytest.approx(expected)
    assert tightest_rho_squared(target, delta=delta) == pytest.approx(rho)


def test_bound_refuses_a_budget_that_has_no_meaning() -> None:
    with pytest.raises(ValueError, match="expected a delta between 0"):
        lower_bounds(np.ones(2), np.ones(2), delta=0.5, target_variance=1.0)


def test_parts_of_a_budget_sum_to_it() -> None:
    assert sum(shared_delta(0.05, place) for place in range(100_000)) == pytest.approx(
        0.05, rel=1e-4
    )


def test_a_bound_is_crossed_by_chance_no_more_often_than_its_budget() -> None:
    """1,000 paths of 200 looks at risks of mean 0: at most 5 % are ever above it."""
    random = np.random.default_rng(1)
    crossed = sum(
        bool(
            (
                lower_bounds(
                    random.normal(size=200), np.ones(200), delta=0.05, target_variance=10.0
                )
                > 0.0
            ).any()
        )
        for _ in range(1_000)
    )
    assert 0.005 < crossed / 1_000 <= 0.06


def test_a_fall_is_noticed_behind_a_long_good_past() -> None:
    weeks = quiet(40)
    against = reference(weeks[:6], options=OPTIONS)
    path = risk_path(
        [*weeks[6:], *(broken(n, 500 + n) for n in range(40, 46))], against=against, options=OPTIONS
    )
    alarm = first_alarm(path)
    assert alarm is not None
    assert 40 <= alarm <= 43
    # One running mean from the first week on is slower: the good past hides the fall.
    single = replace(OPTIONS, window_periods=10**6)
    slower = first_alarm(
        risk_path(
            [*weeks[6:], *(broken(n, 500 + n) for n in range(40, 80))],
            against=against,
            options=single,
        )
    )
    assert slower is None or slower > alarm


def test_quiet_lives_are_quiet() -> None:
    """60 lives of 30 weeks: not more than the budget of 5 % have an alarm."""
    alarms = 0
    for seed in range(60):
        weeks = quiet(30, seed=seed, cases_each=400)
        against = reference(weeks[:6], options=OPTIONS)
        alarms += first_alarm(risk_path(weeks[6:], against=against, options=OPTIONS)) is not None
    assert alarms <= 3


def test_what_was_said_of_a_period_never_changes() -> None:
    weeks = [*quiet(15), broken(15, 1), broken(16, 2), broken(17, 3)]
    against = reference(weeks[:6], options=OPTIONS)
    whole = risk_path(weeks[6:], against=against, options=OPTIONS)
    for upto in range(1, len(whole)):
        assert risk_path(weeks[6 : 6 + upto], against=against, options=OPTIONS) == whole[:upto]


def test_unlabelled_cases_make_the_risk_surer() -> None:
    """A control group of 10 %; the expected loss of the rest narrows its error."""
    options = replace(OPTIONS, is_control_only=True)
    weeks = [period(n, cases(4_000, seed=n, control_share=0.1, mean=-2.5)) for n in range(12)]
    against = reference(weeks[:6], options=options)
    path = risk_path(weeks[6:], against=against, options=options)
    control = [replace(data, cases=data.cases.where(data.cases.is_control)) for data in weeks[6:]]
    alone = risk_path(control, against=against, options=options)
    assert path[0].proxy_weight == 0.0  # nothing earlier to learn it from
    assert all(0.2 < point.proxy_weight <= 1.0 for point in path[1:])
    for one, other in zip(path[1:], alone[1:], strict=True):
        assert one.error < other.error


def test_labels_of_customers_who_were_acted_on_do_not_count() -> None:
    """An offer that halves churn among the acted on leaves the risk as it was."""
    options = replace(OPTIONS, is_control_only=True)
    weeks = [period(n, cases(2_000, seed=n, control_share=0.3)) for n in range(9)]
    against = reference(weeks[:6], options=options)
    saved = []
    for data in weeks[6:]:
        labels = np.where(data.cases.is_control, data.cases.labels, 0.0)
        saved.append(replace(data, cases=replace(data.cases, labels=labels)))
    assert [p.risk for p in risk_path(saved, against=against, options=options)] == [
        p.risk for p in risk_path(weeks[6:], against=against, options=options)
    ]


def test_a_period_with_late_labels_is_left_out_with_the_reason() -> None:
    weeks = quiet(10)
    against = reference(weeks[:6], options=OPTIONS)
    late = period(8, cases(2_000, seed=8, labelled=0.7))
    path = risk_path([*weeks[6:8], late, weeks[9]], against=against, options=OPTIONS)
    assert "of the cases only, 95% are needed" in path[2].reason
    assert path[2].lower_bound == path[1].lower_bound
    assert path[3].reason == ""
    measured = risk_measurement(path[2], options=OPTIONS)
    assert (measured.interval.value, measured.reason) == (None, path[2].reason)


def test_cost_is_another_loss() -> None:
    some = cases(500)
    losses = Loss(kind="cost", missed=5.0, false_alarm=2.0).of_labels(some, some.labels)
    is_flagged = some.bands == 2
    expected = np.where(is_flagged, 2.0 * (1 - some.labels), 5.0 * some.labels)
    assert losses.tolist() == expected.tolist()


def test_the_alarm_states_its_figures_and_its_budget() -> None:
    weeks = [*quiet(8), *(broken(n, n) for n in range(8, 14))]
    path = risk_path(weeks[6:], against=reference(weeks[:6], options=OPTIONS), options=OPTIONS)
    alarm = risk_alarm(path[-1], options=OPTIONS)
    assert alarm is not None
    assert alarm.harm
    assert alarm.value > alarm.bound
    assert "at most 5%" in alarm.sentence
    assert risk_alarm(path[0], options=OPTIONS) is None
    measured = risk_measurement(path[0], options=OPTIONS)
    assert measured.interval.value == path[0].risk
    assert (measured.metric, measured.labels, measured.coverage) == ("risk", 2_000, 1.0)


def test_a_reference_needs_labels_of_both_classes() -> None:
    with pytest.raises(NoReference, match="expected at least 10 of each"):
        reference([period(0, cases(20))], options=OPTIONS)
    with pytest.raises(NoReference):
        reference([], options=OPTIONS)


def test_ranking_is_a_risk_of_its_own_for_rare_positives() -> None:
    options = replace(OPTIONS, is_ranking=True)
    weeks = [period(n, cases(4_000, seed=n, mean=-4.5)) for n in range(14)]
    against = reference(weeks[:6], options=options)
    area = roc_auc_score(
        np.concatenate([week.cases.labels for week in weeks[:6]]),
        np.concatenate([week.cases.scores for week in weeks[:6]]),
    )
    assert against.loss == pytest.approx(1.0 - area)
    quiet_path = risk_path(weeks[6:], against=against, options=options)
    assert first_alarm(quiet_path) is None
    # As many positives as before, and the scores say less of which.
    worse = [
        period(
            n,
            cases(
                4_000,
                seed=n,
                mean=-4.5,
                truth=lambda scores, _: np.full_like(scores, scores.mean()),
            ),
        )
        for n in range(14, 20)
    ]
    path = risk_path([*weeks[6:], *worse], against=against, options=options)
    assert first_alarm(path) in range(14, 17)
    alarm = risk_alarm(path[-1], options=options)
    assert alarm is not None
    assert alarm.subject == "auroc"


def test_log_loss_is_that_of_scikit_learn() -> None:
    some = cases(500)
    losses = Loss(kind="log").of_labels(some, some.labels)
    assert losses.mean() == pytest.approx(log_loss(some.labels, some.scores))
