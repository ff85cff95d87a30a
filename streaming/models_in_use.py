"""The model versions a worker scores with: re-read by pointer, switched without a restart."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.artifact import load_artifact
from models.deep_trees import deep_trees
from models.errors import ModelNeedsFeatures
from models.fetching import fetch_artifact
from models.scoring_model import ScoringModel
from scenarios.judging import Judges
from scenarios.scenario import Scenario
from stores.connection import Session
from stores.control import ControlCells, LoadFailure, read_control, report_load_failure
from stores.deployments import Deployment, ModelPointer, deployment_of
from stores.epochs import epoch_in
from streaming.refusals import EpochChanged, NoModel
from streaming.settings import PassSettings


@dataclass(frozen=True)
class InUse:
    """What scores now: the record and its loaded models."""

    deployment: Deployment
    champion: ScoringModel
    challenger: ScoringModel | None

    @property
    def judges(self) -> Judges:
        """The models and what they judge by."""
        return Judges(
            champion=self.champion,
            thresholds=self.deployment.thresholds,
            challenger=self.challenger,
            challenger_share=self.deployment.challenger_share,
        )


@dataclass
class ModelsInUse:
    """Follows the deployment record of one scenario.

    A version that cannot be loaded leaves the previous one scoring; the failure is stored,
    counted and tried again after `reload_seconds`.
    """

    settings: PassSettings
    session: Session
    scenario: Scenario
    clock: Callable[[], float] = time.monotonic
    failure: str = ""
    _now: InUse | None = None
    _cell: bytes | None = None
    _read_at: float = float("-inf")
    _failed_at: float = float("-inf")
    _loaded: dict[str, ScoringModel] = field(default_factory=dict)

    def current(self) -> InUse:
        """What to score with; re-reads the record at most every `reread_seconds`.

        Raises `NoModel` when nothing was ever loaded, `EpochChanged` when a newer epoch began.
        """
        now = self.clock()
        if now - self._read_at >= self.settings.reread_seconds or self._now is None:
            cells = read_control(self.session, self.settings.scenario)
            self._read_at = now
            self._check_epoch(cells)
            self._follow(cells.deployment, now)
        if self._now is None:
            raise NoModel(
                f"no model scores {self.settings.scenario}: {self.failure or 'none is deployed'}; "
                f"run ./spark-submit.sh train_model --scenario {self.settings.scenario}"
            )
        return self._now

    def _check_epoch(self, cells: ControlCells) -> None:
        record = epoch_in(cells.epoch)
        if record is not None and record.epoch > self.settings.epoch:
            raise EpochChanged(
                f"epoch {record.epoch} began ({record.reason}) while this stream runs in epoch "
                f"{self.settings.epoch}: stop it and start it again"
            )

    def _follow(self, cell: bytes | None, now: float) -> None:
        waits = self.failure and now - self._failed_at < self.settings.reload_seconds
        if cell == self._cell and (waits or (not self.failure and self._now is not None)):
            return
        self._cell = cell
        try:
            deployment = deployment_of(cell)
            if deployment is not None:
                self._switch(deployment)
            self.failure = ""
        except Exception as error:  # whatever is wrong with a new version, the old one scores on
            self._note_failure(cell, error, now)

    def _switch(self, deployment: Deployment) -> None:
        champion = self._model(deployment.champion)
        challenger = self._model(deployment.challenger) if deployment.challenger else None
        self._now = InUse(deployment, champion, challenger)
        kept = {champion.version} | ({challenger.version} if challenger else set())
        self._loaded = {v: model for v, model in self._loaded.items() if v in kept}
        # pyspark's daemon collects garbage between tasks: 40 to 145 ms with scikit-learn's heap
        # alive, nothing once it is frozen.
        gc.collect()
        gc.freeze()

    def _model(self, pointer: ModelPointer) -> ScoringModel:
        loaded = self._loaded.get(pointer.version)
        if loaded is None:
            folder = fetch_artifact(pointer.artifact_uri, Path(self.settings.artifact_cache))
            loaded = load_artifact(
                folder,
                name=pointer.name,
                version=pointer.version,
                sha256=pointer.sha256,
                available_features=self.scenario.feature_names,
            )
            if loaded.card.definitions_digest != self.scenario.definitions_digest:
                raise ModelNeedsFeatures(
                    f"model {pointer.name} version {pointer.version} was trained on feature "
                    f"definitions {loaded.card.definitions_digest}, this code has "
                    f"{self.scenario.definitions_digest}: train and deploy a new version"
                )
            loaded = replace(loaded, quick=deep_trees(loaded))
            self._loaded[pointer.version] = loaded
        return loaded

    def _note_failure(self, cell: bytes | None, error: Exception, now: float) -> None:
        self.failure = f"{type(error).__name__}: {error}"
        self._failed_at = now
        try:
            deployment = deployment_of(cell)
            version = deployment.champion.version if deployment else ""
        except ValueError:
            version = ""
        at_ms = time.time_ns() // 1_000_000
        failure = LoadFailure(version=version, message=self.failure, at_ms=at_ms)
        report_load_failure(self.session, self.settings.scenario, failure)
