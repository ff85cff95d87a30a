"""Whether the model can be loaded and the stream keeps up, as alarms for monitoring's rules."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from jobs.launcher.run import Run
from jobs.launcher.services import ServiceDown, require_kafka
from jobs.wiring.from_settings import hbase_store
from jobs.wiring.streaming import kafka_cluster, store_session
from lifecycle.changes import ChangeRefused
from lifecycle.promotion import check_loadable
from local.cache import cache_dir
from monitoring.period_report import Alarm
from scenarios.contract.scenario import Scenario
from stores.kafka.errors import KafkaDown, TopicMissing
from stores.records.control import read_last_good
from stores.records.deployments import Deployment, deployment_of, read_deployment
from streaming.position.staleness import StreamLag, stream_lag

MODEL_UNAVAILABLE = "Model unavailable"
STREAM_BEHIND = "Stream behind"


def service_alarms(run: Run, *, now: datetime) -> list[Alarm]:
    """Alarms of kind "service": no version can be loaded; events wait too long, or nobody knows.

    Raises `StoreDown`, `TableMissing`.
    """
    settings, scenario = run.settings, run.scenario
    session = store_session(settings)
    try:
        current = read_deployment(hbase_store(settings), scenario.name)
        good = deployment_of(read_last_good(session, scenario.name))
        alarms = model_alarms(scenario, (current, good), cache=cache_dir() / "models")
        limit = settings.stream.stale_after_seconds
        try:
            require_kafka(settings.kafka)
            lag = stream_lag(scenario, kafka_cluster(settings), session, limit_seconds=limit)
        except (ServiceDown, KafkaDown, TopicMissing) as error:
            return [*alarms, _stream_alarm(0.0, limit, f"how far it is cannot be read: {error}")]
        return [*alarms, *lag_alarms(lag, now=now)]
    finally:
        session.close()


def model_alarms(
    scenario: Scenario, deployments: Sequence[Deployment | None], *, cache: Path
) -> list[Alarm]:
    """One alarm when the champion of no deployment can be loaded; none without any deployment.

    deployments: the current one, then the last good one
    """
    reasons = []
    for deployment in deployments:
        if deployment is None:
            continue
        try:
            check_loadable(deployment.champion, scenario, cache_dir=cache)
            return []
        except ChangeRefused as error:
            reasons.append(str(error))
    if not reasons:
        return []
    return [
        Alarm(
            kind="service",
            subject=MODEL_UNAVAILABLE,
            value=0.0,
            bound=1.0,
            sentence="; ".join(dict.fromkeys(reasons)),
            harm=True,
        )
    ]


def lag_alarms(lag: StreamLag, *, now: datetime) -> list[Alarm]:
    """One alarm when events of any partition have waited for longer than the lag's limit."""
    waits = {p: (now - since).total_seconds() for p, since in lag.waiting_since.items()}
    late = {
        partition: seconds for partition, seconds in waits.items() if seconds > lag.limit_seconds
    }
    if not late:
        return []
    longest = max(late.values())
    partitions = ", ".join(f"{partition}" for partition in sorted(late))
    return [
        _stream_alarm(
            longest,
            lag.limit_seconds,
            f"events of partitions {partitions} wait to be scored, the oldest for {longest:,.0f} s",
        )
    ]


def _stream_alarm(value: float, bound: float, sentence: str) -> Alarm:
    return Alarm(
        kind="service",
        subject=STREAM_BEHIND,
        value=value,
        bound=bound,
        sentence=sentence,
        harm=True,
    )
