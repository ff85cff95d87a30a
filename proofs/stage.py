"""What both systems are measured on: one platform, topic and model, and the load."""

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from conf.settings import Settings, load_settings
from jobs.launcher.child_jobs import ChildJob, start_child
from jobs.launcher.endpoints import resolve_endpoints
from jobs.options.shared import set_options
from jobs.spark.class_archive import class_archive
from jobs.spark.shared_jvm import shared_jvm
from jobs.status.scored import wait_until_scored
from jobs.wiring.from_settings import hbase_store
from jobs.wiring.streaming import kafka_cluster
from local.servers.platform import Platform, down, up
from proofs.load import Load
from reports.steps import timed_step
from stores.hbase.connection import HBaseStore
from stores.kafka.cluster import KafkaCluster
from stores.records.deployments import read_deployment, write_deployment

# A JVM, the imports and the first model on cores that others use as well.
START_SECONDS = 240.0
_DRAIN_SECONDS = 900.0

_PREPARATION = (
    ("creating topics and tables", "prepare_scenario"),
    ("publishing the customers' history", "publish_events"),
    ("archiving it", "archive_stream", "--once"),
    ("building a training snapshot", "build_training_set"),
    ("training a model on it and deploying it", "train_model"),
)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A running platform with the scenario's history and a deployed model in `store`.

    shared_java  environment variables with which jobs that end by themselves share a Java process
    children     jobs that were started on it
    """

    run_dir: Path
    kafka: KafkaCluster
    store: HBaseStore
    scenario: str
    module: str
    console: Console
    overrides: tuple[str, ...] = ()
    shared_java: Mapping[str, str] = field(default_factory=dict)
    children: list[ChildJob] = field(default_factory=list)

    def with_namespace(self, namespace: str) -> HBaseStore:
        """The store in another namespace: tables created, the deployed model copied into it."""
        store = replace(self.store, namespace=namespace)
        self.run("prepare_scenario", "--set", f"hbase.namespace={namespace}")
        deployment = read_deployment(self.store, self.scenario)
        if deployment is None:
            raise LookupError(f"no model is deployed in {self.store}, expected one of train_model")
        write_deployment(store, deployment)
        return store

    def publish_follow_ups(self, load: Load, *, seed: int, watch: ChildJob) -> None:
        """Publish `load`, good events only; raises `ChildFailed` when `watch` ends meanwhile."""
        publisher = self.start(
            "publish_events",
            "--no-history",
            f"--rate={load.events_per_second}",
            f"--duration={load.duration_seconds}",
            "--bad-share=0",
            f"--seed={seed}",
        )
        try:
            title = f"{load.events_per_second:,.0f} events/s for {load.duration_seconds:.0f} s"
            with self.console.status(title):
                while publisher.process.poll() is None:
                    watch.check()
                    time.sleep(0.2)
            publisher.check()
        finally:
            publisher.stop()

    def run(self, job: str, *arguments: str) -> None:
        """Run a job to its end; raises `ChildFailed`."""
        child = self.ended(job, *arguments)
        child.check()

    def ended(self, job: str, *arguments: str, log_name: str = "") -> ChildJob:
        """Run a job to its end, in the shared Java if any, whatever its exit code is."""
        child = self._started(job, arguments, log_name, self.shared_java)
        try:
            child.process.wait()
        finally:
            child.stop()
        return child

    def start(self, job: str, *arguments: str, log_name: str = "") -> ChildJob:
        """Start a job on this platform, its output in the run folder.

        It has its own Java: a job that is killed in a shared one would end the sharing.
        """
        return self._started(job, arguments, log_name, {})

    def start_scoring(self, run: str, *arguments: str) -> ChildJob:
        """Start score_stream and wait until its query runs; `run` tells its log from others."""
        stream = self.start("score_stream", *arguments, log_name=f"score_stream-{run}")
        stream.wait_for("scoring ", timeout_seconds=START_SECONDS)
        return stream

    def wait_until_scored(self, stream: ChildJob) -> None:
        """Wait until every event has its outcome; raises `ChildFailed` when `stream` ends."""
        wait_until_scored(
            self.store,
            self.kafka,
            self.scenario,
            check=stream.check,
            timeout_seconds=_DRAIN_SECONDS,
        )

    def _started(
        self, job: str, arguments: Sequence[str], log_name: str, variables: Mapping[str, str]
    ) -> ChildJob:
        settings = (f"platform.run_dir={self.run_dir}", *self.overrides)
        scope = ("--scenario", self.scenario, *set_options(settings))
        log = self.log(log_name or job)
        child = start_child([job, *scope, *arguments], log=log, environ=variables)
        self.children.append(child)
        return child

    def tell(self, line: str) -> None:
        """Print a line of progress."""
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def log(self, name: str) -> Path:
        """Where a child's output goes."""
        return self.run_dir / "logs" / "bench" / f"{name}.log"


