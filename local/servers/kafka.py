"""The Kafka broker: one KRaft node in one JVM."""

import base64
import subprocess
import uuid
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from local import java
from local.errors import ProcessFailed
from local.run_folder import private_files
from local.servers.ports import HOST, Ports
from local.servers.processes import last_lines
from local.servers.waiting import listens
from reports.files import write_text

# Packed micro-batches and model cards fit; the consumers' fetch limits follow this value.
_MAX_MESSAGE_BYTES = 33_554_432

_LOG4J = """\
rootLogger.level=warn
rootLogger.appenderRef.console.ref=console
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{yyyy-MM-dd'T'HH:mm:ss.SSS'Z'}{UTC} %-5p %c{1}: %m%n
logger.start.name=kafka.server.KafkaRaftServer
logger.start.level=info
logger.recovery.name=org.apache.kafka.storage.internals.log.LogManager
logger.recovery.level=info
"""


def server_properties(folder: Path, ports: Ports) -> str:
    """The broker's settings: one node, everything replicated once, topics made by hand only."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{ports.kafka_controller}",
        "listeners": f"PLAINTEXT://{HOST}:{ports.kafka},CONTROLLER://{HOST}:"
        f"{ports.kafka_controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{ports.kafka}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(folder / "data"),
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "auto.create.topics.enable": "false",
        "message.max.bytes": str(_MAX_MESSAGE_BYTES),
        "replica.fetch.max.bytes": str(_MAX_MESSAGE_BYTES),
    }
    return "".join(f"{name}={_property(value)}\n" for name, value in settings.items())


def _property(value: str) -> str:
    """As Java's properties write it: in Latin-1 with escapes."""
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    codes = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "".join(chr(code) if 32 <= code < 127 else f"\\u{code:04x}" for code in codes)


def prepare(folder: Path, ports: Ports, *, jar_folder: Path, log_folder: Path) -> None:
    """Write the settings; format the storage on the first start."""
    properties = folder / "server.properties"
    write_text(properties, server_properties(folder, ports))
    write_text(folder / "log4j2.properties", _LOG4J)
    if not _meta_properties(folder).exists():
        _format(properties, jar_folder=jar_folder, log=log_folder / "kafka-format.log")


def command(folder: Path, *, jar_folder: Path, log_folder: Path, heap_mb: int) -> list[str]:
    """The broker's command line."""
    return java.server(
        "kafka.Kafka",
        str(folder / "server.properties"),
        classpath=[f"{jar_folder}/*"],
        heap_mb=heap_mb,
        options=[f"-Dlog4j2.configurationFile={(folder / 'log4j2.properties').as_uri()}"],
        crash_folder=log_folder,
        # A producer's batch may unpack to more than the heap: the broker refuses it and lives on.
        ends_without_memory=False,
    )


def answers(port: int) -> bool:
    """Whether the broker lists its topics and counts itself as a broker."""
    if not listens(HOST, port):
        return False
    try:
        client = KafkaAdminClient(
            bootstrap_servers=f"{HOST}:{port}", request_timeout_ms=5000, bootstrap_timeout_ms=3000
        )
        try:
            client.list_topics()
            return bool(client.describe_cluster()["brokers"])
        finally:
            client.close()
    except (KafkaError, OSError):
        return False


def find_damage(folder: Path) -> str | None:
    """What is missing or corrupt in the data of a broker that once worked; None when nothing."""
    path = _meta_properties(folder)
    if not path.is_file():
        return f"{path} is missing"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    if not fields.get("cluster.id") or fields.get("node.id") != "1":
        return f"{path} names no cluster.id, or a node.id other than 1"
    return None


def _meta_properties(folder: Path) -> Path:
    return folder / "data" / "meta.properties"


def _format(properties: Path, *, jar_folder: Path, log: Path) -> None:
    arguments = ["format", "-t", new_cluster_id(), "-c", str(properties)]
    log.parent.mkdir(parents=True, exist_ok=True)
    with private_files(), log.open("wb") as output:
        done = subprocess.run(
            java.tool("kafka.tools.StorageTool", *arguments, classpath=[f"{jar_folder}/*"]),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            env=java.environment(),
        )
    if done.returncode != 0:
        raise ProcessFailed(
            "\n".join([f"Kafka could not format its storage; {log} ends with:", *last_lines(log)])
        )


def new_cluster_id() -> str:
    """A UUID in URL-safe base64 that does not begin with a dash: Kafka would read an option."""
    while True:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not cluster_id.startswith("-"):
            return cluster_id
