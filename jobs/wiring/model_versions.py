"""Model versions as they are named on a command line: a number, or "champion"."""

import re

from conf.settings import Settings
from jobs.wiring.from_settings import hbase_store, tracking_place
from models.registry.versions import TrainedVersion, read_version
from stores.records.deployments import read_deployment

CHAMPION = "champion"
# What train_model and import_model log of the version that they have registered.
_REGISTERED = re.compile(r"version (\d+)(?: is|:) registered")


class NoChampion(RuntimeError):
    """The scenario has no deployment yet."""

    exit_code = 4


def version_named(name: str, settings: Settings, scenario: str) -> str:
    """The version that `name` means: the deployed one for "champion", else `name` itself.

    Raises `NoChampion`.
    """
    if name != CHAMPION:
        return name
    deployment = read_deployment(hbase_store(settings), scenario)
    if deployment is None:
        raise NoChampion(
            f"{scenario} has no champion: deploy one with ./spark-submit.sh train_model "
            f"--scenario {scenario}, or name a version by its number"
        )
    return deployment.champion.version


def registered_version(output: str) -> str | None:
    """The number of the version that a job says in its output to have registered."""
    number = _REGISTERED.search(output)
    return None if number is None else number[1]


def model_version(settings: Settings, scenario: str, name: str) -> TrainedVersion:
    """The registered version that `name` means; raises `NoChampion` or `NoSuchVersion`."""
    version = version_named(name, settings, scenario)
    return read_version(tracking_place(settings), scenario, version)
