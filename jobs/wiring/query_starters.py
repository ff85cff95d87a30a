"""What starts a keyed stream's query, made from the settings."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from jobs.launcher.run import Run
from jobs.wiring.from_settings import hbase_store
from jobs.wiring.streaming import kafka_cluster, loss_book, pass_settings, query_settings
from scenarios.contract.keyed import Keyed
from stores.delta.tables import DeltaPlace
from streaming.passes.kind import PassKind
from streaming.position.checkpoints import Offsets
from streaming.position.remedies import accept_loss_command
from streaming.position.retention import Losses
from streaming.query.outages import Watcher, watcher_of
from streaming.query.query import QuerySettings
from streaming.query.run import QueryStarter
from streaming.real_time.query import RealTimeSettings


def query_starter(
    run: Run,
    keyed: Keyed,
    kind: PassKind,
    *,
    spark: Any,
    query: QuerySettings | None = None,
    starting: str = "earliest",
    replay_from: Offsets | None = None,
    check_lease: Callable[[], None],
    place: DeltaPlace | None = None,
    accepts_loss: bool = False,
    real_time: RealTimeSettings | None = None,
) -> QueryStarter:
    """A starter of `kind` over the events of `keyed`; `query` replaces that of the settings.

    check_lease   raises when another process has taken the stream over
    place         the archive, where the stream has one
    real_time     for real-time mode
    """
    stream = run.settings.stream
    return QueryStarter(
        spark=spark,
        kafka=kafka_cluster(run.settings),
        settings=query or query_settings(run.settings, keyed),
        scoring=pass_settings(run.settings, keyed),
        kind=kind,
        checkpoint_root=stream.checkpoint_root,
        heartbeat_seconds=stream.heartbeat_seconds,
        log=run.log,
        clock=run.clock,
        partitioner=keyed.partitioner,
        losses=losses_of(run, keyed.name, spark=spark, accepts=accepts_loss),
        starting=starting,
        replay_from=replay_from,
        check_lease=check_lease,
        place=place,
        real_time=real_time,
    )


def losses_of(
    run: Run, name: str, *, spark: Any, accepts: bool, command: str | None = None
) -> Losses:
    """What to do about records that Kafka no longer holds for the stream `name`.

    command: what accepts them, without it the one that starts the stream.
    """
    book = loss_book(run.settings, name, spark=spark, command="--accept-loss")
    return Losses(name, book, run.log, command or accept_loss_command(name), accepts)


def watcher_for(run: Run, topics: Sequence[str]) -> Watcher:
    """Logs when Kafka, HBase's gateway or HBase goes away from a job that reads `topics`."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # the watcher's line says it once
    return watcher_of(
        kafka_cluster(run.settings),
        hbase_store(run.settings),
        stream=run.scenario.name,
        topics=topics,
        log=run.log,
    )
