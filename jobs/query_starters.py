"""What starts a keyed stream's query, made from the settings."""

from typing import Any

from jobs.parts import kafka_cluster, pass_settings, query_settings
from jobs.run import Run
from scenarios.keyed import Keyed
from streaming.checkpoints import Offsets
from streaming.pass_kind import PassKind
from streaming.query import QuerySettings
from streaming.run import QueryStarter


def query_starter(
    run: Run,
    keyed: Keyed,
    kind: PassKind,
    *,
    spark: Any,
    query: QuerySettings | None = None,
    starting: str = "earliest",
    replay_from: Offsets | None = None,
) -> QueryStarter:
    """A starter of `kind` over the events of `keyed`; `query` where the settings' does not do."""
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
        partitioner=keyed.partitioner,
        starting=starting,
        replay_from=replay_from,
    )
