"""Latest rows with their age, for jobs that show them; the stream's lag is asked for once."""

import msgspec

from jobs.launcher.run import Run
from jobs.launcher.services import ServiceDown, require_kafka
from jobs.wiring.streaming import kafka_cluster, store_session
from reports.terminal import visible_json
from stores.hbase.predictions import Prediction
from stores.kafka.errors import KafkaDown, TopicMissing
from streaming.position.staleness import Staleness, StreamLag, stream_lag


def lag_of(run: Run) -> StreamLag:
    """The lag of the run's stream; without Kafka rows are shown all the same, and a line says so.

    Then a row counts as stale only by its own `valid_until`.
    """
    limit = run.settings.stream.stale_after_seconds
    session = store_session(run.settings)
    try:
        require_kafka(run.settings.kafka)
        kafka = kafka_cluster(run.settings)
        return stream_lag(run.scenario, kafka, session, limit_seconds=limit)
    except (ServiceDown, KafkaDown, TopicMissing) as error:
        run.log(f"whether the stream is behind is not known: {error}")
        return StreamLag({}, limit)
    finally:
        session.close()


def row_json(prediction: Prediction, staleness: Staleness) -> str:
    """The stored document with `age_seconds`, `stale` and `stale_because`, on one line."""
    document = {
        **msgspec.to_builtins(prediction),
        "age_seconds": staleness.age_seconds,
        "stale": staleness.is_stale,
        "stale_because": staleness.reasons,
    }
    return visible_json(msgspec.json.encode(document).decode())
