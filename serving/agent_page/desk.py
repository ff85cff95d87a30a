"""What the agent page reads and does for one scenario; composed by the job, of fakes in tests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from scenarios.contract.scenario import Scenario
from serving.agent_page.answers import AnswerBook
from serving.agent_page.counterfactual import WhatIf
from serving.agent_page.search import Matches
from serving.agent_page.timeline import History
from serving.rows.latest import BandPage
from serving.rows.view import RowView


class Latest(Protocol):
    """Latest rows: see `serving.rows.latest.LatestRows`."""

    def one(self, entity: str, now: datetime) -> RowView | None:
        """The row of `entity`, or None."""

    def many(self, entities: Sequence[str], now: datetime) -> Mapping[str, RowView]:
        """Entity → row; those without a row are left out."""

    def page(
        self, now: datetime, *, band: str | None, cursor: str | None, limit: int, most_read: int
    ) -> BandPage:
        """Rows of a band, and the cursor of the next page."""


class Search(Protocol):
    """Ids by their beginning: see `serving.agent_page.search.IdSearch`."""

    def beginning_with(self, beginning: str, *, limit: int) -> Matches:
        """Up to `limit` ids that begin with `beginning`."""


@dataclass(frozen=True, kw_only=True)
class AgentDesk:
    """The parts of one scenario's page.

    answers    None: outcomes cannot be posted here
    what_if    None: nothing is supposed
    features   entity → name → current value, NaN where missing: what can still be offered
    history    None: there is no archive
    is_live    `/v1/S/latest/ENTITY/changes` is served, which announces new rows
    """

    scenario: Scenario
    latest: Latest
    search: Search
    answers: AnswerBook | None = None
    what_if: WhatIf | None = None
    features: Callable[[str], Mapping[str, float]] | None = None
    history: History | None = None
    is_live: bool = False
