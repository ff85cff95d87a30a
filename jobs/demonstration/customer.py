"""One customer's row before and after a support call, and after a longer contract."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from jobs.launcher.kafka_options import client_options
from jobs.launcher.run import Run
from jobs.wiring.from_settings import hbase_store
from scenarios.churn.story import longer_contract, support_call
from stores.hbase.predictions import Prediction, PredictionReader, reader
from stores.kafka.producer import open_producer, send

_READABLE_SECONDS = 30.0


@dataclass
class CustomerStory:
    """Finds a customer at risk and shows what events do to the row."""

    run: Run

    def show(self) -> None:
        """Publish two events of the customer and print the row after each."""
        settings = self.run.settings
        sending = open_producer(
            client_options(settings.kafka),
            max_event_bytes=settings.stream.max_event_bytes,
            linger_ms=0,
        )
        with sending as producer, reader(hbase_store(settings), self.run.scenario.name) as rows:
            before = _at_risk(rows)
            if before is None:
                self.run.console.print("no customer is at risk: nothing to show")
                return
            steps: list[tuple[str, Prediction]] = [("before", before)]
            for words, make in (
                ("after a support call", support_call),
                ("after a two-year contract", longer_contract),
            ):
                record = make(before.entity, now=datetime.now(UTC))
                began = time.time()
                prediction = self._published(producer, rows, record)
                milliseconds = (time.time() - began) * 1000
                steps.append((f"{words}\n(readable after {milliseconds:.0f} ms)", prediction))
        self.run.console.print(_table(steps))

    def _published(self, producer: Any, rows: PredictionReader, record: Any) -> Prediction:
        topic = self.run.scenario.topic(record.topic_kind)
        offset = send(producer, topic, key=record.key, value=record.value).get(10.0).offset
        deadline = time.monotonic() + _READABLE_SECONDS
        while time.monotonic() < deadline:
            prediction = rows.latest(record.key.decode())
            if prediction is not None and prediction.source.offset >= offset:
                return prediction
            time.sleep(0.005)
        raise TimeoutError(f"the row of {record.key.decode()} did not change in 30 s")


def _at_risk(rows: PredictionReader) -> Prediction | None:
    """The highest score among those who have not called lately and do get actions."""
    fresh = [p for p in rows.scan(band="high") if p.action == "offer a longer contract"]
    return max(fresh, key=lambda prediction: (prediction.score, prediction.entity), default=None)


def _table(steps: Sequence[tuple[str, Prediction]]) -> Table:
    table = Table(title=f"customer {steps[0][1].entity}, as a call centre reads it")
    table.add_column("")
    for words, _ in steps:
        table.add_column(words)
    predictions = [prediction for _, prediction in steps]
    table.add_row("score", *(f"{prediction.score:.3f}" for prediction in predictions))
    table.add_row("band", *(prediction.band for prediction in predictions))
    table.add_row("next action", *(prediction.action for prediction in predictions))
    table.add_row(
        "for review", *("yes" if prediction.review else "no" for prediction in predictions)
    )
    reasons = ("\n".join(f"{r.text} ({r.direction})" for r in p.reasons) for p in predictions)
    table.add_row("reasons", *reasons)
    table.add_row("event", *(f"offset {prediction.source.offset:,}" for prediction in predictions))
    return table
