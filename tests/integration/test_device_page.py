"""The device page in a browser: golden cases, offline, sync into Kafka, refusals; looked at by axe.

HBase holds deployment and keys, Kafka the records; the score in the browser is onnxruntime-web's.
"""

import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from jobs.wiring.serving.device_files import fetch, files_folder
from local.endpoints import Endpoints
from serving.device.deployed import DeployedModels
from serving.device.package import TOLERANCE, Packages
from serving.device.page import ENTRY, page_router
from serving.device.publishing import RecordPublisher
from serving.device.routes import Devices, router
from serving.device.sync import RecordSync
from serving.device.web_files import WebFiles, WebFilesMissing
from serving.sessions import SessionPool
from stores.hbase.connection import HBaseStore
from stores.kafka.clients import new_consumer
from stores.kafka.cluster import KafkaCluster
from stores.kafka.topic_plan import topic_specs
from stores.records.deployments import ModelPointer
from stores.records.device_keys import DeviceKeyTable
from tests.scenarios.tiny import SCENARIO
from tests.support.browsers import chromium, needs_chromium
from tests.support.desk import Desk, desk_of
from tests.support.tiny_model import deploy
from tests.support.topics import empty_topics

PAGE = "/desk/tiny/device"
TOPIC = "tiny.device-records"
# Where screenshots go, for people who want to look at them.
PICTURES = os.environ.get("EVERSCORE_PICTURES")
HOSTILE = '<img src=x onerror="document.title=1">'

pytestmark = needs_chromium


class Server:
    """The service on one address, which can go away and come back."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        config = uvicorn.Config(
            self.app,
            host="127.0.0.1",
            port=self.port,
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        self._server, self._thread = server, thread

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        self._server = self._thread = None


class DeviceService:
    """The service for the devices of the tiny scenario."""

    def __init__(self, desk: Desk, server: Server, devices: Devices) -> None:
        self.desk, self.server, self.devices = desk, server, devices

    def page(self, context: BrowserContext) -> Page:
        """The page, in which an agent has logged in."""
        page = context.new_page()
        page.goto(f"{self.server.address}/login?back={PAGE}")
        page.locator("input[name=key]").fill(self.desk.texts["agent"])
        page.locator("main button[type=submit]").click()
        page.wait_for_url(f"**{PAGE}")
        return page


@pytest.fixture(scope="module")
def web_files(tmp_path_factory: pytest.TempPathFactory) -> WebFiles:
    """onnxruntime-web, from the cache or else from npm."""
    in_cache = WebFiles(files_folder())
    if in_cache.problem() is None:
        return in_cache
    if shutil.which("npm") is None:
        pytest.skip(f"needs onnxruntime-web or npm: {in_cache.problem()}")
    folder = tmp_path_factory.mktemp("npm") / "files"
    try:
        fetch(folder)
    except WebFilesMissing as error:
        pytest.skip(f"needs onnxruntime-web: {error}")
    return WebFiles(folder)


@pytest.fixture(scope="module")
def service(
    platform: Endpoints,
    new_store: Callable[[], HBaseStore],
    tiny_pointer: ModelPointer,
    web_files: WebFiles,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[DeviceService]:
    """Over a real HBase and Kafka."""
    store, servers = new_store(), platform.kafka_bootstrap_servers
    deploy(store, tiny_pointer)
    specs = [
        spec for spec in topic_specs("tiny", max_message_bytes=1_048_576) if spec.name == TOPIC
    ]
    kafka = KafkaCluster(servers, timeout_seconds=30.0)
    empty_topics(kafka, specs, partitions=1)
    pool = SessionPool(store, retry_seconds=20.0)
    publisher = RecordPublisher(TOPIC, {"bootstrap_servers": servers}, max_event_bytes=1_048_576)
    models = DeployedModels(
        scenario=SCENARIO, pool=pool, cache_folder=tmp_path_factory.mktemp("models")
    )

    @contextmanager
    def keys() -> Iterator[DeviceKeyTable]:
        with pool.session() as session:
            yield DeviceKeyTable(session, "tiny")

    devices = Devices(
        packages=Packages(SCENARIO, models.current),
        sync=RecordSync(scenario=SCENARIO, recall=models.recall, publish=publisher),
        keys=keys,
        refresh_seconds=86_400.0,
    )
    by_name = {"tiny": devices}
    desk = desk_of(
        router(by_name),
        page_router(by_name, web_files),
        scenarios={"tiny": SCENARIO},
        entries=(ENTRY,),
    )
    server = Server(desk.app)
    server.start()
    try:
        yield DeviceService(desk, server, devices)
    finally:
        server.stop()
        publisher.close()
        pool.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with chromium() as started:
        yield started


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of its own, with an empty store."""
    opened = browser.new_context(locale="en-GB")
    opened.set_default_timeout(30_000)
    yield opened
    opened.close()


