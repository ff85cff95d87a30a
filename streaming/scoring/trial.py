"""A version on trial beside the champion: what it failed and cost, and whether that is too much."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from scenarios.contract.experiment import CHAMPION, SHADOW
from scenarios.contract.judge import Effort
from streaming.passes.settings import TrialBounds


@dataclass
class _Sums:
    """Of one version so far; `excess` are seconds beyond those of the champion's whole batches."""

    rows: int = 0
    failed: int = 0
    excess: float = 0.0
    slow_batches: int = 0
    cause: str = ""


@dataclass
class Trial:
    """Adds up the efforts of the versions that are compared; starts again with each deployment."""

    bounds: TrialBounds
    _sums: dict[str, _Sums] = field(default_factory=dict)
    _champion_rows: int = 0
    _champion_seconds: float = 0.0
    _champion_scoring: float = 0.0

    def add(self, efforts: Sequence[Effort]) -> None:
        """Add what one batch took: at most two efforts of one version, and the champion's."""
        rows, scoring, seconds = 0, 0.0, 0.0
        for effort in efforts:
            if effort.role == CHAMPION:
                rows, scoring, seconds = effort.rows, effort.scoring_seconds, effort.seconds
        self._champion_rows += rows
        self._champion_scoring += scoring
        self._champion_seconds += seconds
        for effort in efforts:
            if effort.role == CHAMPION:
                continue
            sums = self._sums.setdefault(effort.role, _Sums())
            sums.rows += effort.rows
            sums.failed += effort.failed
            sums.cause = sums.cause or effort.cause
            of_champion = scoring if effort.role == SHADOW else seconds
            excess = max(0.0, effort.seconds - of_champion)
            sums.excess += excess
            bound = max(
                self.bounds.event_seconds, self.bounds.time_ratio * self._of_champion(effort.role)
            )
            sums.slow_batches += excess > effort.rows * bound

    def excesses(self) -> dict[str, str]:
        """Role → why its version is beyond its bounds, as a sentence."""
        causes = {role: self._excess(role, sums) for role, sums in self._sums.items()}
        return {role: cause for role, cause in causes.items() if cause}

    def _excess(self, role: str, sums: _Sums) -> str:
        bounds = self.bounds
        if sums.failed >= bounds.failures and sums.failed > bounds.failed_share * sums.rows:
            return (
                f"it failed {sums.failed:,} of {sums.rows:,} events "
                f"({sums.failed / sums.rows:.1%}, bound {bounds.failed_share:.1%}), the first: "
                f"{sums.cause}"
            )
        if sums.rows < bounds.rows or sums.slow_batches < bounds.slow_batches:
            return ""
        per_event, of_champion = sums.excess / sums.rows, self._of_champion(role)
        if per_event <= max(bounds.event_seconds, bounds.time_ratio * of_champion):
            return ""
        return (
            f"it took {per_event * 1e6:,.0f} µs an event more than the champion "
            f"({of_champion * 1e6:,.1f} µs), bounds {bounds.time_ratio:g} times the champion's and "
            f"{bounds.event_seconds * 1e6:,.0f} µs"
        )

    def _of_champion(self, role: str) -> float:
        """Seconds of the champion per event, for what a version of `role` does as well."""
        seconds = self._champion_scoring if role == SHADOW else self._champion_seconds
        return seconds / self._champion_rows if self._champion_rows else 0.0
