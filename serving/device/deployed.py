"""The version that devices score with, and those that earlier packages were made of."""

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from models.registry.fetching import load_fetched
from models.scoring_model import ScoringModel
from scenarios.contract.deployable import check_definitions
from scenarios.contract.scenario import Scenario
from serving.device.package import Deployed, NotForDevices
from serving.sessions import SessionPool
from stores.records.deployments import ModelPointer, deployment_cell, deployment_of

_MOST_MODELS = 4


@dataclass(frozen=True, kw_only=True)
class DeployedModels:
    """Follows the deployment record of `scenario`; loads a version once. For threads.

    cache_folder: where artefacts of versions are copied to
    """

    scenario: Scenario
    pool: SessionPool
    cache_folder: Path
    _models: OrderedDict[ModelPointer, ScoringModel] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def current(self) -> Deployed:
        """What is deployed now.

        Raises `NotForDevices` when nothing is, `StoreDown` or `ModelUnusable`.
        """
        name = self.scenario.name
        with self.pool.session() as session:
            deployment = deployment_of(deployment_cell(session, name))
        if deployment is None:
            raise NotForDevices(
                f"{name} has no deployed version: run ./spark-submit.sh train_model "
                f"--scenario {name} --promote"
            )
        model = self.recall(deployment.champion)
        return Deployed(
            pointer=deployment.champion, model=model, thresholds=dict(deployment.thresholds)
        )

    def recall(self, pointer: ModelPointer) -> ScoringModel:
        """The version at `pointer`, hash checked; raises `ModelUnusable`."""
        with self._lock:
            model = self._models.get(pointer)
            if model is None:
                model = load_fetched(
                    pointer.artifact_uri,
                    self.cache_folder,
                    name=pointer.name,
                    version=pointer.version,
                    sha256=pointer.sha256,
                    available_features=self.scenario.feature_names,
                )
                check_definitions(self.scenario, model)
                self._models[pointer] = model
            self._models.move_to_end(pointer)
            while len(self._models) > _MOST_MODELS:
                self._models.popitem(last=False)
            return model
