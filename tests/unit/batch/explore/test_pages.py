"""Pages about snapshots: they say what is in the data and load nothing from anywhere."""

import os

import numpy as np
import pytest

from batch.explore.drift import drift
from batch.explore.drift_page import drift_page
from batch.explore.profile_page import profile_page
from scenarios.contract.readable_columns import categories
from tests.scenarios.tiny import SCENARIO
from tests.support.self_contained import loaded_from_elsewhere
from tests.support.tiny_snapshot import tiny_rows, tiny_sample


@pytest.fixture(scope="module")
def profile() -> str:
    return profile_page(tiny_sample(tiny_rows()), SCENARIO, comparisons=["other.html"])


@pytest.fixture(scope="module")
def drifted() -> tuple[str, list[str]]:
    """A newer snapshot in which heat rose and parts are missing more often."""
    rows = tiny_rows(seed=2)
    rows["heat"] += 15.0
    rows.loc[rows.index % 2 == 0, "parts"] = np.nan
    return drift_page(tiny_sample(rows, number=2), tiny_sample(tiny_rows()), SCENARIO)


def test_the_profile_tells_names_counts_and_where_it_comes_from(profile: str) -> None:
    for words in ("tiny snapshot 1", "1,500", "boost", "outcome “failed”", "other.html"):
        assert words in profile
    assert SCENARIO.plan.digest in profile
    assert "All 1,500 rows of snapshot 1." in profile


def test_the_profile_names_no_entity(profile: str) -> None:
    assert "m00000" not in profile
    assert "m01499" not in profile


def test_the_profile_puts_the_feature_that_tells_most_first(profile: str) -> None:
    target = profile[profile.index('id="target"') :]
    assert target.index("<h3>temperature_c</h3>") == target.index("<h3>")


def test_planted_drift_is_named_and_nothing_else(drifted: tuple[str, list[str]]) -> None:
    html, names = drifted
    assert sorted(names) == ["heat", "parts"]
    assert "2 of 9 columns drifted" in html


def test_pages_load_nothing_from_elsewhere(profile: str, drifted: tuple[str, list[str]]) -> None:
    for html in (profile, drifted[0]):
        assert loaded_from_elsewhere(html) == []
        assert "default-src 'none'" in html  # what a script asks for, the browser refuses


def test_the_check_itself_finds_what_is_loaded() -> None:
    html = """<link rel=stylesheet href="http://a/b.css"><script src="//a/b.js"></script>
    <style>@import 'http://a/c.css'; p { background: url(http://a/d.png) }</style>
    <iframe srcdoc="&lt;img src=e.png&gt;"></iframe><a href="http://a/">fine</a>"""
    assert len(loaded_from_elsewhere(html)) == 5


def test_a_column_without_values_is_compared_and_not_tested() -> None:
    old = tiny_rows()[["heat", "mode", "parts"]]
    new = old.assign(parts=np.nan)
    report = drift(new, old, names=categories(SCENARIO))
    parts = next(column for column in report.columns if column.change.feature == "parts")
    assert (parts.test, parts.is_drifted) == (None, True)


@pytest.mark.parametrize("rows", [300, 1_500])
def test_chance_alone_is_no_drift(rows: int) -> None:
    frames = [tiny_rows(seed=seed, rows=rows)[list(SCENARIO.plan.feature_names)] for seed in (1, 2)]
    report = drift(frames[1], frames[0], names=categories(SCENARIO))
    assert [column.change.feature for column in report.columns if column.is_drifted] == []


def test_usage_data_is_switched_off_before_the_library_is_used(
    drifted: tuple[str, list[str]],
) -> None:
    from evidently.telemetry import event_logger

    assert os.environ["DO_NOT_TRACK"] == os.environ["ITERATIVE_DO_NOT_TRACK"] == "1"
    assert not event_logger.is_enabled()