def expect_state(page: Page, kind: str, text: str = "") -> None:
    state = page.locator("#device-state")
    expect(state).to_have_class(f"banner {kind}", timeout=30_000)
    expect(state).to_contain_text(text)


def expect_waiting(page: Page, records: int) -> None:
    expect(page.locator("#device-waiting")).to_have_text(str(records), timeout=30_000)


def expect_offline_ready(page: Page) -> None:
    expect(page.locator("#device")).to_have_attribute("data-offline", "ready", timeout=30_000)


def score(page: Page, entity: str, temperature: str) -> float:
    page.locator("#device-entity").fill(entity)
    page.get_by_label("temperature c *").fill(temperature)
    page.get_by_label("mode", exact=True).select_option("boost")
    page.get_by_role("button", name="Score").click()
    expect(page.locator("#device-result-entity")).to_have_text(entity)
    shown: float = page.evaluate("Number(document.getElementById('device-result').dataset.score)")
    return shown


def check_accessible(page: Page) -> None:
    report = Axe().run(page)
    assert report.violations_count == 0, report.generate_report()


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def published(platform: Endpoints) -> list[dict[str, Any]]:
    consumer = new_consumer(
        {"bootstrap_servers": platform.kafka_bootstrap_servers},
        auto_offset_reset="earliest",
        consumer_timeout_ms=2_000,
    )
    try:
        consumer.subscribe([TOPIC])
        return [json.loads(record.value) for record in consumer]
    finally:
        consumer.close()


def test_a_device_scores_without_a_connection_and_sends_later(
    service: DeviceService, context: BrowserContext, platform: Endpoints
) -> None:
    page = service.page(context)
    foreign: list[str] = []
    address = service.server.address
    page.on("request", lambda r: None if r.url.startswith(address) else foreign.append(r.url))
    expect_state(page, "good", "scores as the service does")
    expect(page.locator("#device-golden")).to_contain_text("512 equal")
    expect(page.locator("#device-version")).to_have_text("everscore-tiny 1")
    expect_offline_ready(page)
    check_accessible(page)
    picture(page, "device-ready")

    service.server.stop()
    context.set_offline(True)
    page.reload()
    expect_state(page, "warn", "no connection")
    cold, hot = score(page, "machine 7", "20.1"), score(page, HOSTILE, "250.7")
    assert cold < 0.5 < hot
    expect(page.locator("#device-result-band")).to_have_text("hot")
    expect(page.locator("#device-result-action")).to_have_text("stop at once")
    expect(page.locator("#device-result-review")).to_be_visible()
    expect_waiting(page, 2)
    check_accessible(page)
    picture(page, "device-offline")

    # Somebody alters a stored record; the signature shows it.
    page.evaluate(_ALTER_FIRST)
    service.server.start()
    context.set_offline(False)
    expect_state(page, "good")
    expect_waiting(page, 0)
    expect(page.locator("#device-refused")).to_contain_text("machine 7: signature:")
    assert service.devices.sync.counts.all() == {"accepted": 1, "signature": 1}
    check_accessible(page)
    picture(page, "device-synced")

    (document,) = published(platform)
    assert document["entity"] == HOSTILE
    assert document["on_device"]["score"] == hot
    assert abs(document["verdict"]["score"] - hot) <= TOLERANCE
    assert document["verdict"]["action"] == "stop at once"
    assert (document["clock"], document["scored_by"]) == ("plausible", "agent")
    assert foreign == []


