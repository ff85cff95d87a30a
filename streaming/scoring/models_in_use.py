"""The model versions a worker scores with: re-read by pointer, switched without a restart."""

import gc
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.fast.quick_scores import quick_scores
from models.registry.fetching import load_fetched, local_path
from models.registry.probe import PROBE_FILE, probe_folder, read_probe
from models.scoring_model import ScoringModel
from scenarios.contract.deployable import (
    check_definitions,
    check_experiment,
    check_model,
    check_share,
)
from scenarios.contract.experiment import CHALLENGER, SHADOW
from scenarios.contract.judge import Effort, Judges
from scenarios.contract.scenario import Scenario
from stores.hbase.connection import Session
from stores.records.control import (
    ControlCells,
    LoadFailure,
    read_control,
    read_last_good,
    report_load_failure,
    write_last_good,
)
from stores.records.deployments import Deployment, ModelPointer, deployment_of
from stores.records.epochs import epoch_in
from streaming.passes.settings import PassSettings
from streaming.position.refusals import EpochChanged, NoModel
from streaming.scoring.trial import Trial
from streaming.scoring.withdrawal import withdraw


@dataclass(frozen=True)
class InUse:
    """What scores now: the record and its loaded models."""

    deployment: Deployment
    champion: ScoringModel
    challenger: ScoringModel | None
    shadow: ScoringModel | None = None

    @property
    def judges(self) -> Judges:
        """The models and what they judge by."""
        return Judges(
            champion=self.champion,
            thresholds=self.deployment.thresholds,
            challenger=self.challenger,
            challenger_share=self.deployment.challenger_share,
            shadow=self.shadow,
            shadow_share=self.deployment.shadow_share,
            experiment=self.deployment.experiment,
        )


