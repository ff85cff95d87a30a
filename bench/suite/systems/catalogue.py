"""The systems that are compared, each started and started again as whoever runs it would."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from bench.peers.environments import PeerTask, peer_command
from bench.programs import started_program, started_stream
from bench.suite.systems.ground import Ground
from bench.suite.systems.place import Place
from jobs.launcher.child_jobs import ChildJob

US = "everscore"
REAL_TIME = "everscore-real-time"
PLAIN = "plain"
BARE = "bare-trigger"
EXPERT_LARGE = "expert-large-each"
OUR_BATCH_ROWS = 120_000  # stream.batch_rows

Start = Callable[[Ground, Place, str], ChildJob]


class Kind(Enum):
    """What a system stands for in the ratios."""

    US = "us"
    COMMON = "common peer"
    EXPERT = "expert"
    FLOOR = "floor"


@dataclass(frozen=True, kw_only=True)
class System:
    """`start(ground, place, log name)` returns the process group once it consumes."""

    name: str
    meaning: str
    kind: Kind
    start: Start

    @property
    def is_stream(self) -> bool:
        """Whether it is a query of ours, with a JVM and with markers that count its rows."""
        return self.kind in (Kind.US, Kind.FLOOR)


def _start_us(ground: Ground, place: Place, log_name: str) -> ChildJob:
    return started_stream(ground.stage, place.name, log_name=log_name)


def _start_real_time(ground: Ground, place: Place, log_name: str) -> ChildJob:
    real_time = ("stream.mode=real-time",)
    return started_stream(ground.stage, place.name, overrides=real_time, log_name=log_name)


def _start_bare(ground: Ground, place: Place, log_name: str) -> ChildJob:
    stage = ground.stage
    settings = (
        f"platform.run_dir={stage.run_dir}",
        f"hbase.namespace={place.name}",
        f"stream.checkpoint_root={stage.run_dir / 'checkpoints' / place.name}",
        *stage.overrides,
    )
    command = [
        sys.executable,
        "-m",
        "bench.suite.systems.bare_trigger",
        f"--scenario={stage.scenario}",
    ]
    command += [f"--set={setting}" for setting in settings]
    return started_program(BARE, command, log=stage.log(log_name), ready="putting ")


@dataclass(frozen=True, kw_only=True)
class Peer:
    """How a peer is started: one process per partition, or one alone.

    batch_rows: how many events it takes at once; None: what its program thinks best.
    """

    program: str
    python: Path
    per_partition: bool = False
    batch_rows: int | None = None

    def __call__(self, ground: Ground, place: Place, log_name: str) -> ChildJob:
        """Start it on `place`; started again there, it goes on."""
        task = PeerTask(
            bootstrap_servers=ground.stage.kafka.bootstrap_servers,
            topic=place.topic,
            output_topic=place.output_topic,
            hbase_host=place.store.host,
            hbase_port=place.store.port,
            table=place.full_table,
            model=ground.model.file,
            workload=ground.workload.name,
            group=place.name,
            processes=ground.partitions if self.per_partition else 1,
            state_dir=place.folder,
            batch_rows=self.batch_rows,
        )
        command = peer_command(self.program, task, python=self.python)
        log = ground.stage.log(log_name)
        return started_program(self.program, command, log=log, ready="ready")


@dataclass(frozen=True, kw_only=True)
class PeerRecipe:
    """A peer before its environment is known; `program` is its module in bench/peers."""

    name: str
    meaning: str
    kind: Kind
    program: str
    per_partition: bool = False
    batch_rows: int | None = None

    def made(self, python: Path) -> System:
        """The peer with the interpreter of its environment."""
        peer = Peer(
            program=self.program,
            python=python,
            per_partition=self.per_partition,
            batch_rows=self.batch_rows,
        )
        return System(name=self.name, meaning=self.meaning, kind=self.kind, start=peer)


OURS = System(
    name=US, meaning="score_stream as an operator starts it", kind=Kind.US, start=_start_us
)
# What it takes is Spark's, Kafka's and HBase's: no work on the pass can bring the stream below it.
FLOOR = System(
    name=BARE,
    meaning="the same query with a pass that only puts positions and publishes what it read",
    kind=Kind.FLOOR,
    start=_start_bare,
)
SECOND_GEAR = System(
    name=REAL_TIME,
    meaning="score_stream in real-time mode (stream.mode)",
    kind=Kind.US,
    start=_start_real_time,
)
STREAMS = (OURS, SECOND_GEAR, FLOOR)

RECIPES: Sequence[PeerRecipe] = (
    PeerRecipe(
        name=PLAIN,
        meaning="a plain confluent-kafka loop, one process",
        kind=Kind.COMMON,
        program="plain_confluent",
    ),
    PeerRecipe(
        name="plain-each",
        meaning="a plain confluent-kafka loop, one process per partition",
        kind=Kind.COMMON,
        program="plain_confluent",
        per_partition=True,
    ),
    PeerRecipe(
        name="expert",
        meaning="an expert's loop, one process",
        kind=Kind.EXPERT,
        program="expert_confluent",
    ),
    PeerRecipe(
        name="expert-each",
        meaning="an expert's loop, one process per partition",
        kind=Kind.EXPERT,
        program="expert_confluent",
        per_partition=True,
    ),
    PeerRecipe(
        name=EXPERT_LARGE,
        meaning=f"an expert's loop, one process per partition, {OUR_BATCH_ROWS:,} events at once",
        kind=Kind.EXPERT,
        program="expert_confluent",
        per_partition=True,
        batch_rows=OUR_BATCH_ROWS,
    ),
    PeerRecipe(
        name="bytewax", meaning="bytewax, one worker", kind=Kind.COMMON, program="bytewax_flow"
    ),
    PeerRecipe(
        name="bytewax-each",
        meaning="bytewax, one worker per partition",
        kind=Kind.COMMON,
        program="bytewax_flow",
        per_partition=True,
    ),
    PeerRecipe(
        name="quixstreams",
        meaning="quixstreams, one process",
        kind=Kind.COMMON,
        program="quixstreams_app",
    ),
    PeerRecipe(
        name="quixstreams-each",
        meaning="quixstreams, one process per partition",
        kind=Kind.COMMON,
        program="quixstreams_app",
        per_partition=True,
    ),
)
NAMES = (*(system.name for system in STREAMS), *(recipe.name for recipe in RECIPES))