# Changes the entity in the signed text of the first waiting record.
_ALTER_FIRST = """() => new Promise((resolve, reject) => {
  const opened = indexedDB.open("everscore-device-tiny");
  opened.onerror = () => reject(opened.error);
  opened.onsuccess = () => {
    const records = opened.result.transaction("records", "readwrite").objectStore("records");
    const all = records.getAll();
    all.onsuccess = () => {
      const record = all.result.find((one) => one.payload.includes("machine 7"));
      record.payload = record.payload.replace("machine 7", "machine 8");
      records.put(record).onsuccess = () => { opened.result.close(); resolve(); };
    };
  };
})"""


def test_a_device_whose_key_was_revoked_stops_and_gets_another(
    service: DeviceService, context: BrowserContext
) -> None:
    page = service.page(context)
    expect_state(page, "good")
    key_id = page.evaluate(_KEY_ID)
    path = f"{service.server.address}/v1/tiny/device/keys/{key_id}"
    headers = {"Authorization": f"Bearer {service.desk.texts['operator']}"}
    assert httpx.delete(path, headers=headers).status_code == 200
    score(page, "machine 3", "60")
    expect_state(page, "bad", "takes no more results")
    expect(page.locator("#device-refused")).to_contain_text("machine 3: revoked_key:")
    page.get_by_role("button", name="Get the newest version").click()
    expect_state(page, "good")
    page.get_by_role("button", name="Remove these").click()
    expect(page.locator("#device-refused-part")).to_be_hidden()
    score(page, "machine 3", "60")
    expect(page.locator("#device-sent")).to_have_text("Taken by the service: 1")


_KEY_ID = """() => new Promise((resolve, reject) => {
  const opened = indexedDB.open("everscore-device-tiny");
  opened.onerror = () => reject(opened.error);
  opened.onsuccess = () => {
    const key = opened.result.transaction("facts").objectStore("facts").get("key");
    key.onsuccess = () => { opened.result.close(); resolve(key.result.key_id); };
  };
})"""


def test_a_wrong_golden_value_keeps_the_device_from_scoring(
    service: DeviceService, context: BrowserContext
) -> None:
    def altered(route: Route) -> None:
        answer = route.fetch()
        document = answer.json()
        document["golden"]["verdicts"][17]["score"] += 2e-6
        route.fulfill(response=answer, json=document)

    context.route("**/v1/tiny/device/package", altered)
    page = service.page(context)
    expect_state(page, "bad", "a golden case has another result here (golden-17")
    expect(page.get_by_role("button", name="Score")).to_be_disabled()
    check_accessible(page)
    picture(page, "device-refuses")


def test_an_old_package_and_a_clock_set_back_keep_it_from_scoring(
    service: DeviceService, context: BrowserContext
) -> None:
    # The clock is a year ahead: the device goes by the service's, as it was at the download.
    began = time.time() + 365 * 86_400
    context.clock.install(time=began)
    page = service.page(context)
    expect_state(page, "good")
    score(page, "machine 9", "70")
    expect_waiting(page, 0)
    expect_offline_ready(page)

    context.set_offline(True)
    service.server.stop()
    try:
        context.clock.set_fixed_time(began + 25 * 3600)
        page.get_by_role("button", name="Score").click()
        expect_state(page, "bad", "had to be refreshed by")
        expect(page.get_by_role("button", name="Score")).to_be_disabled()
        context.clock.set_fixed_time(began)
        page.get_by_role("button", name="Get the newest version").click()
        expect_state(page, "bad", "was set back")
        check_accessible(page)
    finally:
        service.server.start()
