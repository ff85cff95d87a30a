"""Pages about training snapshots as files in a folder for reports."""

from collections.abc import Callable
from pathlib import Path

from batch.explore.drift_page import drift_page
from batch.explore.profile_page import profile_page
from batch.explore.sample import SnapshotSample
from reports.files import write_text
from scenarios.contract.scenario import Scenario

Progress = Callable[[str], None]


def write_profile(
    folder: Path, sample: SnapshotSample, scenario: Scenario, *, progress: Progress
) -> Path:
    """Write snapshot-N.html, with links to the drift pages beside it, and return its path."""
    name = f"snapshot-{sample.record.number}"
    progress(f"profiling {len(sample.features):,} rows")
    others = sorted(path.name for path in folder.glob(f"{name}-against-*.html"))
    return _written(folder / f"{name}.html", profile_page(sample, scenario, comparisons=others))


def write_drift(
    folder: Path,
    new: SnapshotSample,
    old: SnapshotSample,
    *,
    scenario: Scenario,
    progress: Progress,
) -> Path:
    """Write snapshot-N-against-M.html, say what drifted, and return the page's path."""
    progress(f"comparing {len(new.features):,} rows with {len(old.features):,}")
    html, drifted = drift_page(new, old, scenario)
    progress(f"drifted: {', '.join(drifted) or 'nothing'}")
    name = f"snapshot-{new.record.number}-against-{old.record.number}.html"
    return _written(folder / name, html)


def _written(path: Path, html: str) -> Path:
    return write_text(path, html)  # a reader never meets half a page
