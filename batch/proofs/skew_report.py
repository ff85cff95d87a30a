"""The skew of second entities' features in figures, as a table and as JSON."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F
from rich.console import Console
from rich.table import Column, Table

from reports.files import write_bytes

QUANTILES = (0.5, 0.9, 0.99)


class FeatureSkew(msgspec.Struct, frozen=True, kw_only=True):
    """One feature over `rows` predictions.

    share_equal: to the bit, both missing counts as equal; one_missing: only one side had a value;
    of |logged - offline| where both have one: mean, largest, and quantiles by name ("p50").
    """

    feature: str
    rows: int
    share_equal: float
    one_missing: int
    mean_difference: float | None
    largest_difference: float | None
    quantiles: dict[str, float | None]


class EntitySkew(msgspec.Struct, frozen=True, kw_only=True):
    """All features of one second entity."""

    entity: str
    rows: int
    features: list[FeatureSkew]


class SkewReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, and when (UTC)."""

    scenario: str
    made_at: str
    day: str | None
    entities: list[EntitySkew]


def entity_skew(rows: DataFrame, *, entity: str, feature_names: Sequence[str]) -> EntitySkew:
    """Add up the rows of `skew_rows`."""
    zipped = F.arrays_zip("equal", "missing", "distance")
    values = rows.select(F.posexplode(zipped).alias("feature", "compared"))
    distance = F.when(F.col("compared.missing") == 0.0, F.col("compared.distance"))
    figures = values.groupBy("feature").agg(
        F.count("*").alias("rows"),
        F.avg("compared.equal").alias("equal"),
        F.sum("compared.missing").alias("missing"),
        F.avg(distance).alias("mean"),
        F.max(distance).alias("largest"),
        F.percentile_approx(distance, list(QUANTILES), 10_000).alias("quantiles"),
    )
    sums = figures.orderBy("feature").collect()
    features = [_feature_skew(feature_names[row["feature"]], row) for row in sums]
    most = max((feature.rows for feature in features), default=0)
    return EntitySkew(entity=entity, rows=most, features=features)


def _feature_skew(name: str, row: Row) -> FeatureSkew:
    quantiles = row["quantiles"] or [None] * len(QUANTILES)
    return FeatureSkew(
        feature=name,
        rows=row["rows"],
        share_equal=row["equal"],
        one_missing=int(row["missing"]),
        mean_difference=row["mean"],
        largest_difference=row["largest"],
        quantiles=dict(zip(_quantile_names(), quantiles, strict=True)),
    )


def _quantile_names() -> list[str]:
    return [f"p{quantile * 100:g}" for quantile in QUANTILES]


def write_skew(report: SkewReport, folder: Path) -> Path:
    """The report as `second-entity-skew.json` in `folder`, which is created when missing."""
    document = msgspec.json.format(msgspec.json.encode(report), indent=2)
    return write_bytes(folder / "second-entity-skew.json", document)


def show_skew(report: SkewReport, console: Console) -> None:
    """One table per second entity; says so when there was nothing to compare."""
    for entity in report.entities:
        names = _quantile_names()
        heads = ("rows", "equal", "one missing", "mean", *names, "largest")
        table = Table(
            Column("feature", overflow="fold"), *heads, title=f"{entity.entity}: |logged - offline|"
        )
        for feature in entity.features:
            figures = (
                feature.mean_difference,
                *feature.quantiles.values(),
                feature.largest_difference,
            )
            shown = ("" if n is None else f"{n:.4g}" for n in figures)
            counts = (f"{feature.rows:,}", f"{feature.share_equal:.2%}", f"{feature.one_missing:,}")
            table.add_row(feature.feature, *counts, *shown)
        console.print(table)
        if not entity.rows:
            console.print(
                f"{entity.entity}: no archived prediction to compare; score_stream and "
                "archive_stream must have run, with today's features"
            )
