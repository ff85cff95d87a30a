"""One real Kafka and HBase for all integration tests, on free ports; gone when the run ends."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from conf.settings import load_settings
from jobs.spark.class_archive import class_archive
from jobs.spark.java_compilers import for_streams
from jobs.spark.shared_jvm import shared_jvm
from local import java
from local.endpoints import Endpoints
from local.servers.platform import Platform, down, up
from local.tables import Family, TableSpec, create_tables
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.tables import table_specs
from stores.records.deployments import ModelPointer
from tests.support.lane import Lane
from tests.support.tiny_model import deploy, save_tiny_model

STATE_VERSIONS = 20
_AT_ONCE = 8
_LANES_AT_ONCE = 6
_LANE_STATE_VERSIONS = 512  # as in conf/base.toml

# A platform lives as long as one process of tests: in such a time the full compiler costs Kafka and
# HBase twice the CPU that it saves.
os.environ.setdefault(java.OPTIONS_VARIABLE, "-XX:TieredStopAtLevel=1")


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the platform of this test run."""
    return tmp_path_factory.mktemp("platform")


@pytest.fixture(scope="session", autouse=True)
def class_archived() -> Path | None:
    """Java's archive of Spark's classes, created before any test measures how long a job takes."""
    return class_archive(is_made=True)


@pytest.fixture(scope="session")
def shared_java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Variables with which jobs that end by themselves share a Java."""
    log = tmp_path_factory.mktemp("java") / "spark.log"
    with shared_jvm(load_settings("local"), log=log) as variables:
        yield variables


@pytest.fixture(scope="session")
def stream_java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Variables with which streams that end by a signal share a Java, one after the other."""
    log = tmp_path_factory.mktemp("stream-java") / "spark.log"
    with shared_jvm(for_streams(load_settings("local")), log=log) as variables:
        yield variables


@pytest.fixture(scope="session")
def platform(run_dir: Path) -> Iterator[Endpoints]:
    """A running platform."""
    recipe = Platform(run_dir, hbase_heap_mb=2048, die_with_parent=True)
    yield up(recipe)
    down(recipe)


@pytest.fixture(scope="session")
def new_store(platform: Endpoints) -> Callable[[], HBaseStore]:
    """Gives stores with empty tables of the tiny scenario, each in a namespace of its own."""
    ready: list[str] = []
    created = 0

    def next_store() -> HBaseStore:
        nonlocal created
        if not ready:  # the JVM that makes tables starts slowly: several sets at once
            names = [f"test{created + number}" for number in range(_AT_ONCE)]
            created += _AT_ONCE
            specs = [
                TableSpec(f"{name}:{spec.name}", [Family(f, n) for f, n in spec.versions])
                for name in names
                for spec in table_specs("tiny", regions=1, state_versions=STATE_VERSIONS)
            ]
            create_tables(platform, specs)
            ready.extend(names)
        return HBaseStore(platform.hbase_thrift_host, platform.hbase_thrift_port, ready.pop(0))

    return next_store


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


@pytest.fixture(scope="session")
def tiny_pointer(tmp_path_factory: pytest.TempPathFactory) -> ModelPointer:
    """A trained tiny model, version 1."""
    return save_tiny_model(tmp_path_factory.mktemp("tiny-model") / "1")


@pytest.fixture(scope="session")
def lanes(
    platform: Endpoints,
    run_dir: Path,
    tiny_pointer: ModelPointer,
    shared_java: Mapping[str, str],
    stream_java: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[], AbstractContextManager[Lane]]:
    """Opens lanes, one after the other: new topics, empty tables, a deployed model."""
    ready: list[str] = []
    created = 0

    @contextlib.contextmanager
    def open_lane() -> Iterator[Lane]:
        nonlocal created
        if not ready:
            ready.extend(f"lane{created + number}" for number in range(_LANES_AT_ONCE))
            created += _LANES_AT_ONCE
            _make_tables(platform, [f"{n}{kind}" for n in ready for kind in ("", "again")])
        name = ready.pop(0)
        host, port = platform.hbase_thrift_host, platform.hbase_thrift_port
        store, again = (HBaseStore(host, port, n, 60.0) for n in (name, f"{name}again"))
        folder = tmp_path_factory.mktemp(name)
        lane = Lane(platform, run_dir, store, again, folder, shared_java, stream_java)
        lane.make_topics()
        deploy(store, tiny_pointer)
        try:
            yield lane
        finally:
            lane.end()

    return open_lane


@pytest.fixture(scope="module")
def lane(lanes: Callable[[], AbstractContextManager[Lane]]) -> Iterator[Lane]:
    """A lane for the tests of a file, in order; a file may have one of its own."""
    with lanes() as opened:
        yield opened


def _make_tables(platform: Endpoints, namespaces: list[str]) -> None:
    specs = table_specs("tiny", regions=2, state_versions=_LANE_STATE_VERSIONS)
    create_tables(
        platform,
        [
            TableSpec(f"{name}:{spec.name}", [Family(f, n) for f, n in spec.versions], spec.splits)
            for name in namespaces
            for spec in specs
        ],
    )
