"""Models of the registry for tasks on workers: looked up once, loaded where they are needed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from models.errors import ModelMissing
from models.registry.tracking import TrackingPlace
from models.registry.versions import NoSuchVersion, TrainedVersion, load_version, read_version
from models.scoring_model import ScoringModel


@dataclass(frozen=True, kw_only=True)
class RegisteredModels:
    """Version → registered model, or why there is none; a picklable `ModelLoader`."""

    by_version: Mapping[str, TrainedVersion | str]
    feature_names: Sequence[str]
    cache_dir: Path

    def __call__(self, version: str) -> ScoringModel:
        """The model of `version`, its files' hash checked; raises a `ModelUnusable`."""
        entry = self.by_version.get(version, f"version {version} was not looked up")
        if isinstance(entry, str):
            raise ModelMissing(entry)
        return load_version(entry, available_features=self.feature_names, cache_dir=self.cache_dir)


def registered_models(
    place: TrackingPlace,
    scenario: str,
    versions: Iterable[str],
    *,
    feature_names: Sequence[str],
    cache_dir: Path,
) -> RegisteredModels:
    """Look `versions` up; one that the registry does not know is an error when it is loaded."""
    by_version: dict[str, TrainedVersion | str] = {}
    for version in versions:
        try:
            by_version[version] = read_version(place, scenario, version)
        except NoSuchVersion as error:
            by_version[version] = str(error)
    return RegisteredModels(by_version=by_version, feature_names=feature_names, cache_dir=cache_dir)


def logged_versions(predictions: DataFrame) -> list[str]:
    """The model versions that occur in archived predictions, those of experiments as well."""
    text = F.col("value").cast("string")
    paths = ("model", "experiment.other", "experiment.shadow")
    each_version = F.explode(F.array(*(F.get_json_object(text, f"$.{at}.version") for at in paths)))
    versions = predictions.select(each_version.alias("version")).distinct()
    return sorted(row["version"] for row in versions.collect() if row["version"] is not None)
