"""One real Kafka and HBase for all integration tests, on free ports; gone when the run ends."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.endpoints import Endpoints
from local.platform import Platform, down, up
from local.tables import Family, TableSpec, create_tables
from stores.connection import HBaseStore, Session
from stores.tables import table_specs

STATE_VERSIONS = 20
_AT_ONCE = 8


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the platform of this test run."""
    return tmp_path_factory.mktemp("platform")


@pytest.fixture(scope="session")
def platform(run_dir: Path) -> Iterator[Endpoints]:
    """A running platform."""
    recipe = Platform(run_dir, hbase_heap_mb=1024, die_with_parent=True)
    yield up(recipe)
    down(recipe)


@pytest.fixture(scope="session")
def new_store(platform: Endpoints) -> Callable[[], HBaseStore]:
    """Gives stores with empty tables of the tiny scenario, each in a namespace of its own."""
    ready: list[str] = []
    made = 0

    def give() -> HBaseStore:
        nonlocal made
        if not ready:  # the JVM that makes tables starts slowly: several sets at once
            names = [f"test{made + number}" for number in range(_AT_ONCE)]
            made += _AT_ONCE
            specs = [
                TableSpec(f"{name}:{spec.name}", [Family(f, n) for f, n in spec.versions])
                for name in names
                for spec in table_specs("tiny", regions=1, state_versions=STATE_VERSIONS)
            ]
            create_tables(platform, specs)
            ready.extend(names)
        return HBaseStore(platform.hbase_thrift_host, platform.hbase_thrift_port, ready.pop(0))

    return give


@pytest.fixture
def store(new_store: Callable[[], HBaseStore]) -> HBaseStore:
    """An empty store."""
    return new_store()


@pytest.fixture
def session(store: HBaseStore) -> Iterator[Session]:
    """A session over `store`."""
    opened = Session(store, retry_seconds=20.0)
    yield opened
    opened.close()
