"""Twenty reviewers over one queue while services are killed: nothing is lost, doubled or shared.

The queue is served by three processes over a real HBase and Kafka. `EVERSCORE_REVIEW_CASES=2000`
asks for more cases than the default.
"""

import contextlib
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import msgspec
import pytest
from kafka import KafkaProducer

from local.endpoints import Endpoints
from local.servers.ports import free_port
from scenarios.contract.review.decisions import TOPIC_KIND, decision_in
from stores.hbase.connection import HBaseStore, Session
from stores.kafka.cluster import KafkaCluster
from stores.kafka.topic_plan import topic_specs
from stores.records.review_cases import CaseTable
from tests.support.output_messages import records_of
from tests.support.processes import ROOT, wait_until
from tests.support.review_cases import tiny_prediction
from tests.support.topics import empty_topics

CASES = int(os.environ.get("EVERSCORE_REVIEW_CASES", "400"))
REVIEWERS, SERVICES, PARTITIONS = 20, 3, 2
PARTS = 4  # of the cases: one to begin with, and one after each of the first three kills
LEASE_SECONDS = 4.0
# By which two processes may read HBase's clock differently on cores that others use as well.
CLOCK_SECONDS = 0.25
KILL_SECONDS = 2.0
SCENARIO = "reviewed"
VERDICTS = ("confirmed", "dismissed", "unclear")
WAITING_SECONDS = 300.0


@dataclass(frozen=True)
class Shown:
    """A case on a reviewer's screen: from when on, and at least until when nobody else has it."""

    case_id: str
    reviewer: str
    at: float
    alone_until: float


