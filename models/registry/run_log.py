"""Runs in MLflow that register no model: evaluations and the trials of a search."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from models.registry.mlflow_calls import quiet_mlflow
from models.registry.tracking import TrackingPlace, experiment_id, prepare_store


@dataclass(frozen=True, kw_only=True)
class LoggedRun:
    """Parameters, measures and tags of one run."""

    name: str
    params: Mapping[str, object]
    metrics: Mapping[str, float]
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunLog:
    """An open run; what is logged under it becomes its children."""

    _mlflow: Any
    _experiment: str

    @property
    def run_id(self) -> str:
        """Of the open run."""
        return str(self._mlflow.active_run().info.run_id)

    def add(self, run: LoggedRun) -> None:
        """Log `run` as a child."""
        with (
            quiet_mlflow(),
            self._mlflow.start_run(experiment_id=self._experiment, run_name=run.name, nested=True),
        ):
            self._put(run)

    def describe(self, run: LoggedRun) -> None:
        """Add to the open run itself."""
        with quiet_mlflow():
            self._put(run)

    def _put(self, run: LoggedRun) -> None:
        self._mlflow.set_tags(dict(run.tags))
        self._mlflow.log_params(dict(run.params))
        self._mlflow.log_metrics(dict(run.metrics))


@contextmanager
def open_run_log(
    place: TrackingPlace, scenario: str, *, name: str, progress: Callable[[str], None]
) -> Iterator[RunLog]:
    """A run `name` in the experiment of `scenario`; it is marked failed when the block raises."""
    progress("loading MLflow")
    import mlflow

    with quiet_mlflow():
        prepare_store(place, progress)
        mlflow.set_tracking_uri(place.tracking_uri)
        experiment = experiment_id(mlflow, place.name_of(scenario), place)
    with mlflow.start_run(experiment_id=experiment, run_name=name):
        yield RunLog(mlflow, experiment)
