"""Finding the prediction that an auditor asks for, and its source event."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pyspark.sql import functions as F

from batch.proofs.audits.archive import ArchivedRow, AuditArchive
from batch.proofs.audits.errors import (
    EntityUnknown,
    EventRefused,
    EventSuppressed,
    NoSuchPrediction,
)
from batch.proofs.recompute.logged import (
    LoggedPrediction,
    LoggedSuppressed,
    Position,
    UnreadableMessage,
    decoded,
    position_of,
    without_experiment,
)

LoggedMessage = LoggedPrediction | LoggedSuppressed


@dataclass(frozen=True, kw_only=True)
class AuditedPrediction:
    """A logged prediction, its first message, and how many messages and contents its id has."""

    logged: LoggedPrediction
    message: ArchivedRow
    messages: int
    contents: int
    position: Position
    event: ArchivedRow


def by_id(archive: AuditArchive, prediction_id: str) -> AuditedPrediction:
    """The prediction of that id. Raises a `NothingToAudit` that says why there is none."""
    position = position_of(prediction_id, scenario=archive.place.scenario)
    event = archive.event_at(position.epoch, position.partition, position.offset)
    if event is None:
        raise NoSuchPrediction(
            f"{prediction_id} names an event that the archive does not have. {_reach(archive)}"
        )
    pairs = list(_decoded(archive.predictions_of(event.key))) if event.key is not None else []
    same = _of_id(pairs, prediction_id)
    if same:
        return _with_event(archive, same)
    raise _why_not(archive, prediction_id, position, event, [message for message, _ in pairs])


def by_time(archive: AuditArchive, entity: str, at: datetime) -> AuditedPrediction:
    """The prediction that the entity's row showed at `at`: the latest one scored by then.

    Raises `EntityUnknown` or `NoSuchPrediction`.
    """
    rows = archive.predictions_of(entity.encode())
    if not rows and not archive.events_of(entity.encode()):
        raise EntityUnknown(f"the archive has no event of {entity!r}. {_reach(archive)}")
    pairs = list(_decoded(rows))
    predictions = [(logged, row) for logged, row in pairs if isinstance(logged, LoggedPrediction)]
    shown = [(logged, row) for logged, row in predictions if logged.scored_at <= at]
    if not shown:
        first = min((logged.scored_at for logged, _ in predictions), default=None)
        when = "it has none" if first is None else f"its first is of {_utc(first)}"
        raise NoSuchPrediction(
            f"there is no prediction of {entity!r} at {_utc(at)}: {when}. {_reach(archive)}"
        )
    scenario = archive.place.scenario
    newest = max(shown, key=lambda pair: (_order(pair[0], scenario), pair[1].kafka_time))[0]
    return _with_event(archive, _of_id(pairs, newest.prediction_id))


def at_random(archive: AuditArchive, count: int, *, seed: int) -> list[str]:
    """Ids of `count` predictions, selected by a hash of id and seed: the same ones every time."""
    text = F.col("value").cast("string")
    ids = archive.table("predictions").select(
        F.get_json_object(text, "$.prediction_id").alias("id")
    )
    different = ids.where(F.col("id").isNotNull()).distinct()
    rows = different.orderBy(F.xxhash64("id", F.lit(seed)), "id").limit(count).collect()
    return [row["id"] for row in rows]


def _decoded(rows: Sequence[ArchivedRow]) -> Iterator[tuple[LoggedMessage, ArchivedRow]]:
    for row in rows:
        try:
            yield decoded(row.value), row
        except UnreadableMessage:  # check_parity counts these
            continue


def _of_id(
    pairs: Sequence[tuple[LoggedMessage, ArchivedRow]], prediction_id: str
) -> list[tuple[LoggedPrediction, ArchivedRow]]:
    predictions = [(logged, row) for logged, row in pairs if isinstance(logged, LoggedPrediction)]
    return [(logged, row) for logged, row in predictions if logged.prediction_id == prediction_id]


def _with_event(
    archive: AuditArchive, same: Sequence[tuple[LoggedPrediction, ArchivedRow]]
) -> AuditedPrediction:
    logged, message = same[0]
    position = position_of(logged.prediction_id, scenario=archive.place.scenario)
    event = archive.event_at(position.epoch, position.partition, position.offset)
    if event is None:
        raise NoSuchPrediction(
            f"{logged.prediction_id} is in the archive, its event is not. {_reach(archive)}"
        )
    return AuditedPrediction(
        logged=logged,
        message=message,
        messages=len(same),
        contents=len({without_experiment(row.value or b"") for _, row in same}),
        position=position,
        event=event,
    )


def _why_not(
    archive: AuditArchive,
    prediction_id: str,
    position: Position,
    event: ArchivedRow,
    messages: Sequence[LoggedMessage],
) -> Exception:
    where = f"partition {event.partition} offset {event.offset}"
    here = [
        message
        for message in messages
        if (message.source.partition, message.source.offset)
        == (position.partition, position.offset)
        and archive.is_of_topic(_epoch(message, archive), event)
    ]
    for message in here:
        if isinstance(message, LoggedSuppressed):
            waits = message.suppressed.removeprefix("awaiting_")
            return EventSuppressed(
                f"the event at {where} gave no prediction: {message.entity!r} had no value of the "
                f"required feature {waits!r} yet. The event was counted in its state all the same"
            )
    for letter in archive.dead_letters_of(event):
        code, why = letter.headers.get("reason_code", ""), letter.headers.get("reason", "")
        return EventRefused(f"the event at {where} was refused as a dead letter: {code}: {why}")
    others = [message.prediction_id for message in here if isinstance(message, LoggedPrediction)]
    others_text = f"Of this event it has {others}. " if others else ""
    return NoSuchPrediction(
        f"the archive has no prediction {prediction_id}. {others_text}{_reach(archive)}"
    )


def _epoch(message: LoggedMessage, archive: AuditArchive) -> int:
    if isinstance(message, LoggedSuppressed):
        return message.epoch
    return position_of(message.prediction_id, scenario=archive.place.scenario).epoch


def _order(logged: LoggedPrediction, scenario: str) -> tuple[int, int, int]:
    position = position_of(logged.prediction_id, scenario=scenario)
    return position.epoch, position.partition, position.offset


def _reach(archive: AuditArchive) -> str:
    """How far the archive reaches, and what to do when that is not far enough."""
    newest = archive.newest_times()
    ends = ", ".join(
        f"{kind} up to {'none' if at is None else _utc(at)}" for kind, at in newest.items()
    )
    remedy = f"./spark-submit.sh archive_stream --scenario {archive.place.scenario} --once"
    return f"The archive has {ends}; what is newer comes with {remedy}"


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
