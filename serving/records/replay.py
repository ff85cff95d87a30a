"""Dead letters that an operator chooses to publish again, by the job that does so once each."""

from collections.abc import Sequence
from dataclasses import dataclass

from features.events.reasons import FORMER_REASON_CODES, NOT_REPLAYABLE, REFUSAL_CODES

JOB = "replay_dead_letters"
MOST_POSITIONS = 500


class ReplayRefused(ValueError):
    """Nothing was chosen, or what is never published again."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class ReplayChoice:
    """Reasons and positions (partition, offset), which hold together; at least one of them.

    is_dry   only count what would be published
    """

    reasons: Sequence[str] = ()
    positions: Sequence[tuple[int, int]] = ()
    is_dry: bool = False

    def __post_init__(self) -> None:
        if not self.reasons and not self.positions:
            raise ReplayRefused("name reasons or positions of the dead letters to publish again")
        replayable = {*REFUSAL_CODES, *FORMER_REASON_CODES} - NOT_REPLAYABLE
        wrong = [code for code in self.reasons if code not in replayable]
        if wrong:
            raise ReplayRefused(
                f"dead letters {wrong} are not published again: {', '.join(sorted(replayable))}"
            )
        if len(self.positions) > MOST_POSITIONS:
            raise ReplayRefused(
                f"{len(self.positions)} positions, allowed are {MOST_POSITIONS}: name reasons"
            )

    @property
    def options(self) -> list[str]:
        """As the job takes it; it asks nobody."""
        options = [word for code in self.reasons for word in ("--reason", code)]
        if self.positions:
            places = ",".join(f"{partition}:{offset}" for partition, offset in self.positions)
            options += ["--positions", places]
        return [*options, "--dry-run" if self.is_dry else "--yes"]

    @property
    def about(self) -> str:
        """In a few words."""
        parts = [*self.reasons]
        if self.positions:
            parts.append(f"{len(self.positions)} positions")
        return ", ".join(parts) + (" (only counted)" if self.is_dry else "")
