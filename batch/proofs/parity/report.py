"""The result of a parity check, for people, machines and the exit code."""

import math
from collections.abc import Mapping
from datetime import date, datetime

import msgspec
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from rich.console import Console
from rich.table import Table

from batch.proofs.parity.compare import (
    CONFLICT,
    FIELD,
    FIELDS,
    MESSAGES,
    NO_MODEL,
    POLICY_CHANGED,
    REPEATS,
)
from batch.proofs.parity.rows import (
    AWAITED,
    COMPARED,
    OTHER_DEFINITIONS,
    REFUSED,
    STATE_FAULTS,
    SUPPRESSED_RIGHTLY,
    UNJUDGED,
)
from batch.proofs.parity.tally import COLUMN, COUNT, FAULT
from scenarios.contract.scenario import Scenario


class ComparedColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A feature, or a field of the prediction (`prediction.NAME`): how many values agree.

    missing: one side has a value, the other has none; largest_difference: where both have one.
    """

    name: str
    equal: int
    different: int
    missing: int
    largest_difference: float


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One place where something is wrong; values as texts with all their digits."""

    fault: str
    prediction_id: str | None
    entity: str | None
    epoch: int | None
    partition: int | None
    offset: int | None
    logged: str | None
    recomputed: str | None

    @property
    def sentence(self) -> str:
        """The fault in a line."""
        where = f"epoch {self.epoch} partition {self.partition} offset {self.offset}"
        values = f": logged {self.logged}, recomputed {self.recomputed}" if self.logged else ""
        return f"{where} entity {self.entity}: {self.fault}{values}"


class ParityReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a check; `counts` are rows by what they are, `faults` the first places."""

    scenario: str
    checked_at: str
    day: str | None
    share: float
    definitions: str
    events_version: int
    predictions_version: int
    columns: list[ComparedColumn]
    counts: dict[str, int]
    faults: list[Fault]

    @property
    def compared(self) -> int:
        """How many predictions were compared."""
        return self.counts.get(COMPARED, 0)

    @property
    def problems(self) -> dict[str, int]:
        """Problems by name, with how often each was found."""
        numbers = {column.name: column.different + column.missing for column in self.columns}
        numbers |= {name: self.counts.get(name, 0) for name in (*STATE_FAULTS, CONFLICT)}
        numbers |= {name: n for name, n in self.counts.items() if name.startswith(NO_MODEL)}
        return {name: number for name, number in numbers.items() if number}

    @property
    def is_proof(self) -> bool:
        """Whether every prediction that can be compared came out equal, and there was one."""
        return not self.problems and self.compared > 0


def report_of(
    tallies: DataFrame,
    scenario: Scenario,
    *,
    checked_at: datetime,
    day: date | None,
    share: float,
    most_faults: int,
    versions: tuple[int, int],
) -> ParityReport:
    """Add up the rows of `CompareTask`; `versions` are those of the events and predictions."""
    sums = tallies.groupBy("what", "name").agg(
        *(F.sum(name).alias(name) for name in ("equal", "different", "missing")),
        F.max("worst").alias("worst"),
    )
    rows = sums.where(F.col("what") != FAULT).collect()
    fields = {row["name"]: row for row in rows if row["what"] == COLUMN}
    order = [*(f"{FIELD}{name}" for name in FIELDS), *scenario.plan.feature_names]
    return ParityReport(
        scenario=scenario.name,
        checked_at=checked_at.isoformat(timespec="seconds"),
        day=None if day is None else day.isoformat(),
        share=share,
        definitions=scenario.definitions_digest,
        events_version=versions[0],
        predictions_version=versions[1],
        columns=[_column(fields[name].asDict()) for name in order if name in fields],
        counts={row["name"]: int(row["equal"]) for row in rows if row["what"] == COUNT},
        faults=_faults(tallies, most_faults),
    )


def _column(row: Mapping[str, float]) -> ComparedColumn:
    worst = row["worst"] or 0.0
    return ComparedColumn(
        name=str(row["name"]),
        equal=int(row["equal"]),
        different=int(row["different"]),
        missing=int(row["missing"]),
        largest_difference=float(worst) if math.isfinite(worst) else math.inf,
    )


def _faults(tallies: DataFrame, most: int) -> list[Fault]:
    columns = [name for name in Fault.__struct_fields__ if name != "fault"]
    faults = tallies.where(F.col("what") == FAULT).orderBy("epoch", "partition", "offset", "name")
    rows = faults.select(F.col("name").alias("fault"), *columns).limit(most).collect()
    return [Fault(**row.asDict()) for row in rows]


def show_parity(report: ParityReport, console: Console) -> None:
    """The table, the counts, the first faults and the verdict."""
    table = Table("feature", "equal", "different", "missing", "largest")
    for column in report.columns:
        figures = (f"{n:,}" for n in (column.equal, column.different, column.missing))
        worst = f"{column.largest_difference:.3g}" if column.different else ""
        style = "red" if column.different or column.missing else None
        table.add_row(column.name, *figures, worst, style=style)
    console.print(table)
    for line in _lines(report):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _lines(report: ParityReport) -> list[str]:
    """What a table cannot say, the verdict last."""
    counts = report.counts
    lines = [
        f"{counts.get(MESSAGES, 0):,} messages read, {counts.get(REPEATS, 0):,} of them equal "
        f"repeats; "
        f"{report.compared:,} predictions compared, {counts.get(SUPPRESSED_RIGHTLY, 0):,} "
        f"suppressed and {counts.get(REFUSED, 0):,} refused events as they should be"
    ]
    if unjudged := counts.get(UNJUDGED, 0):
        lines.append(f"{unjudged:,} could not be judged then (dead letters unscorable)")
    if waiting := counts.get(AWAITED, 0):
        lines.append(f"{waiting:,} events or predictions too new for the archive: not judged")
    if changed := counts.get(POLICY_CHANGED, 0):
        lines.append(f"{changed:,} decided by another policy than today's: decisions not compared")
    for name, number in sorted(counts.items()):
        if name.startswith(f"{OTHER_DEFINITIONS}: "):
            digest = name.removeprefix(f"{OTHER_DEFINITIONS}: ")
            lines.append(
                f"{number:,} made by feature definitions {digest}, this code has "
                f"{report.definitions}: not compared, check out the code of that time"
            )
    lines += [fault.sentence for fault in report.faults]
    return [*lines, verdict(report)]


def verdict(report: ParityReport) -> str:
    """The outcome in a sentence."""
    day = "all days" if report.day is None else report.day
    what = f"{report.compared:,} predictions of {report.share:.0%} of the entities, {day}"
    if report.problems:
        problems = ", ".join(f"{name} ({number:,})" for name, number in report.problems.items())
        return f"NOT equal: {problems}; {what}"
    if not report.compared:
        return f"nothing to compare: {what}; archive_stream must have run"
    features = sum(not column.name.startswith(FIELD) for column in report.columns)
    return f"equal to the last bit: {what}, {features} features each"
