"""Start one service of the platform, and ask whether the services answer."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TypedDict

from local.servers import hbase, kafka, processes, thrift
from local.servers.layout import Layout
from local.servers.ports import HOST, Ports
from local.servers.processes import ProcessRecord
from local.servers.waiting import Watched, listens, wait_until_answers

# The fields of Ports that each service listens on.
PORTS_OF: Mapping[str, tuple[str, ...]] = {
    "kafka": ("kafka", "kafka_controller"),
    "hbase": ("zookeeper", "hbase_master", "hbase_regionserver"),
    "thrift": ("thrift",),
}


class _Shared(TypedDict):
    jar_folder: Path
    log_folder: Path
    heap_mb: int


def launch(
    service: str,
    *,
    layout: Layout,
    ports: Ports,
    jar_folder: Path,
    heap_mb: int,
    die_with_parent: bool,
) -> ProcessRecord:
    """Write the settings of one service and start its process; does not wait for an answer."""
    shared: _Shared = {"jar_folder": jar_folder, "log_folder": layout.logs, "heap_mb": heap_mb}
    if service == "kafka":
        kafka.prepare(layout.kafka, ports, jar_folder=jar_folder, log_folder=layout.logs)
        command = kafka.command(layout.kafka, **shared)
    elif service == "hbase":
        hbase.prepare(layout.hbase, ports)
        command = hbase.command(layout.hbase, **shared)
    else:
        command = thrift.command(layout.hbase, port=ports.thrift, **shared)
    return processes.start(
        command,
        log=layout.log(service),
        record=layout.record(service),
        die_with_parent=die_with_parent,
    )


def answering(ports: Ports, *, alive: Mapping[str, ProcessRecord]) -> set[str]:
    """The services that answer a real call now; HBase is asked through its gateway if it runs."""
    names = set()
    if "kafka" in alive and kafka.answers(ports.kafka):
        names.add("kafka")
    if "thrift" in alive and thrift.answers(ports.thrift):
        names.add("thrift")
    if "hbase" in alive:
        by_port = "thrift" not in alive and listens(HOST, ports.hbase_regionserver)
        if by_port or "thrift" in names:
            names.add("hbase")
    return names


def wait_for_all(
    alive: Mapping[str, ProcessRecord],
    *,
    layout: Layout,
    ports: Ports,
    timeout_seconds: float,
    cancelled: threading.Event,
) -> None:
    """Wait for Kafka and HBase at the same time; the first failure ends both waits."""
    questions = _questions(alive, ports)
    with ThreadPoolExecutor(max_workers=2) as pool:
        try:
            futures = [
                pool.submit(
                    wait_until_answers,
                    question,
                    watched=[Watched(name, alive[name], layout.log(name)) for name in names],
                    timeout_seconds=timeout_seconds,
                    cancelled=cancelled,
                )
                for names, question in questions
            ]
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        finally:
            cancelled.set()


def _questions(
    alive: Mapping[str, ProcessRecord], ports: Ports
) -> list[tuple[Sequence[str], Callable[[], bool]]]:
    questions: list[tuple[Sequence[str], Callable[[], bool]]] = []
    if "kafka" in alive:
        questions.append((["kafka"], lambda: kafka.answers(ports.kafka)))
    if "hbase" in alive and "thrift" in alive:
        questions.append((["hbase", "thrift"], lambda: thrift.answers(ports.thrift)))
    elif "hbase" in alive:
        # Nothing to ask through: the region server listens after the master is up.
        questions.append((["hbase"], lambda: listens(HOST, ports.hbase_regionserver)))
    elif "thrift" in alive:
        questions.append((["thrift"], lambda: listens(HOST, ports.thrift)))
    return questions