@dataclass
class ModelsInUse:
    """Follows the deployment record of one scenario.

    A version is loaded and checked beside the one that scores, then switched to. One that cannot be
    loaded, or does not fit scenario and policy, leaves the previous one scoring; a worker that has
    none yet takes the last good one, which the workers before it have stored. A challenger or a
    shadow that cannot be loaded leaves the champion alone. Failures are stored, counted and tried
    again after `reload_seconds`. A challenger or a shadow that fails or costs too much is withdrawn
    from the record (`note`).

    is_worker: of a stream. Another program that scores as the stream does follows the record in
    every epoch and writes nothing to the store: neither failures nor the last good version.
    """

    settings: PassSettings
    session: Session
    scenario: Scenario
    clock: Callable[[], float] = time.monotonic
    is_worker: bool = True
    failure: str = ""
    _now: InUse | None = None
    _cell: bytes | None = None
    _read_at: float = float("-inf")
    _failed_at: float = float("-inf")
    _loaded: dict[ModelPointer, ScoringModel] = field(default_factory=dict)
    _trial: Trial | None = None
    _withdrawn: set[tuple[str, ModelPointer]] = field(default_factory=set)

    def current(self) -> InUse:
        """What to score with; re-reads the record at most every `reread_seconds`.

        Raises `NoModel` when nothing can be loaded, `EpochChanged` when a newer epoch began.
        """
        now = self.clock()
        if now - self._read_at >= self.settings.reread_seconds or self._now is None:
            cells = read_control(self.session, self.settings.scenario)
            self._read_at = now
            if self.is_worker:
                self._check_epoch(cells)
            self._follow(cells, now)
        if self._now is None:
            raise NoModel(
                f"no model scores {self.settings.scenario}: {self.failure or 'none is deployed'}; "
                f"run ./spark-submit.sh train_model --scenario {self.settings.scenario} --promote"
            )
        return self._now

    def note(self, efforts: Sequence[Effort]) -> None:
        """What the versions of the current deployment took and failed in a batch.

        A challenger or a shadow beyond the bounds of the settings scores no more events here, and
        is taken out of the deployment record, so that it scores none elsewhere. Of several workers
        one writes the record, the others see that it is done.
        """
        if self._now is None:
            return
        if self._trial is None:
            self._trial = Trial(self.settings.trial)
        self._trial.add(efforts)
        for role, cause in self._trial.excesses().items():
            self._withdraw(role, cause)

    def _withdraw(self, role: str, cause: str) -> None:
        use = self._now
        pointer = None if use is None else use.deployment.pointers.get(role)
        if use is None or pointer is None:
            return
        self._withdrawn.add((role, pointer))
        left_out = replace(use, shadow=None) if role == SHADOW else replace(use, challenger=None)
        self._now, self._trial = left_out, None
        self._read_at = float("-inf")
        sentence = f"{role} {pointer.name} version {pointer.version} is withdrawn: {cause}"
        try:
            outcome = withdraw(self.session, self.settings.scenario, role, pointer, sentence)
        except Exception as error:  # without the record it is withdrawn from this worker alone
            outcome = f"the deployment record could not be written: {error}"
        print(f"{sentence}; {outcome}", file=sys.stderr, flush=True)

    def _check_epoch(self, cells: ControlCells) -> None:
        record = epoch_in(cells.epoch)
        if record is not None and record.epoch > self.settings.epoch:
            raise EpochChanged(
                f"epoch {record.epoch} began ({record.reason}) while this stream runs in epoch "
                f"{self.settings.epoch}: stop it and start it again"
            )

    def _follow(self, cells: ControlCells, now: float) -> None:
        cell = cells.deployment
        waits = self.failure and now - self._failed_at < self.settings.reload_seconds
        if cell == self._cell and (waits or (not self.failure and self._now is not None)):
            return
        try:
            deployment = deployment_of(cell)
            problem = self._switch(deployment) if deployment is not None else None
        except Exception as error:  # whatever is wrong with a new version, the old one scores on
            problem = _Problem(_version_in(cell), error)
        else:
            if deployment is not None and self.is_worker:
                write_last_good(self.session, self.settings.scenario, cells)
        if problem is None:
            self.failure = ""
        else:
            if self._now is None:
                self._take_last_good(cell)
            self._note_failure(problem, now)
        self._cell = cell

    def _switch(self, deployment: Deployment) -> "_Problem | None":
        """Score with `deployment` from now on; raises when its champion cannot be used.

        What is wrong with its challenger or shadow is returned: the champion judges all cases then.
        """
        champion = self._model(deployment.champion, deployment)
        problems: list[_Problem] = []
        challenger = self._beside(deployment, CHALLENGER, deployment.challenger_share, problems)
        shadow = self._beside(deployment, SHADOW, deployment.shadow_share, problems)
        self._now, self._trial = InUse(deployment, champion, challenger, shadow), None
        used = {deployment.champion, deployment.challenger, deployment.shadow}
        self._loaded = {at: model for at, model in self._loaded.items() if at in used}
        self._withdrawn = {(role, at) for role, at in self._withdrawn if at in used}
        # pyspark's daemon collects garbage between tasks: 40 to 145 ms with scikit-learn's heap
        # alive, nothing once it is frozen.
        if self.is_worker:
            gc.collect()
            gc.freeze()
        return problems[0] if problems else None

    def _beside(
        self, deployment: Deployment, role: str, share: float, problems: "list[_Problem]"
    ) -> ScoringModel | None:
        """The challenger or the shadow; None when there is none, or what is wrong in `problems`."""
        pointer = deployment.pointers.get(role)
        if pointer is None or (role, pointer) in self._withdrawn:
            return None
        try:
            check_share(share, role=role)
            if role == SHADOW:
                check_experiment(deployment.experiment)
            return self._model(pointer, deployment)
        except Exception as error:  # no failure of theirs touches the champion's cases
            problems.append(_Problem(pointer.version, error, what=f"{role} "))
            return None

    def _take_last_good(self, newest: bytes | None) -> None:
        """Score with the version that earlier workers have scored with, if it can be loaded."""
        cell = read_last_good(self.session, self.settings.scenario)
        if cell is None or cell == newest:
            return
        try:
            deployment = deployment_of(cell)
            if deployment is not None:
                self._switch(deployment)
        except Exception as error:  # then nothing scores, and `current` says so
            print(f"the last good version fails, too: {error}", file=sys.stderr, flush=True)

    def _model(self, pointer: ModelPointer, deployment: Deployment) -> ScoringModel:
        # By name, version, place and hash: a version number alone may later mean other bytes.
        loaded = self._loaded.get(pointer)
        if loaded is None:
            loaded = load_fetched(
                pointer.artifact_uri,
                Path(self.settings.artifact_cache),
                name=pointer.name,
                version=pointer.version,
                sha256=pointer.sha256,
                available_features=self.scenario.feature_names,
            )
            check_definitions(self.scenario, loaded)
            loaded = replace(loaded, quick=quick_scores(loaded))
        check_model(self.scenario, loaded, deployment.thresholds, probe=_probe_of(pointer))
        self._loaded[pointer] = loaded
        return loaded

    def _note_failure(self, problem: "_Problem", now: float) -> None:
        text = problem.sentence
        if text != self.failure:
            version = self._now.champion.version if self._now else "none"
            print(f"{text}; version {version} scores", file=sys.stderr, flush=True)
        self.failure, self._failed_at = text, now
        if not self.is_worker:
            return
        at_ms = time.time_ns() // 1_000_000
        failure = LoadFailure(version=problem.version, message=text, at_ms=at_ms)
        report_load_failure(self.session, self.settings.scenario, failure)


@dataclass(frozen=True)
class _Problem:
    """What is wrong with a version that is deployed."""

    version: str
    error: Exception
    what: str = ""

    @property
    def sentence(self) -> str:
        return f"{self.what}{type(self.error).__name__}: {self.error}"


def _version_in(cell: bytes | None) -> str:
    try:
        deployment = deployment_of(cell)
    except ValueError:
        return ""
    return deployment.champion.version if deployment else ""


def _probe_of(pointer: ModelPointer) -> npt.NDArray[np.float64] | None:
    """The rows that the version was measured on, when they are on this machine."""
    folder = local_path(probe_folder(pointer.artifact_uri))
    if folder is None:
        return None
    try:
        return read_probe(folder / PROBE_FILE).features
    except Exception:  # numpy raises various errors for a damaged file: rows are generated instead
        return None
