"""Bounds of gates as the settings declare them, for all scenarios and for one."""

from conf.settings import load_settings
from jobs.wiring.model_life import bounds_of


def test_a_scenario_may_have_bounds_of_its_own() -> None:
    settings = load_settings("local", environ={})
    churn, xray = bounds_of(settings, "churn"), bounds_of(settings, "xray")
    assert (churn.minimum_auroc, churn.maximum_auroc, churn.minimum_recall) == (0.6, 0.995, 0.0)
    assert (xray.minimum_auroc, xray.maximum_auroc, xray.minimum_recall) == (0.97, 0.9999, 0.95)
    assert xray.minimum_lift == churn.minimum_lift
    assert xray.slices == {"brightness": (0.47,)}
