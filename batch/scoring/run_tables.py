"""The Delta tables of one batch scoring run, which no later run overwrites."""

from dataclasses import dataclass
from datetime import UTC, datetime

from stores.delta.tables import DeltaPlace

_FORMAT = "%Y%m%dT%H%M%SZ"


def run_id(now: datetime) -> str:
    """The UTC time of a run as its name, such as 20261121T153000Z."""
    return now.astimezone(UTC).strftime(_FORMAT)


@dataclass(frozen=True, kw_only=True)
class RunTables:
    """Where the tables of `run` are.

    states  entity, position, cell: every entity's newest state, ordered by position
    scores  one row per entity that can be scored
    rows    entity, position, document: what `p:latest` says after publishing
    """

    place: DeltaPlace
    run: str

    @property
    def states(self) -> str:
        """Path of the states as they were read."""
        return self.place.path("states", self.run)

    @property
    def scores(self) -> str:
        """Path of the scores."""
        return self.place.path("batch_scores", self.run)

    @property
    def rows(self) -> str:
        """Path of the row documents."""
        return self.place.path("batch_rows", self.run)

    @property
    def scored_at_ms(self) -> int:
        """The run's own time, UTC epoch ms: what its rows say when they were scored."""
        moment = datetime.strptime(self.run, _FORMAT).replace(tzinfo=UTC)
        return int(moment.timestamp()) * 1000
