"""An experiment on live traffic: which entities and events take part, and what is logged of it.

The id of the experiment salts both choices. So an entity stays in its arm for as long as the
experiment runs, whatever restarts or is moved, and two experiments are independent of each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec
import numpy as np
import numpy.typing as npt

from scenarios.contract.shares import events_in_share, places_in_share

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

CHAMPION, CHALLENGER, SHADOW = "champion", "challenger", "shadow"
# How the experiment begins in a prediction's message, behind the last field of the thresholds;
# inside a text its quotes would be escaped.
MARK = ',"experiment":{"id":'


class OtherScore(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The score that another version gave the same event; None: it could not judge it.

    share: of the events that are scored by that version as well (of a shadow only).
    """

    version: str
    share: float | None = None
    score: float | None


class LoggedExperiment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a logged prediction says of the experiment in which it was made.

    arm         "champion" or "challenger": the arm of the entity, also where the challenger failed
                and the champion judged in its place
    propensity  probability of that arm
    other       the version of the pair that did not decide; None: it did not score this event
    shadow      the same of the shadow
    """

    id: str
    arm: str
    propensity: float
    other: OtherScore | None = None
    shadow: OtherScore | None = None


@dataclass(frozen=True, kw_only=True)
class Arms:
    """Who is in which arm of n events: bool (n,) each.

    in_challenger  the entity is in the challenger's arm
    is_paired      both versions score the event
    """

    in_challenger: Flags
    is_paired: Flags


def arms(entities: Sequence[str], *, scenario: str, experiment: str, share: float | Floats) -> Arms:
    """The arms of n events of `entities`, and for which of them both versions score.

    The challenger decides for the `share` of the entities whose hash is lowest. Both versions score
    for twice that share: all of the challenger's arm and as many of the champion's, so that a small
    experiment costs little.
    """
    places = places_in_share(entities, salt=salt_of(scenario, experiment))
    return Arms(in_challenger=places < share, is_paired=places < np.minimum(2.0 * share, 1.0))


def propensity_of(*, in_challenger: bool, share: float) -> float:
    """The probability of an arm when the challenger decides for `share` of the entities."""
    return share if in_challenger else 1.0 - share


def shadowed(offsets: Ints, *, epoch: int, partition: int, experiment: str, share: float) -> Flags:
    """Which of n events the shadow scores as well, bool (n,); see `events_in_share`."""
    salt = f"{experiment}:shadow:{epoch}:{partition}"
    return events_in_share(offsets, share, salt=salt)


def salt_of(scenario: str, experiment: str) -> str:
    """The salt of an experiment's arms; of one length, so that no two long ids share it."""
    digest = blake2b(f"{scenario}:{experiment}".encode(), digest_size=16).hexdigest()
    return f"experiment:{digest}"
