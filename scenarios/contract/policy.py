"""From a score to a band, an action and a review flag: rules as data, applied to whole columns."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from scenarios.contract.judging.condition import Condition
from scenarios.contract.judging.second_stage import SecondStage


class PolicyError(ValueError):
    """A policy that leaves a case open or names something unknown; raised at start."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Band:
    """Scores from `lowest_score` up to the next band's; `explained` bands get reasons."""

    name: str
    lowest_score: float
    explained: bool = False


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The action for cases of these bands that meet all conditions; the first rule wins."""

    action: str
    bands: tuple[str, ...]
    when: tuple[Condition, ...] = ()
    review: bool = False


@dataclass(frozen=True)
class Decisions:
    """Decisions of n cases: band code int64 (n,), action code int64 (n,), review bool (n,)."""

    bands: npt.NDArray[np.int64]
    actions: npt.NDArray[np.int64]
    review: npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Bands by rising `lowest_score` (the first begins at 0) and rules for every band.

    Entities in the control group (a stable hash's share) get `control_action` whatever the rule:
    they show what would have happened without the actions. `second_stage` is asked of some bands.
    """

    bands: tuple[Band, ...]
    rules: tuple[Rule, ...]
    valid_days: float
    control_share: float = 0.0
    control_action: str = "none"
    second_stage: SecondStage | None = None

    def __post_init__(self) -> None:
        lowest = [band.lowest_score for band in self.bands]
        if not lowest or lowest[0] != 0.0 or lowest != sorted(set(lowest)):
            raise PolicyError(f"bands must begin at 0 and rise, got {lowest}")
        names = {band.name for band in self.bands}
        unknown = {name for rule in self.rules for name in rule.bands} - names
        open_bands = names - {name for rule in self.rules if not rule.when for name in rule.bands}
        if unknown or open_bands:
            raise PolicyError(
                f"rules name unknown bands {sorted(unknown)} "
                f"and leave bands {sorted(open_bands)} without a last rule"
            )
        if self.second_stage and (strange := set(self.second_stage.bands) - names):
            raise PolicyError(f"the second stage names unknown bands {sorted(strange)}")

    @property
    def actions(self) -> tuple[str, ...]:
        """Action per code; the last one is the control group's."""
        return (*(rule.action for rule in self.rules), self.control_action)

    @property
    def version(self) -> str:
        """12 hex digits over everything that decides."""
        values = asdict(self)
        if self.second_stage is None:
            del values["second_stage"]  # versions of policies without one stay what they were
        text = json.dumps(values, sort_keys=True, default=str)
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()

    def thresholds(self) -> dict[str, float]:
        """Band name → lowest score, as declared; a deployment may say otherwise."""
        return {band.name: band.lowest_score for band in self.bands}

    def check_thresholds(self, thresholds: Mapping[str, float]) -> None:
        """Raise `PolicyError` unless each band has a limit, finite and rising from 0."""
        names = [band.name for band in self.bands]
        limits = [thresholds.get(name, np.nan) for name in names]
        rises = all(low < high for low, high in pairwise(limits))
        if set(thresholds) != set(names) or limits[0] != 0.0 or not rises or limits[-1] == np.inf:
            raise PolicyError(
                f"thresholds {dict(thresholds)} do not fit the policy: expected one of each of the "
                f"bands {names}, the first 0, each above the one before"
            )

    def check_band(self, name: str | None) -> None:
        """Raise `PolicyError` when `name` is given and is no band."""
        names = [band.name for band in self.bands]
        if name is not None and name not in names:
            raise PolicyError(f"band {name!r} is not one of {names}")

    def decide(
        self,
        scores: npt.NDArray[np.float64],
        features: npt.NDArray[np.float64],
        *,
        feature_names: Sequence[str],
        thresholds: Mapping[str, float],
        is_control: npt.NDArray[np.bool_],
    ) -> Decisions:
        """Decide n cases; scores (n,) in [0, 1], features (n, k), thresholds by band name.

        Raises `PolicyError` for thresholds that leave a case open.
        """
        self.check_thresholds(thresholds)
        limits = [thresholds[band.name] for band in self.bands]
        bands = np.searchsorted(limits, scores, side="right") - 1
        actions = np.full(len(scores), -1, dtype=np.int64)
        review = np.zeros(len(scores), dtype=np.bool_)
        columns = {name: features[:, column] for column, name in enumerate(feature_names)}
        names = np.array([band.name for band in self.bands])[bands]
        for code, rule in enumerate(self.rules):
            applies = (actions < 0) & np.isin(names, rule.bands)
            for condition in rule.when:
                value = columns[condition.feature]
                applies &= (value >= condition.at_least) & (value < condition.below)
            actions[applies] = code
            review[applies] = rule.review
        actions[is_control] = len(self.rules)
        return Decisions(bands=bands.astype(np.int64), actions=actions, review=review)
