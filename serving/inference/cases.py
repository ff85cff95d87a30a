"""The cases of an inference request, judged: feature rows, or entities by their latest rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from features.events.rules import MAX_ENTITY_BYTES
from serving.problems import Problem, Refusal
from serving.rows.view import RowView
from serving.scoring.errors import EntityMissing, FeaturesRefused
from serving.scoring.score_now import ScoreNow
from stores.hbase.predictions import Reason

MOST_ROWS = 10_000
MOST_ENTITIES = 500
# The input of both protocols that names entities; no feature has this name.
ENTITY = "entity"
_SHOWN = 5


class LatestOfMany(Protocol):
    """Reads latest rows, such as `LatestRows`."""

    def many(self, entities: Sequence[str], now: datetime) -> Mapping[str, RowView]:
        """Entity → row; those without a row are left out."""
        ...


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One judged case; the last three fields are of a latest row only."""

    score: float
    band: str
    action: str
    review: bool
    control_group: bool
    reasons: Sequence[Reason]
    model_version: str
    prediction_id: str | None = None
    age_seconds: float | None = None
    stale: bool | None = None


def cases_of_rows(
    scorer: ScoreNow,
    names: Sequence[str],
    matrix: npt.NDArray[np.float64],
    now_ms: int,
    *,
    version: str | None,
) -> list[Case]:
    """A case per feature row; raises `FeaturesRefused` where one of them has no verdict."""
    if len(matrix) > MOST_ROWS:
        raise FeaturesRefused(f"{len(matrix):,} rows; at most {MOST_ROWS:,} are scored at once")
    judged = scorer.of_features(names, matrix, now_ms, version=version)
    if judged.unjudged:
        first = judged.unjudged[0]
        raise FeaturesRefused(
            f"{len(judged.unjudged)} of {len(matrix)} rows have no verdict; the first is row "
            f"{first.case}: {first.reason_code}: {first.reason}"
        )
    return [
        Case(
            score=verdict.score,
            band=verdict.band,
            action=verdict.action,
            review=verdict.review,
            control_group=verdict.control_group,
            reasons=verdict.reasons,
            model_version=verdict.model.version,
        )
        for verdict in judged.verdicts
    ]


def cases_of_entities(
    latest: LatestOfMany, entities: Sequence[str], now: datetime, *, version: str | None
) -> list[Case]:
    """A case per entity, as its latest row says.

    Raises `EntityMissing` where there is none, `Refusal` 409 where a row is of another version
    than `version`.
    """
    if len(entities) > MOST_ENTITIES:
        raise FeaturesRefused(f"{len(entities):,} entities; at most {MOST_ENTITIES} at once")
    longest = max((len(entity.encode()) for entity in entities), default=0)
    if longest > MAX_ENTITY_BYTES or "" in entities:
        raise EntityMissing(f"an entity id has 1 to {MAX_ENTITY_BYTES:,} bytes")
    rows = latest.many(entities, now) if entities else {}
    missing = [position for position, entity in enumerate(entities) if entity not in rows]
    if missing:
        raise EntityMissing(
            f"{len(missing)} of {len(entities)} entities have no prediction yet, at positions "
            f"{missing[:_SHOWN]}"
        )
    for entity in entities if version is not None else ():
        made_by = rows[entity].prediction.model.version
        if made_by != version:
            raise Refusal(
                Problem(
                    status=409,
                    kind="other-version",
                    detail=f"the latest row was made by version {made_by}, not {version}: ask "
                    "without a version, or post features",
                )
            )
    return [_case(rows[entity]) for entity in entities]


def _case(row: RowView) -> Case:
    prediction = row.prediction
    return Case(
        score=prediction.score,
        band=prediction.band,
        action=prediction.action,
        review=prediction.review,
        control_group=prediction.control_group,
        reasons=prediction.reasons,
        model_version=prediction.model.version,
        prediction_id=prediction.prediction_id,
        age_seconds=row.age_seconds,
        stale=row.stale,
    )
