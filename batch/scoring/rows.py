"""A run's row documents: what `p:latest` says of every scored entity, with reasons."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import DataFrame

from batch.scoring.run_tables import RunTables
from batch.scoring.scorer import ScoredStates, StateScorer
from scenarios.contract.judge import valid_ms
from stores.delta.tables import write_new_table
from stores.hbase.predictions import Model, Prediction, Source, row_document, utc
from stores.hbase.stamps import epoch_of, offset_of

ROW_COLUMNS = "entity string, position bigint, document binary"
_ARROW = pa.schema([("entity", pa.string()), ("position", pa.int64()), ("document", pa.binary())])


@dataclass(frozen=True, kw_only=True)
class RowTask:
    """Scores, explains and words the states of one Spark task.

    scored_at_ms: the run's own time, UTC epoch ms.
    """

    scorer: StateScorer
    run: str
    scored_at_ms: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Columns entity, position, cell to entity, position, document of those judged."""
        for batch in batches:
            scored_states = self.scorer.scored(batch).judged
            documents = [row_document(prediction) for prediction in self.predictions(scored_states)]
            columns = [
                scored_states.batch.column("entity"),
                scored_states.batch.column("position"),
                pa.array(documents, pa.binary()),
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=_ARROW)

    def predictions(self, scored_states: ScoredStates) -> Iterator[Prediction]:
        """One prediction per entity, in order.

        The id is that of the run and of the last event in the state, so a repeat gives the same
        bytes. A state does not store the time of that event: `event_time` is the latest event time.
        """
        scenario, verdicts = self.scorer.scenario, scored_states.verdicts
        decisions = verdicts.decisions
        bands = [band.name for band in scenario.policy.bands]
        actions = scenario.policy.actions
        model = Model(self.scorer.model.name, self.scorer.model.version)
        scored_at = utc(self.scored_at_ms)
        valid_until = utc(self.scored_at_ms + valid_ms(scenario))
        topic, reasons = scenario.topic("events"), verdicts.reasons
        stage, second = scenario.policy.second_stage, verdicts.second
        columns = zip(
            scored_states.entities,
            verdicts.scores.tolist(),
            decisions.bands.tolist(),
            decisions.actions.tolist(),
            decisions.review.tolist(),
            verdicts.control.tolist(),
            scored_states.states.latest_ms.tolist(),
            scored_states.as_of_ms.tolist(),
            scored_states.states.partition.tolist(),
            scored_states.states.last_stamp.tolist(),
            strict=True,
        )
        for row, case in enumerate(columns):
            entity, score, band, action, review, control, event_ms, as_of_ms, part, stamp = case
            where = f"{epoch_of(stamp)}-{part}-{offset_of(stamp)}"
            yield Prediction(
                prediction_id=f"{scenario.name}-batch-{self.run}-{where}-v{model.version}",
                entity=entity,
                score=score,
                band=bands[band],
                reasons=reasons.get(row, []),
                action=actions[action],
                review=review,
                control_group=control,
                scored_at=scored_at,
                event_time=utc(event_ms),
                features_as_of=utc(as_of_ms),
                valid_until=valid_until,
                model=model,
                source=Source(topic, part, offset_of(stamp)),
                second_stage=second.finding(row, stage) if stage and second else None,
            )


def rows_of(states: DataFrame, task: RowTask) -> DataFrame:
    """entity, position and row document of every scorable entity of `states`, in their order."""
    return states.select("entity", "position", "cell").mapInArrow(task, ROW_COLUMNS)


def write_rows(rows: DataFrame, tables: RunTables, *, note: str) -> None:
    """Write `rows` as the run's own table; raises `TableExists`."""
    write_new_table(rows, tables.rows, place=tables.place, note=note)
