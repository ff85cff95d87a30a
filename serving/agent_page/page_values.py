"""What all templates of the agent page have in common."""

from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from features.events.rules import MAX_ENTITY_BYTES
from serving.agent_page.card import Card, card_of, clipped, tone_of, whole_percent
from serving.agent_page.desk import AgentDesk
from stores.hbase.connection import StoreDown, TableMissing
from stores.kafka.errors import KafkaDown, TopicMissing

# What a page shows as "try again", and not as an error of its own.
AWAY = (StoreDown, TableMissing, KafkaDown, TopicMissing)
RETRY_AFTER = {"Retry-After": "5"}


def page_values(desk: AgentDesk) -> dict[str, Any]:
    """Names and functions that the templates use, beside what one of them shows."""
    scenario = desk.scenario
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "base": base_of(scenario.name),
        "clipped": clipped,
        "whole": whole_percent,
        "tone": partial(tone_of, scenario=scenario),
        "live_url": "",
        "wants_search": False,
    }


def base_of(scenario: str) -> str:
    """Where the pages of a scenario begin."""
    return f"/desk/{quote(scenario, safe='')}/agent"


def customer_url(scenario: str, entity: str) -> str:
    """The page of one customer; the id stands in the query, where it may hold anything."""
    return f"{base_of(scenario)}/customer?{urlencode({'id': entity})}"


def live_url(scenario: str, entity: str) -> str:
    """Where changes of the latest row are announced: see `serving.rows.changes_routes`."""
    return f"/v1/{quote(scenario, safe='')}/latest/{quote(entity, safe='')}/changes"


def card_now(desk: AgentDesk, entity: str, now: datetime) -> Card | None:
    """The card of `entity`, or None; raises one of `AWAY`."""
    if not 1 <= len(entity.encode()) <= MAX_ENTITY_BYTES:
        return None
    row = desk.latest.one(entity, now)
    return None if row is None else card_of(row, desk.scenario)
