"""A prediction as a person reads it in a terminal."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.panel import Panel
from rich.table import Table

from reports.terminal import plain
from stores.hbase.predictions import Prediction

_ARROWS = {"raises": "▲ raises", "lowers": "▼ lowers"}


def prediction_panel(
    prediction: Prediction,
    *,
    now: datetime,
    stale_because: Sequence[str] = (),
    title: str | None = None,
) -> Panel:
    """`prediction` with its age at `now`; times in the zone of this machine.

    stale_because: why it should not be acted upon; nothing when it is fresh.
    """
    table = Table.grid(padding=(0, 2))
    for number, cause in enumerate(stale_because):
        table.add_row("STALE" if number == 0 else "", cause, style="bold red")
    table.add_row("score", f"{prediction.score:.3f}   band {prediction.band}")
    if prediction.second_stage is not None:
        table.add_row(plain(prediction.second_stage.name), plain(prediction.second_stage.words))
    table.add_row("next action", plain(prediction.action))
    for number, reason in enumerate(prediction.reasons):
        words = f"{_ARROWS[reason.direction]} the score: {reason.text}"
        table.add_row("reasons" if number == 0 else "", plain(words))
    if prediction.review or prediction.control_group:
        flags = ["for review"] * prediction.review + ["control group"] * prediction.control_group
        table.add_row("flags", ", ".join(flags))
    table.add_row("as of", f"{_local(prediction.features_as_of)}, {_age(prediction, now)} ago")
    table.add_row("valid until", _local(prediction.valid_until))
    source = prediction.source
    where = f"{source.topic}-{source.partition} offset {source.offset}"
    table.add_row("made by", f"{prediction.model.name} version {prediction.model.version}")
    table.add_row("from event", where)
    table.add_row("prediction", prediction.prediction_id)
    return Panel(table, title=plain(title or prediction.entity), expand=False)


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def _age(prediction: Prediction, now: datetime) -> str:
    age = timedelta(seconds=prediction.age_seconds(now))
    if age < timedelta(minutes=2):
        return f"{age.total_seconds():.0f} s"
    if age < timedelta(days=2):
        return f"{age.total_seconds() / 3600:.1f} h"
    return f"{age.days} days"
