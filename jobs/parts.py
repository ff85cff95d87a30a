"""The settings in the words of the layers below: store, Kafka cluster, pass and query."""

from conf.settings import Settings
from jobs.from_settings import hbase_store
from jobs.kafka_options import client_options, spark_options
from local.cache import cache_dir
from scenarios.scenario import Scenario
from streaming.query import QuerySettings
from streaming.settings import PassSettings
from streaming.supervisor import Patience
from streaming.topics import KafkaCluster


def kafka_cluster(settings: Settings) -> KafkaCluster:
    """Where the topics are."""
    options = client_options(settings.kafka)
    options.pop("bootstrap_servers")
    options.pop("request_timeout_ms")
    kafka = settings.kafka
    return KafkaCluster(kafka.bootstrap_servers, kafka.request_timeout_seconds, options)


def pass_settings(settings: Settings, scenario: Scenario) -> PassSettings:
    """What workers need; epoch and first offsets are filled in at the start of the query."""
    stream = settings.stream
    return PassSettings(
        scenario=scenario.name,
        module=settings.scenarios[scenario.name],
        store=hbase_store(settings),
        epoch=0,
        first_offsets={},
        max_event_bytes=stream.max_event_bytes,
        max_future_skew_seconds=stream.max_future_skew_seconds,
        retry_seconds=settings.hbase.retry_seconds,
        reread_seconds=stream.deployment_reread_seconds,
        artifact_cache=str(cache_dir() / "models"),
    )


def query_settings(settings: Settings, scenario: Scenario) -> QuerySettings:
    """How the query reads, paces and publishes."""
    return QuerySettings(
        topic=scenario.topic("events"),
        max_offsets_per_trigger=settings.stream.max_offsets_per_trigger,
        trigger_seconds=settings.stream.trigger_seconds,
        progress_interval_ms=settings.stream.progress_interval_ms,
        max_message_bytes=settings.kafka.max_message_bytes,
        kafka_options=spark_options(settings.kafka),
    )


def patience(settings: Settings) -> Patience:
    """How restarts are paced."""
    return Patience(
        backoff_seconds=settings.stream.restart_backoff_seconds,
        backoff_limit_seconds=settings.stream.restart_backoff_limit_seconds,
        restarts_in_a_row=settings.stream.max_restarts_in_a_row,
    )
