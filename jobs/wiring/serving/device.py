"""Devices that score offline, by the settings: packages, keys, where their records go."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from fastapi import APIRouter

from jobs.launcher.kafka_options import client_options
from jobs.wiring.serving.device_files import files_folder
from jobs.wiring.serving.resources import Resources
from local.cache import cache_dir
from scenarios.contract.records.device_records import TOPIC_KIND
from scenarios.contract.scenario import Scenario
from serving.device.deployed import DeployedModels
from serving.device.package import Packages
from serving.device.page import page_router
from serving.device.publishing import RecordPublisher
from serving.device.routes import Devices, router
from serving.device.sync import RecordSync
from serving.device.web_files import WebFiles
from serving.sessions import SessionPool
from stores.records.device_keys import DeviceKeyTable

_SECONDS_PER_HOUR = 3_600.0


def devices_of_scenarios(resources: Resources, *, refresh_hours: float) -> Mapping[str, Devices]:
    """The devices of each scenario; connects to nothing.

    refresh_hours: how long a device scores without asking again
    """
    return {
        name: _devices(resources, scenario, refresh_hours=refresh_hours)
        for name, scenario in resources.scenarios.items()
    }


def device_routers(devices: Mapping[str, Devices]) -> tuple[APIRouter, ...]:
    """The operations and the page of `devices`."""
    return router(devices), page_router(devices, WebFiles(files_folder()))


def _devices(resources: Resources, scenario: Scenario, *, refresh_hours: float) -> Devices:
    settings, pool = resources.settings, resources.pool
    models = DeployedModels(scenario=scenario, pool=pool, cache_folder=cache_dir() / "models")
    publisher = RecordPublisher(
        scenario.topic(TOPIC_KIND),
        client_options(settings.kafka),
        max_event_bytes=settings.kafka.max_message_bytes,
    )
    return Devices(
        packages=Packages(scenario, models.current),
        sync=RecordSync(scenario=scenario, recall=models.recall, publish=publisher),
        keys=lambda: _key_table(pool, scenario.name),
        refresh_seconds=refresh_hours * _SECONDS_PER_HOUR,
    )


@contextmanager
def _key_table(pool: SessionPool, scenario: str) -> Iterator[DeviceKeyTable]:
    with pool.session() as session:
        yield DeviceKeyTable(session, scenario)
