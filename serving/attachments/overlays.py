"""What in a case's attachment moved its score, by the version that made the prediction.

The score is a function of the prediction's logged features, which the case carries. Those that are
figures of the attachment are varied; the others stay. An overlay is shown only where the version
gives exactly the logged score again, so that nobody sees what moved another one.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import numpy.typing as npt

from features.attachments import AttachmentExplainer, AttachmentSource, digest_in
from features.definitions import LastValue
from models.registry.versions import NoSuchVersion, RetiredModel
from models.scoring_model import ScoringModel
from scenarios.contract.scenario import Scenario
from stores.hbase.connection import StoreDown, TableMissing
from stores.hbase.predictions import Prediction
from stores.records.review_cases import ReviewCase

log = logging.getLogger("everscore.serving")

Floats = npt.NDArray[np.float64]

# Why there is no overlay; the texts are review.overlay_….
NOT_OF_KIND, NO_FEATURES, WITHDRAWN, UNLOADABLE, OTHER_SCORE, NOTHING, NO_CONTENT, FAILED = (
    "not_of_kind",
    "no_features",
    "withdrawn",
    "unloadable",
    "other_score",
    "nothing",
    "no_content",
    "failed",
)
_HELD = 256
# A score of exactly 0 or 1 has no log-odds.
_LEAST = 1e-12
# Of scores that were logged and computed again: the text of a float reads back as the same float.
_TOLERANCE = 1e-12


class OverlayUnavailable(LookupError):
    """There is no overlay; `cause` is one of the words above."""

    def __init__(self, cause: str, sentence: str) -> None:
        super().__init__(sentence)
        self.cause = cause


@dataclass
class Overlays:
    """The overlays of one scenario's cases; the latest are held in memory, for many threads.

    They are not stored: a stored picture of a person would be one more thing to erase, and the same
    case gives the same bytes again.

    version  loads the version of that name
    source   where contents are read from
    """

    scenario: Scenario
    version: Callable[[str], ScoringModel]
    source: AttachmentSource
    _explainers: dict[str, AttachmentExplainer | None] = field(default_factory=dict, repr=False)
    _held: OrderedDict[tuple[str, str], bytes] = field(default_factory=OrderedDict, repr=False)
    _turn: Lock = field(default_factory=Lock, repr=False)

    def of(self, case: ReviewCase, name: str) -> bytes:
        """The PNG for the attachment field `name` of `case`; raises `OverlayUnavailable`.

        It raises what the store raises, too; a version that cannot be loaded is a cause.
        """
        with self._turn:
            held = self._held.get((case.id, name))
            if held is None:
                held = self._made_or_refused(case, name)
                self._held[case.id, name] = held
                if len(self._held) > _HELD:
                    self._held.popitem(last=False)
            self._held.move_to_end((case.id, name))
            return held

    def _made_or_refused(self, case: ReviewCase, name: str) -> bytes:
        try:
            return self._made(case, name)
        except (OverlayUnavailable, StoreDown, TableMissing):
            raise
        except Exception as error:  # of kinds and formats: the case is shown all the same
            log.exception("overlay of %s", case.id)
            raise OverlayUnavailable(FAILED, f"the overlay of {name} failed") from error

    def _made(self, case: ReviewCase, name: str) -> bytes:
        prediction, explainer = case.prediction, self._explainer(name)
        if prediction is None or explainer is None:
            raise OverlayUnavailable(NOT_OF_KIND, f"nothing shows what in {name} moved a score")
        if len(case.features) != len(self.scenario.feature_names):
            raise OverlayUnavailable(
                NO_FEATURES, f"case {case.id} has not the features of its prediction"
            )
        stored = self._content(prediction, name)
        model = self._version(prediction.model.version)
        logged = np.array([np.nan if value is None else value for value in case.features])
        row = self._with_figures(logged[np.newaxis], name, explainer.figures(stored)[np.newaxis])
        again = float(model.scores(row)[0])
        if abs(again - prediction.score) > _TOLERANCE or not np.array_equal(
            row[0], logged, equal_nan=True
        ):
            raise OverlayUnavailable(
                OTHER_SCORE,
                f"content and version give the score {again}, logged is {prediction.score}",
            )
        overlay = explainer.overlay(
            stored,
            lambda figures: _log_odds(model.scores(self._with_figures(row, name, figures))),
        )
        if overlay is None:
            raise OverlayUnavailable(NOTHING, f"nothing in {name} raises the score")
        return overlay

    def _content(self, prediction: Prediction, name: str) -> bytes:
        digest = digest_in(prediction.attachments.get(name, ""))
        stored = None if digest is None else self.source.contents([digest]).get(digest)
        if stored is None:
            raise OverlayUnavailable(NO_CONTENT, f"the content of {name} is not stored any more")
        return stored

    def _version(self, version: str) -> ScoringModel:
        try:
            return self.version(version)
        except (NoSuchVersion, RetiredModel) as error:
            raise OverlayUnavailable(WITHDRAWN, str(error)) from error
        except (
            Exception
        ) as error:  # of registries and formats alike: the case is shown all the same
            log.warning("overlay of %s: version %s: %s", self.scenario.name, version, error)
            raise OverlayUnavailable(
                UNLOADABLE, f"version {version} cannot be loaded now"
            ) from error

    def _explainer(self, name: str) -> AttachmentExplainer | None:
        if name not in self._explainers:
            attachment = self.scenario.schema.attachments.get(name)
            self._explainers[name] = None if attachment is None else attachment.explainer()
        return self._explainers[name]

    def _with_figures(self, row: Floats, name: str, figures: Floats) -> Floats:
        """Copies of the feature row (1, k) for each row of figures (n, f) of the field `name`."""
        rows = np.tile(row, (len(figures), 1))
        for column, figure in self._columns(name).items():
            rows[:, column] = figures[:, figure]
        return rows

    def _columns(self, name: str) -> Mapping[int, int]:
        """Column of the feature row → which figure of the field it is, where it is the newest."""
        attachment = self.scenario.schema.attachments[name]
        figures = {figure.name: at for at, figure in enumerate(attachment.figures)}
        return {
            column: figures[feature.field]
            for column, feature in enumerate(self.scenario.all_features)
            if isinstance(feature, LastValue) and feature.field in figures
        }


def _log_odds(scores: Floats) -> Floats:
    clipped = np.clip(scores, _LEAST, 1.0 - _LEAST)
    return np.log(clipped) - np.log1p(-clipped)
