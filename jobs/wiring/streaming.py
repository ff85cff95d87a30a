"""The settings in the words of the layers below: store, Kafka cluster, pass and query."""

import getpass
import socket
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

from batch.rebuild.states import StateTask, WriteTask, position_before
from conf.settings import Settings
from features.events.partitioners import CUSTOM
from jobs.launcher.kafka_options import client_options, spark_options
from jobs.spark.streams import is_real_time
from jobs.wiring.from_settings import (
    attachment_place,
    delta_place,
    event_limits,
    hbase_store,
)
from jobs.wiring.table_turns import APPENDS, turn
from local.cache import cache_dir
from scenarios.contract.keyed import Keyed, scenario_name_of
from scenarios.contract.scenario import Scenario
from stores.delta.files import HadoopFiles
from stores.hbase.connection import Session
from stores.kafka.cluster import KafkaCluster
from stores.records.epochs import EpochRecord
from stores.records.erasures import FOLDER, ErasuresInUse, ErasureTable, read_files, restore
from stores.records.losses import LossBook, LossFiles
from streaming.archive.archiver import Archiver, ArchiveSettings
from streaming.archive.references import AttachmentArchiving
from streaming.archive.source import KINDS
from streaming.archive.table import ArchiveTable
from streaming.passes.settings import PassSettings, TrialBounds
from streaming.query.query import QuerySettings
from streaming.query.supervisor import Patience
from streaming.real_time.query import RealTimeSettings


def kafka_cluster(settings: Settings) -> KafkaCluster:
    """Where the topics are."""
    options = client_options(settings.kafka)
    options.pop("bootstrap_servers")
    options.pop("request_timeout_ms")
    kafka = settings.kafka
    return KafkaCluster(kafka.bootstrap_servers, kafka.request_timeout_seconds, options)


def store_session(settings: Settings) -> Session:
    """A session for a job's own few calls."""
    return Session(hbase_store(settings), retry_seconds=settings.hbase.timeout_seconds)


def loss_book(settings: Settings, stream: str, *, spark: Any, command: str) -> LossBook:
    """The record of what `stream` never had; `command` is what accepts a loss."""
    folder = delta_place(settings, scenario_name_of(stream)).path("losses", stream)
    return LossBook(
        session=store_session(settings),
        stream=stream,
        files=LossFiles(HadoopFiles(spark), folder),
        accepted_by=f"{getpass.getuser()}@{socket.gethostname()} ({command})",
    )


def pass_settings(
    settings: Settings, keyed: Keyed, *, epoch: EpochRecord | None = None
) -> PassSettings:
    """What workers need in `epoch`; without it, the start of the query fills it in."""
    stream = settings.stream
    return PassSettings(
        scenario=keyed.name,
        module=settings.scenarios[scenario_name_of(keyed.name)],
        store=hbase_store(settings),
        epoch=epoch.epoch if epoch else 0,
        first_offsets=dict(epoch.first_offsets) if epoch else {},
        partitioner=(epoch.partitioner or CUSTOM) if epoch else keyed.partitioner,
        regions=epoch.regions if epoch else None,
        max_event_bytes=stream.max_event_bytes,
        dead_letter_bytes=stream.dead_letter_bytes,
        max_future_skew_seconds=stream.max_future_skew_seconds,
        retry_seconds=settings.hbase.retry_seconds,
        reread_seconds=stream.deployment_reread_seconds,
        kafka=kafka_cluster(settings),
        batch_rows=stream.batch_rows,
        state_bytes=stream.state_bytes,
        artifact_cache=str(cache_dir() / "models"),
        trial=TrialBounds(
            failed_share=stream.trial_failed_share,
            time_ratio=stream.trial_time_ratio,
            event_seconds=stream.trial_event_seconds,
        ),
    )


def query_settings(settings: Settings, keyed: Keyed) -> QuerySettings:
    """How the query reads, paces and publishes."""
    return QuerySettings(
        topic=keyed.topic("events"),
        max_offsets_per_trigger=settings.stream.max_offsets_per_trigger,
        trigger_seconds=settings.stream.trigger_seconds,
        progress_interval_ms=settings.stream.progress_interval_ms,
        max_message_bytes=settings.kafka.max_message_bytes,
        kafka_options=spark_options(settings.kafka),
    )


def real_time_settings(settings: Settings, spark: Any) -> RealTimeSettings | None:
    """How the query of score_stream runs in real-time mode; None in micro-batches."""
    if not is_real_time(settings):
        return None
    context = spark.sparkContext
    return RealTimeSettings(
        batch_seconds=settings.stream.real_time_batch_seconds,
        files=list(context._python_includes),  # what Spark's own workers put on their path
        is_in_this_jvm=context.master == "local" or context.master.startswith("local["),
    )


def archiver_of(
    settings: Settings,
    scenario: Scenario,
    *,
    spark: Any,
    accepts_gaps: bool,
    check_lease: Callable[[], None],
    log: Callable[[str], None],
) -> Archiver:
    """An archiver of all topics of `scenario`; two of them never have the same name.

    check_lease: raises when another process has taken the archive over
    """
    place, run_id = delta_place(settings, scenario.name), uuid4().hex
    session = store_session(settings)
    return Archiver(
        scenario=scenario,
        tables={kind: ArchiveTable(spark, place, kind, run_id) for kind in KINDS},
        kafka=kafka_cluster(settings),
        session=session,
        settings=ArchiveSettings(
            kafka_options=spark_options(settings.kafka),
            starting=settings.stream.starting,
            commit_offsets=settings.delta.archive_commit_offsets,
            compact_after_commits=settings.delta.compact_after_commits,
            most_bytes=settings.kafka.max_message_bytes,
            accepts_gaps=accepts_gaps,
            attachments=AttachmentArchiving(
                place=attachment_place(settings),
                max_event_bytes=settings.stream.max_event_bytes,
                max_future_skew_seconds=settings.stream.max_future_skew_seconds,
            ),
        ),
        spark=spark,
        place=place,
        losses=loss_book(settings, scenario.name, spark=spark, command="--accept-gaps"),
        log=log,
        erasures=ErasuresInUse(ErasureTable(session, scenario.name), reread_seconds=0.0),
        undisturbed=partial(
            turn, settings, scenario.name, [APPENDS], job="archive_stream", log=log
        ),
        check_lease=check_lease,
    )


def restore_erasures(settings: Settings, scenario: str, files: HadoopFiles) -> None:
    """Restore the erasures of a lost control table from the files beside the archive."""
    folder = delta_place(settings, scenario).path(FOLDER)
    restore(ErasureTable(store_session(settings), scenario), read_files(files, folder))


def patience(settings: Settings) -> Patience:
    """How restarts are paced."""
    return Patience(
        backoff_seconds=settings.stream.restart_backoff_seconds,
        backoff_limit_seconds=settings.stream.restart_backoff_limit_seconds,
        restarts_in_a_row=settings.stream.max_restarts_in_a_row,
    )


def state_task(settings: Settings, scenario: Scenario) -> StateTask:
    """How a rebuild folds the events."""
    return StateTask(scenario.schema, scenario.codec, event_limits(settings))


def write_task(settings: Settings, scenario: str, epoch: EpochRecord) -> WriteTask:
    """How a rebuild writes what `epoch` begins with."""
    retry_seconds = settings.hbase.retry_seconds
    return WriteTask(hbase_store(settings), scenario, position_before(epoch), retry_seconds)
