"""The two queries that maintain a second entity's features, made from the settings."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from jobs.launcher.run import Run
from jobs.wiring.query_starters import losses_of, query_starter
from jobs.wiring.streaming import kafka_cluster, pass_settings, query_settings
from scenarios.contract.keyed import KeyedEntity, scenario_name_of
from streaming.query.supervisor import Running
from streaming.second_entity.rekey_pass import RekeySettings
from streaming.second_entity.rekey_query import RekeyStarter
from streaming.second_entity.worker import FOLDING


def feature_starters(
    run: Run,
    keyed: KeyedEntity,
    *,
    spark: Any,
    check_lease: Callable[[], None],
    accepts_loss: bool = False,
) -> Sequence[Callable[[], Running]]:
    """What starts the fold and the re-keying of `keyed`."""
    stream = run.settings.stream
    query = replace(
        query_settings(run.settings, keyed), trigger_seconds=stream.feature_trigger_seconds
    )
    rekey = RekeyStarter(
        spark=spark,
        kafka=kafka_cluster(run.settings),
        settings=query,
        rekeying=rekey_settings(run, keyed),
        keyed=keyed,
        checkpoint_root=stream.checkpoint_root,
        log=run.log,
        losses=losses_of(run, keyed.name, spark=spark, accepts=accepts_loss),
    )
    # From the beginning, whatever `stream.starting` says of the scenario: the topic holds nothing
    # but what was re-keyed.
    folding = query_starter(
        run,
        keyed,
        FOLDING,
        spark=spark,
        query=query,
        accepts_loss=accepts_loss,
        check_lease=check_lease,
    )
    return folding, rekey


def rekey_settings(run: Run, keyed: KeyedEntity) -> RekeySettings:
    """What workers need to re-key; the start of the query fills in the generation."""
    settings = pass_settings(run.settings, keyed)
    return RekeySettings(
        name=keyed.name,
        module=run.settings.scenarios[scenario_name_of(keyed.name)],
        store=settings.store,
        generation=0,
        max_event_bytes=settings.max_event_bytes,
        max_future_skew_seconds=settings.max_future_skew_seconds,
        retry_seconds=settings.retry_seconds,
    )
