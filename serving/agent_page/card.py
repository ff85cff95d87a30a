"""One latest row in the words and order in which an agent reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from scenarios.contract.scenario import Scenario
from serving.rows.view import RowView

# A sentence; what an id or a reason holds beyond it is counted, not shown.
MOST_SHOWN_CHARACTERS = 300

CALM, WARM, HOT = "calm", "warm", "hot"


@dataclass(frozen=True)
class ShownReason:
    """Why the score is what it is; `raises` false: it lowers the score."""

    text: str
    raises: bool


@dataclass(frozen=True, kw_only=True)
class Card:
    """What the page shows of one row.

    tone            how the band is coloured: calm (the lowest), hot (the highest), warm
    marks           scores at which bands begin, in [0, 1], as the policy declares them
    has_action      the policy asks for something
    """

    entity: str
    prediction_id: str
    score: float
    band: str
    tone: str
    marks: Sequence[float]
    reasons: Sequence[ShownReason]
    is_explained: bool
    action: str
    has_action: bool
    is_control: bool
    needs_review: bool
    stale_because: Sequence[str]
    age_seconds: float
    features_as_of: datetime
    scored_at: datetime
    valid_until: datetime
    model: str
    change_id: str


def card_of(row: RowView, scenario: Scenario) -> Card:
    """The card of `row`; a band that the policy does not know is shown as hot."""
    prediction, bands = row.prediction, scenario.policy.bands
    declared = {band.name: band for band in bands}
    band = declared.get(prediction.band)
    return Card(
        entity=prediction.entity,
        prediction_id=prediction.prediction_id,
        score=prediction.score,
        band=clipped(prediction.band),
        tone=tone_of(prediction.band, scenario),
        marks=[other.lowest_score for other in bands[1:]],
        reasons=[
            ShownReason(clipped(reason.text), reason.direction == "raises")
            for reason in prediction.reasons
        ],
        is_explained=band is None or band.explained,
        action=clipped(prediction.action),
        has_action=prediction.action != scenario.policy.control_action,
        is_control=prediction.control_group,
        needs_review=prediction.review,
        stale_because=[clipped(reason) for reason in row.stale_because],
        age_seconds=row.age_seconds,
        features_as_of=prediction.features_as_of,
        scored_at=prediction.scored_at,
        valid_until=prediction.valid_until,
        model=clipped(f"{prediction.model.name} {prediction.model.version}"),
        change_id=row.change_id,
    )


def tone_of(band: str, scenario: Scenario) -> str:
    """How `band` is coloured: its name always stands beside the colour."""
    names = [declared.name for declared in scenario.policy.bands]
    if band == names[0]:
        return CALM
    return WARM if band in names[1:-1] else HOT


def clipped(text: str) -> str:
    """`text`, of a very long one its beginning and how long it is."""
    if len(text) <= MOST_SHOWN_CHARACTERS:
        return text
    return f"{text[:MOST_SHOWN_CHARACTERS]}… ({len(text):,})"


def whole_percent(share: float) -> str:
    """A share of 0 to 1 as for example 41 %; nothing between is called 0 or 100."""
    percent = 100.0 * share
    if 0.0 < percent < 1.0:
        return "< 1 %"
    if 99.0 < percent < 100.0:
        return "> 99 %"
    return f"{percent:.0f} %"
