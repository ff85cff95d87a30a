"""What the gates look at: a version's scores on held-out rows, its card and its probe set."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lifecycle.gates.bootstrap import Floats, Ints, Rows, entity_codes
from models.card import ModelCard
from models.registry.probe import Probe
from models.scoring_model import ScoringModel


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """n rows that no compared version was trained on.

    features  float64 (n, k), the scenario's columns in its order
    scores    float64 (n,) of the version
    """

    entities: list[str]
    outcomes: Ints
    features: Floats
    scores: Floats
    source: str

    @property
    def rows(self) -> Rows:
        """As the bootstrap takes them."""
        return Rows(self.outcomes, entity_codes(self.entities))

    @property
    def has_both_outcomes(self) -> bool:
        """Whether anything can be measured."""
        positives = int(self.outcomes.sum())
        return 0 < positives < len(self.outcomes)


@dataclass(frozen=True, kw_only=True)
class AgainstChampion:
    """Scores (n,) of champion and version on the same n rows; `version` is the champion's."""

    version: str
    rows: Rows
    champion_scores: Floats
    scores: Floats


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All of one version.

    model           None: it could not be loaded, `problem` says why
    champion        None: there is none, or it is this version
    champion_problem  why there is a champion and no comparison
    data_problems   what is wrong with the snapshot's rows, see lifecycle/gates/data.py; None: there
                    is no snapshot to look at
    latency_us      microseconds per row on the probe set
    batch_dependent_rows  probe rows whose score has other bits in another batch
    """

    version: str
    card: ModelCard
    model: ScoringModel | None
    problem: str = ""
    held_out: HeldOut | None = None
    champion: AgainstChampion | None = None
    champion_problem: str = ""
    probe: Probe | None = None
    probe_scores: npt.NDArray[np.float64] | None = None
    latency_us: float | None = None
    batch_dependent_rows: int | None = None
    data_problems: tuple[str, ...] | None = None
    notes: tuple[str, ...] = field(default=())