@dataclass
class Service:
    """One process of the service, on a port that stays its own."""

    arguments: Sequence[str]
    port: int
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; the lease stands last in its arguments."""
        *places, lease = self.arguments
        command = [sys.executable, "-m", "tests.support.review_service", *places]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, str(self.port), lease], cwd=ROOT, stdout=output, stderr=output
            )

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)

    def answers(self) -> bool:
        """Whether it serves."""
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.address}/v2/health/live", timeout=2.0).status_code == 200
        return False


@dataclass
class Reviewer:
    """A person at a script: takes cases, decides most of them, and walks away from some."""

    name: str
    addresses: Sequence[str]
    is_over: Callable[[], bool]
    shown: list[Shown] = field(default_factory=list)
    decided: list[str] = field(default_factory=list)

    def work(self) -> None:
        """Until the queue is empty for good."""
        chance = random.Random(self.name)
        with httpx.Client(headers={"X-Name": self.name}, timeout=20.0) as client:
            while not self.is_over():
                asked = time.monotonic()
                answer = self._post(client, chance, "/next", None)
                if answer is None or answer.status_code != 200:
                    time.sleep(0.1)
                    continue
                case = answer.json()
                self._review(client, chance, case["id"], case["token"], asked)

    def _review(
        self, client: httpx.Client, chance: random.Random, case_id: str, token: str, asked: float
    ) -> None:
        at, lapses = time.monotonic(), asked + LEASE_SECONDS - CLOCK_SECONDS
        if chance.random() < 0.02:  # this browser dies; the person starts again after the lease
            self.shown.append(Shown(case_id, self.name, at, lapses))
            time.sleep(LEASE_SECONDS + 0.5)
            return
        body = {"token": token, "verdict": chance.choice(VERDICTS)}
        while True:
            answer = self._post(client, chance, f"/cases/{case_id}/decision", body)
            if answer is not None and answer.status_code in (200, 409):
                break
        is_mine = answer.status_code == 200
        # A decided case is never shown again.
        self.shown.append(Shown(case_id, self.name, at, float("inf") if is_mine else lapses))
        if is_mine:
            self.decided.append(case_id)

    def _post(
        self, client: httpx.Client, chance: random.Random, path: str, body: object
    ) -> httpx.Response | None:
        """The answer of one of the services; None when it was killed, or is starting."""
        address = chance.choice(self.addresses)
        try:
            return client.post(f"{address}/v1/{SCENARIO}/review{path}", json=body)
        except httpx.HTTPError:
            time.sleep(0.05)
            return None


@pytest.fixture
def kafka(platform: Endpoints) -> KafkaCluster:
    """Kafka with the topics of the queue, empty."""
    cluster = KafkaCluster(platform.kafka_bootstrap_servers, timeout_seconds=30.0)
    specs = topic_specs(SCENARIO, max_message_bytes=1_000_000)
    wanted = [spec for spec in specs if ".review" in spec.name]
    empty_topics(cluster, wanted, partitions=PARTITIONS)
    return cluster


def publish_part(servers: str, part: int) -> None:
    """A share of the cases; some of them twice, as a replay does, and a record that is no case."""
    producer = KafkaProducer(bootstrap_servers=servers)
    chance = random.Random(part)
    for number in range(part, CASES, PARTS):
        prediction = tiny_prediction(number, score=chance.random(), scenario=SCENARIO)
        value = msgspec.json.encode(prediction)
        for _ in range(2 if chance.random() < 0.05 else 1):
            producer.send(f"{SCENARIO}.review", value=value, partition=number % PARTITIONS)
    producer.send(f"{SCENARIO}.review", value=b"no case")
    producer.flush(60)
    producer.close()


@pytest.fixture
def services(
    store: HBaseStore, platform: Endpoints, kafka: KafkaCluster, tmp_path: Path
) -> Iterator[list[Service]]:
    """Three processes over one HBase; none is left at the end."""
    servers = platform.kafka_bootstrap_servers
    places = [store.host, str(store.port), store.namespace, servers]
    arguments = [SCENARIO, *places, str(LEASE_SECONDS)]
    ports: list[int] = []
    while len(ports) < SERVICES:
        ports.append(free_port(taken=ports))
    running = [Service(arguments, port, tmp_path / f"{port}.log") for port in ports]
    for service in running:
        service.start()
    try:
        yield running
    finally:
        for service in running:
            service.kill()


def kill_in_turn(
    services: Sequence[Service], is_over: Callable[[], bool], after_kill: Callable[[int], None]
) -> int:
    """Kill and restart one of those that serve, while another does; returns how often."""
    chance, kills = random.Random(5), 0
    while not is_over():
        time.sleep(KILL_SECONDS)
        alive = [service for service in services if service.answers()]
        if len(alive) > 1 and not is_over():
            victim = chance.choice(alive)
            victim.kill()
            victim.start()
            kills += 1
            after_kill(kills)
    return kills


@pytest.mark.timeout(1_200)
def test_twenty_reviewers_and_kills_lose_double_and_share_nothing(
    services: list[Service], session: Session, kafka: KafkaCluster
) -> None:
    wait_until(
        lambda: all(service.answers() for service in services),
        timeout=WAITING_SECONDS,
        what=f"services: {[service.log.read_text() for service in services]}",
    )

    def publish_more(kills: int) -> None:
        if kills < PARTS:  # cases also come while the queue has just lost a process
            publish_part(kafka.bootstrap_servers, kills)

    publish_part(kafka.bootstrap_servers, 0)
    over = threading.Event()
    addresses = [service.address for service in services]
    people = [Reviewer(f"reviewer {n}", addresses, over.is_set) for n in range(REVIEWERS)]
    threads = [threading.Thread(target=person.work) for person in people]
    kills: list[int] = []
    killer = threading.Thread(
        target=lambda: kills.append(kill_in_turn(services, over.is_set, publish_more))
    )
    began = time.monotonic()
    for thread in (*threads, killer):
        thread.start()
    try:
        wait_until(
            lambda: sum(len(person.decided) for person in people) >= CASES,
            timeout=WAITING_SECONDS + CASES / 5,
            what="all cases to be decided",
        )
        seconds = time.monotonic() - began
    finally:
        over.set()
        for thread in (*threads, killer):
            thread.join(60)

    table = CaseTable(session, SCENARIO)
    cases = {case.id: case for case in table.all()}
    assert len(cases) == CASES
    stored = {case.id: [opinion.reviewer for opinion in case.opinions] for case in cases.values()}
    by_person = {case_id: [person.name] for person in people for case_id in person.decided}
    assert sum(len(person.decided) for person in people) == CASES
    assert stored == by_person
    check_never_shared([shown for person in people for shown in person.shown])
    check_published(kafka, table)
    position = table.position()
    assert position is not None
    assert position.refused >= PARTS
    assert kills[0] >= PARTS - 1
    print(f"{CASES} cases, {REVIEWERS} reviewers, {kills[0]} kills: {seconds:.1f} s")


def check_never_shared(screens: Sequence[Shown]) -> None:
    """No case came onto a second screen before it had left the first for good."""
    last: dict[str, Shown] = {}
    for shown in sorted(screens, key=lambda screen: screen.at):
        before = last.get(shown.case_id)
        if before is not None and before.reviewer != shown.reviewer:
            assert before.alone_until <= shown.at, (before, shown)
        last[shown.case_id] = shown


def check_published(kafka: KafkaCluster, table: CaseTable) -> None:
    """Kafka has every decision, and one that it has twice says the same."""
    topic = f"{SCENARIO}.{TOPIC_KIND}"
    wait_until(lambda: not table.unfinished(), timeout=WAITING_SECONDS, what="all decisions sent")
    ends = {partition: end for partition, (_, end) in kafka.offsets(topic).items()}
    values: dict[str, set[bytes]] = {}
    for records in records_of(kafka.bootstrap_servers, topic, ends).values():
        for record in records:
            decision = decision_in(record.value)
            assert decision is not None
            values.setdefault(decision.decision_id, set()).add(record.value)
    assert len(values) == CASES
    assert {case_id for case_id, versions in values.items() if len(versions) > 1} == set()
