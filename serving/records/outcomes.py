"""Outcomes that callers post: checked as the job post_outcome does, and on Kafka when answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from batch.publishing.outcome_posting import check_outcomes, completed, records_of
from scenarios.contract.records.outcomes import OutcomeDecoder
from scenarios.contract.scenario import Scenario
from stores.kafka.errors import KafkaDown
from stores.kafka.producer import send

_ACKNOWLEDGED_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class PostedOutcome:
    """An outcome that all in-sync replicas have: what was posted, and where it lies."""

    document: Mapping[str, Any]
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class OutcomePosting:
    """Posts outcomes of one scenario; threads may share it.

    producer   gives an open kafka-python producer; may raise `KafkaDown`
    """

    scenario: Scenario
    decoder: OutcomeDecoder
    producer: Callable[[], Any]

    def post(self, outcome: Mapping[str, Any], now: datetime) -> PostedOutcome:
        """Publish an outcome under its entity's key; the same call again publishes a second one.

        outcome: of `scenarios.contract.records.outcomes`; type and time may be left out.
        Raises `OutcomesRefused`, `KafkaDown`.
        """
        from kafka.errors import KafkaError

        document = completed(outcome, now=now)
        check_outcomes([(1, document)], self.decoder, scenario=self.scenario.name, now=now)
        (record,) = records_of([document])
        topic = self.scenario.topic(record.topic_kind)
        future = send(self.producer(), topic, key=record.key, value=record.value)
        try:
            place = future.get(timeout=_ACKNOWLEDGED_SECONDS)
        except KafkaError as error:
            raise KafkaDown(
                f"Kafka has not acknowledged the outcome ({type(error).__name__}): it may have "
                "arrived all the same"
            ) from error
        return PostedOutcome(
            document=document, topic=place.topic, partition=place.partition, offset=place.offset
        )
