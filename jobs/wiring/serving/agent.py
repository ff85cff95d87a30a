"""The agent page of the web service: which parts of the others it reads and posts with."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter

from jobs.wiring.serving.resources import Resources
from scenarios.contract.scenario import Scenario
from serving.agent_page.answers import AnswerBook
from serving.agent_page.desk import AgentDesk
from serving.agent_page.routes import router
from serving.agent_page.search import IdSearch
from serving.records.outcomes import OutcomePosting
from serving.rows.history import EntityHistory
from serving.rows.latest import LatestRows
from serving.scoring.score_now import ScoreNow


def agent_pages(
    resources: Resources,
    *,
    latest: Mapping[str, LatestRows],
    histories: Mapping[str, EntityHistory],
    outcomes: Mapping[str, OutcomePosting],
    scorers: Mapping[str, ScoreNow],
) -> APIRouter:
    """The pages of all scenarios, over the same parts as the operations below `/v1`.

    Each mapping is by the name of the scenario. The routes of `serving/rows/changes_routes.py` must
    be served as well: they announce new rows.
    """
    desks = {
        name: agent_desk(
            resources,
            scenario,
            latest=latest[name],
            history=histories[name],
            outcomes=outcomes[name],
            scorer=scorers[name],
        )
        for name, scenario in resources.scenarios.items()
    }
    return router(desks, what_ifs=resources.scores, histories=resources.histories)


def agent_desk(
    resources: Resources,
    scenario: Scenario,
    *,
    latest: LatestRows,
    history: EntityHistory,
    outcomes: OutcomePosting,
    scorer: ScoreNow,
) -> AgentDesk:
    """The page of one scenario."""
    return AgentDesk(
        scenario=scenario,
        latest=latest,
        search=IdSearch(resources.pool, scenario.name),
        answers=AnswerBook(poster(outcomes)),
        what_if=scorer.what_if,
        features=current_features(scorer),
        history=history,
        is_live=True,
    )


def poster(outcomes: OutcomePosting) -> Callable[[Mapping[str, Any]], str]:
    """Posts an outcome now and gives its position."""

    def post(document: Mapping[str, Any]) -> str:
        posted = outcomes.post(document, datetime.now(UTC))
        return f"{posted.topic}-{posted.partition}@{posted.offset}"

    return post


def current_features(scorer: ScoreNow) -> Callable[[str], Mapping[str, float]]:
    """An entity's features by name, as of its newest event."""
    names = scorer.scenario.feature_names

    def features(entity: str) -> Mapping[str, float]:
        return dict(zip(names, scorer.features_now(entity).tolist(), strict=True))

    return features
