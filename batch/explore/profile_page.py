"""The page that shows a data scientist one training snapshot."""

import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import pandas as pd

from batch.explore.sample import SnapshotSample
from batch.explore.target_by_feature import TargetByFeature, target_by_feature
from reports.pages import page, percent
from scenarios.contract.readable_columns import categories, with_category_names
from scenarios.contract.scenario import Scenario

# Pairs of columns grow with their square: 100 columns take seconds, 1,000 minutes.
_MOST_COLUMNS_FOR_ASSOCIATIONS = 100

_SECTIONS = (
    ("overview", "Overview"),
    ("missing", "Missing values"),
    ("target", "Target by feature"),
    ("profile", "Profile"),
)


def profile_page(
    sample: SnapshotSample, scenario: Scenario, *, comparisons: Sequence[str] = ()
) -> str:
    """The whole page as HTML; `comparisons` are names of drift pages beside it."""
    names = categories(scenario)
    label = scenario.label
    readable = with_category_names(sample.features, names)
    readable.insert(0, label.field, _outcome_words(sample, scenario))
    missing = _missing(sample.features)
    target = target_by_feature(sample.features, sample.outcomes, names=names)
    return page(
        "snapshot.html",
        {
            "title": sample.title,
            "subtitle": f"{scenario.title}; what was known up to {sample.record.as_of}",
            "sections": _SECTIONS,
            "figures": _figures(sample, label.positive),
            "facts": list(facts(sample).items()),
            "comparisons": comparisons,
            "missing": missing,
            "complete": sample.features.shape[1] - len(missing),
            "positive": label.positive,
            "base_share": float(sample.outcomes.mean()) if len(sample.outcomes) else 0.0,
            "target": target,
            "widest": _widest(target),
            "skrub_version": version("skrub"),
            "sampling": f"{sample.sampling} {_of_one_value(readable)}".strip(),
            "profile": _skrub_report(readable, title=sample.title),
            "footer": f"{sample.sampling} Table version {sample.version} of {sample.record.path}.",
        },
    )


def facts(sample: SnapshotSample) -> dict[str, str]:
    """Where the snapshot comes from, in words."""
    record = sample.record
    erased = record.rows - sample.rows
    return {
        "number": f"{record.number}",
        "as of": record.as_of,
        "created at": record.created_at,
        "rows as built": f"{record.rows:,}",
        "rows erased since then": f"{erased:,} (table version {sample.version})",
        "digest of the rows as built": record.rows_digest,
        "built from": f"events version {record.events_version}, "
        f"labels version {record.labels_version}",
        "feature definitions": record.definitions_digest,
        "git commit": record.git_commit,
        "table": record.path,
        "records read": ", ".join(
            f"{words.replace('_', ' ')} {count:,}" for words, count in record.counts.items()
        ),
    }


def _figures(sample: SnapshotSample, positive: str) -> list[tuple[str, str]]:
    return [
        ("rows", f"{sample.rows:,}"),
        (f"outcome “{positive}”", f"{sample.positives:,}"),
        (
            f"share of “{positive}”",
            percent(sample.positives / sample.rows) if sample.rows else "-",
        ),
        ("features", f"{len(sample.record.feature_names)}"),
        ("rows held out for testing", f"{sample.test_rows:,}"),
    ]


def _missing(features: pd.DataFrame) -> list[Mapping[str, Any]]:
    rows = features.isna().sum().sort_values(ascending=False, kind="stable")
    return [
        {"feature": name, "rows": int(count), "share": count / len(features)}
        for name, count in rows.items()
        if count
    ]


def _widest(target: Sequence[TargetByFeature]) -> float:
    """The share of a full bar: the highest of all, so that rare outcomes differ visibly too."""
    return max((bin.share for feature in target for bin in feature.bins), default=0.0) or 1.0


def _outcome_words(sample: SnapshotSample, scenario: Scenario) -> list[str]:
    positive = scenario.label.positive
    return [positive if outcome else f"not {positive}" for outcome in sample.outcomes.tolist()]


def _varying(readable: pd.DataFrame) -> pd.DataFrame:
    """The columns with two values or more; the others have no associations to show."""
    return readable.loc[:, [readable[name].nunique(dropna=True) > 1 for name in readable.columns]]


def _of_one_value(readable: pd.DataFrame) -> str:
    """A sentence on the columns that are left out of the profile."""
    constant = [name for name in readable.columns if name not in _varying(readable).columns]
    if not constant:
        return ""
    columns = []
    for name in constant:
        values = readable[name].dropna()
        columns.append(f"{name} (always {values.iloc[0]})" if len(values) else f"{name} (no value)")
    return f"Not in the profile, for they never vary: {', '.join(columns)}."


def _skrub_report(readable: pd.DataFrame, *, title: str) -> str:
    """skrub's report as a piece of HTML that needs no other file."""
    readable = _varying(readable)
    if not readable.shape[1]:
        return "<p>No column varies.</p>"
    from skrub import TableReport  # 2 s, and with it matplotlib

    report = TableReport(
        readable,
        title=title,
        verbose=0,
        plot_distributions=True,
        compute_associations=readable.shape[1] <= _MOST_COLUMNS_FOR_ASSOCIATIONS,
        open_tab="distributions",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of columns without any value
        return str(report.html_snippet())