@contextmanager
def own_stage(scenario: str, *, keep: bool, console: Console) -> Iterator[Stage]:
    """A platform of its own in a new folder, with history and model; all of it ends with the block.

    `keep` leaves the folder with data and logs.
    """
    with (
        own_platform(keep=keep, console=console) as run_dir,
        open_stage(stage_in(run_dir, scenario, console=console)) as stage,
    ):
        for words, *job in _PREPARATION:
            with timed_step(words, console):
                stage.run(*job)
        yield stage


@contextmanager
def open_stage(stage: Stage) -> Iterator[Stage]:
    """`stage` for a block: jobs that end by themselves use one Java process, one after the other.

    Jobs that still run when the block ends, by an error too, are stopped. See
    jobs/spark/shared_jvm.py.
    """
    settings, log = settings_in(stage.run_dir, stage.overrides), stage.run_dir / "logs/spark.log"
    with shared_jvm(settings, log=log) as variables, stopping_children(stage):
        yield replace(stage, shared_java=variables)


@contextmanager
def stopping_children(stage: Stage) -> Iterator[None]:
    """Stop the jobs of `stage` that still run when the block ends, the last one first."""
    try:
        yield
    finally:
        for child in reversed(stage.children):
            child.stop()


@contextmanager
def own_platform(*, keep: bool, console: Console) -> Iterator[Path]:
    """The folder of a new platform without topics or tables; it ends with the block."""
    class_archive(is_made=True, console=console)  # else the first job builds it, while timed
    run_dir = Path(tempfile.mkdtemp(prefix="everscore-bench-"))
    platform = Platform(run_dir, die_with_parent=True)
    try:
        with timed_step("starting Kafka and HBase", console):
            up(platform, console=console)
        yield run_dir
    finally:
        with timed_step("stopping Kafka and HBase", console):
            down(platform, console=console)
        if keep:
            console.print(f"kept {run_dir}", markup=False, highlight=False)
        else:
            shutil.rmtree(run_dir, ignore_errors=True)


def stage_in(
    run_dir: Path, scenario: str, *, console: Console, overrides: Sequence[str] = ()
) -> Stage:
    """The stage on the platform that runs in `run_dir`; raises `ServiceDown` when none does.

    `overrides` are further settings, for its jobs too.
    """
    settings = settings_in(run_dir, overrides)
    return Stage(
        run_dir=run_dir,
        kafka=kafka_cluster(settings),
        store=hbase_store(settings),
        scenario=scenario,
        module=settings.scenarios[scenario],
        console=console,
        overrides=tuple(overrides),
    )


def settings_in(run_dir: Path, overrides: Sequence[str] = ()) -> Settings:
    """The settings of jobs on the platform in `run_dir`, its addresses filled in."""
    all_overrides = [f"platform.run_dir={run_dir}", *overrides]
    return resolve_endpoints(load_settings("local", overrides=all_overrides))
