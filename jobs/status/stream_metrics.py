"""How a stream stands, as figures for Prometheus."""

from collections.abc import Mapping
from datetime import datetime

from reports.metrics_file import Labels, Metric
from stores.kafka.cluster import Survey
from stores.records.deployments import Deployment
from streaming.position.progress import Markers
from streaming.position.staleness import StreamLag


def stream_metrics(
    stream: str, survey: Survey, lag: StreamLag, markers: Markers, *, now: datetime
) -> list[Metric]:
    """Per partition of the stream's events topic.

    An event counts as waiting from its arrival in Kafka until its row is written.
    """

    def labels(partition: int) -> Labels:
        return {"scenario": stream, "partition": f"{partition}"}

    newest = {partition: recent[0] for partition, recent in markers.items() if recent}
    return [
        Metric(
            name="everscore_stream_waiting_seconds",
            meaning="How long the oldest event waits that is not scored; 0: none waits.",
            samples=[(labels(p), _waiting(lag.waiting_since, p, now)) for p in survey.offsets],
        ),
        Metric(
            name="everscore_stream_end_offset",
            meaning="Offset behind the newest committed event.",
            samples=[(labels(p), end) for p, (_, end) in survey.offsets.items()],
        ),
        Metric(
            name="everscore_stream_last_batch_timestamp_seconds",
            meaning="When the last batch was written.",
            samples=[
                (labels(p), marker.written_at_ms / 1000)
                for p, marker in newest.items()
                if marker.written_at_ms
            ],
        ),
        Metric(
            name="everscore_stream_unscorable_events",
            meaning="Events of the last batches that could not be judged.",
            samples=[
                (labels(p), sum(marker.unscorable for marker in recent))
                for p, recent in markers.items()
            ],
        ),
    ]


def model_metrics(
    scenario: str,
    deployment: Deployment | None,
    *,
    is_available: bool,
    failures: int,
    now: datetime,
) -> list[Metric]:
    """What scores, and whether it can be loaded."""
    base = {"scenario": scenario}
    roles = {} if deployment is None else deployment.pointers
    return [
        Metric(
            name="everscore_model_available",
            meaning="1: the champion, or the last good version, can be loaded.",
            samples=[(base, float(is_available))],
        ),
        Metric(
            name="everscore_model_deployed",
            meaning="1 for each role of the deployment with its version.",
            samples=[
                ({**base, "role": role, "version": pointer.version}, 1.0)
                for role, pointer in roles.items()
            ],
        ),
        Metric(
            name="everscore_model_load_failures_total",
            meaning="Loads of a version that failed in workers since the scenario was created.",
            samples=[(base, failures)],
            kind="counter",
        ),
        Metric(
            name="everscore_status_timestamp_seconds",
            meaning="When these figures were read.",
            samples=[(base, now.timestamp())],
        ),
    ]


def _waiting(since: Mapping[int, datetime], partition: int, now: datetime) -> float:
    moment = since.get(partition)
    return 0.0 if moment is None else max(0.0, (now - moment).total_seconds())
