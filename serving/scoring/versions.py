"""Which model version answers a request: the champion, or another one that the caller names."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Protocol

from models.fast.quick_scores import quick_scores
from models.registry.versions import RetiredModel
from models.scoring_model import ScoringModel
from scenarios.contract.deployable import check_definitions, check_model
from scenarios.contract.scenario import Scenario
from streaming.scoring.models_in_use import InUse

_VERSIONS = 4

# Loads a registered version for the scenario's features; raises `NoSuchVersion`, `RetiredModel`
# and what loading raises.
VersionLoader = Callable[[str], ScoringModel]


class FollowedModels(Protocol):
    """Follows the deployment record, such as `ModelsInUse`."""

    def current(self) -> InUse:
        """What scores now."""
        ...


class CurrentModels:
    """The models in use, for many threads: one of them follows the record, the others go on.

    While a new version is loaded, the other threads score with the one before.
    """

    def __init__(self, models: FollowedModels) -> None:
        self._models = models
        self._turn = Lock()
        self._newest: InUse | None = None

    def current(self) -> InUse:
        """What scores now; raises `NoModel`, `StoreDown` or `TableMissing`."""
        if self._turn.acquire(blocking=self._newest is None):
            try:
                self._newest = self._models.current()
            finally:
                self._turn.release()
        if self._newest is None:  # the thread before this one has failed, and so would this one
            return self._models.current()
        return self._newest


@dataclass(frozen=True)
class ChosenVersion:
    """A loaded version and the thresholds by which it decides."""

    model: ScoringModel
    thresholds: Mapping[str, float]


class Versions:
    """The versions of one scenario that a request may name; the last few used stay loaded."""

    def __init__(
        self,
        scenario: Scenario,
        models: CurrentModels,
        load: VersionLoader,
        *,
        most: int = _VERSIONS,
    ) -> None:
        self._scenario, self._models, self._load = scenario, models, load
        self._most = most
        self._loaded: OrderedDict[str, ScoringModel] = OrderedDict()
        self._turn = Lock()

    def current(self) -> InUse:
        """What the deployment record names."""
        return self._models.current()

    def of(self, version: str | None) -> ChosenVersion:
        """Version `version`, or the champion.

        The versions of the deployment decide by its thresholds, any other by those of its card.
        Raises `NoSuchVersion`, `RetiredModel`, `ModelUnusable`, `PolicyError`, or what
        `CurrentModels.current` raises.
        """
        use = self._models.current()
        if version is None:
            return ChosenVersion(use.champion, use.deployment.thresholds)
        if version in use.deployment.retired:
            raise RetiredModel(
                f"version {version} of {self._scenario.name} is retired: it makes no new scores; "
                "name another version"
            )
        for model in (use.champion, use.challenger, use.shadow):
            if model is not None and model.version == version:
                return ChosenVersion(model, use.deployment.thresholds)
        model = self._other(version)
        return ChosenVersion(model, model.card.thresholds)

    def _other(self, version: str) -> ScoringModel:
        with self._turn:
            model = self._loaded.get(version)
            if model is None:
                model = self._load(version)
                check_definitions(self._scenario, model)
                model = replace(model, quick=quick_scores(model))
                check_model(self._scenario, model, model.card.thresholds)
                self._loaded[version] = model
                if len(self._loaded) > self._most:
                    self._loaded.popitem(last=False)
            self._loaded.move_to_end(version)
            return model
