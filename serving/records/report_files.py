"""Pages and figures that jobs have written into the reports folder: quality, drift, audits."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

QUALITY = "quality"
_DRIFT = re.compile(r"drift-\d{4,}")
_AUDIT = re.compile(r"[A-Za-z0-9][\w.-]{0,255}")
_NEWEST_PERIODS = 12


class ReportAbsent(LookupError):
    """No job has written this report yet; says which one does."""

    exit_code = 6


class ReportDamaged(ValueError):
    """A report is there, but cannot be read."""

    exit_code = 4


class _Quality(msgspec.Struct):
    made_at: str
    reports: list[dict[str, Any]] = []
    alerts: list[dict[str, Any]] = []
    deployments: list[tuple[int, str]] = []
    business: list[dict[str, Any]] = []


@dataclass(frozen=True, kw_only=True)
class QualityFigures:
    """What the newest run of `monitor` has measured.

    made_at, age_seconds   when it ran
    periods                the newest ones as `monitor` writes them, newest first
    open_alerts            those that are not over
    """

    made_at: str
    age_seconds: float
    periods: Sequence[dict[str, Any]]
    open_alerts: Sequence[dict[str, Any]]
    business: Sequence[dict[str, Any]]

    @property
    def newest_mature(self) -> dict[str, Any] | None:
        """The newest period whose labels are known, among `periods`."""
        return next((period for period in self.periods if period.get("is_mature")), None)


@dataclass(frozen=True)
class ReportFiles:
    """The reports of one scenario in `folder`."""

    folder: Path
    scenario: str

    def quality(self, now: datetime) -> QualityFigures:
        """The figures of the newest run of `monitor`; raises `ReportAbsent` or `ReportDamaged`."""
        raw = self._read(f"{QUALITY}.json")
        if raw is None:
            raise self._absent("monitor")
        try:
            content = msgspec.json.decode(raw, type=_Quality)
            made_at = datetime.fromisoformat(content.made_at)
        except (msgspec.MsgspecError, ValueError) as error:
            raise ReportDamaged(f"the quality figures cannot be read: {error}") from None
        made = made_at if made_at.tzinfo else made_at.replace(tzinfo=UTC)
        return QualityFigures(
            made_at=made.isoformat(),
            age_seconds=max((now - made).total_seconds(), 0.0),
            periods=content.reports[: -_NEWEST_PERIODS - 1 : -1],
            open_alerts=[alert for alert in content.alerts if not alert.get("is_over")],
            business=content.business,
        )

    def page(self, name: str) -> bytes:
        """The page `quality` or `drift-NNNN`; raises `ReportAbsent`."""
        raw = None
        if name == QUALITY or _DRIFT.fullmatch(name):
            raw = self._read(f"{name}.html")
        if raw is None:
            raise self._absent("monitor")
        return raw

    def audit(self, prediction_id: str) -> bytes:
        """The page of an audited prediction; raises `ReportAbsent`."""
        stem = re.sub(r"[^\w.-]", "_", prediction_id)
        raw = self._read(f"audits/{stem}.html") if _AUDIT.fullmatch(stem) else None
        if raw is None:
            raise self._absent("audit")
        return raw

    @property
    def drift_pages(self) -> Sequence[str]:
        """Names of the drift pages, the newest first."""
        names = (path.stem for path in self.folder.glob("drift-*.html"))
        return sorted((name for name in names if _DRIFT.fullmatch(name)), reverse=True)

    def _read(self, name: str) -> bytes | None:
        try:
            return (self.folder / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _absent(self, job: str) -> ReportAbsent:
        return ReportAbsent(
            f"there is no such report: ./spark-submit.sh {job} --scenario {self.scenario} writes it"
        )
