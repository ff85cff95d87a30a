"""Training rows of customers that were acted on: an action changes what the label would have been.

A customer who got an offer and stayed teaches a model that such customers stay. Each snapshot
follows one of four rules:

keep      all rows, as if nobody had been acted on; how many were is counted
refuse    without the rows that were acted on between the features and the label
control   of the control group alone, whom nobody acts on, whatever their score
weight    in bands that ask for an action only rows of the control group are used, and each counts
          1 / control share, for all such customers (inverse propensity, Horvitz and Thompson,
          1952); rows in other bands, where both groups are treated alike, count 1. The band is
          that of the logged prediction; without one there was no action to ask for
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType

from batch.proofs.recompute.incarnations import Incarnations, incarnations
from batch.proofs.recompute.logged_frame import PREDICTION, logged_rows
from batch.records.archived import archived_table
from batch.records.limits import EventLimits
from batch.records.posted_outcomes import KIND, posted_outcomes
from batch.records.scored_positions import scored_position
from batch.training_sets.rows import WEIGHT
from scenarios.contract.policy import Policy
from scenarios.contract.scenario import Scenario
from scenarios.contract.shares import is_in_share
from stores.delta.tables import DeltaPlace, is_table

ActedOn = Literal["keep", "refuse", "control", "weight"]
RULES: tuple[ActedOn, ...] = get_args(ActedOn)
_ROW = ("entity", "label_time_ms", "topic_id", "partition", "offset")
_POSITION = ("topic_id", "partition", "offset")


class UnknownRule(ValueError):
    """There is no such rule for rows of customers that were acted on."""

    exit_code = 2


class NoControlGroup(ValueError):
    """The rule needs a control group, and the scenario's policy declares none."""

    exit_code = 2


def rule_named(name: str | None) -> ActedOn | None:
    """One of `RULES`; None where `name` is empty. Raises `UnknownRule`."""
    for rule in RULES:
        if rule == name:
            return rule
    if name:
        raise UnknownRule(f"there is no rule {name!r} for acted-on rows: {', '.join(RULES)}")
    return None


@dataclass(frozen=True)
class Acts:
    """What was posted about predictions by `as_of_ms` (UTC epoch ms), in the archive of `place`."""

    spark: SparkSession
    place: DeltaPlace
    as_of_ms: int

    @cached_property
    def exist(self) -> bool:
        """Whether any outcome has been archived by then."""
        if not is_table(self.spark, self.place.path(KIND)):
            return False
        rows = archived_table(self.spark, self.place, KIND)
        return not rows.where(F.unix_millis("kafka_time") <= self.as_of_ms).isEmpty()

    def rule(self, scenario: Scenario, declared: ActedOn | None) -> ActedOn:
        """The declared rule; without one `refuse` where there are outcomes and a control group.

        Raises `NoControlGroup`.
        """
        has_control = scenario.policy.control_share > 0.0
        if declared in ("control", "weight") and not has_control:
            raise NoControlGroup(
                f"the policy of {scenario.name} has no control group: rule {declared!r} has no "
                "rows to learn from; use keep or refuse"
            )
        return declared or ("refuse" if has_control and self.exist else "keep")

    def applied(
        self, rows: DataFrame, scenario: Scenario, limits: EventLimits, *, rule: ActedOn
    ) -> tuple[DataFrame, Mapping[str, int]]:
        """`rows` of `rows_as_of_outcomes` by the rule (cached in Spark), and what was counted.

        Rows and counts are unchanged when nothing was posted and the rule is keep or refuse.
        """
        if not self.exist and rule in ("keep", "refuse"):
            return rows, {}
        topics = incarnations(archived_table(self.spark, self.place, "events"))
        placed = rows.withColumn("topic_id", topics.column(F.col("epoch")))
        acted_on = self._acted_on(placed, scenario, limits, topics)
        marked = placed.join(acted_on, on=list(_ROW), how="left").persist()
        is_acted_on = F.coalesce(F.col("is_acted_on"), F.lit(False))
        is_control = _in_control_group(scenario)
        counts = {
            "rows_acted_on": marked.where(is_acted_on).count(),
            "rows_of_control_group": marked.where(is_control).count(),
        }
        if rule == "refuse":
            marked = marked.where(~is_acted_on)
        elif rule == "control":
            marked = marked.where(~is_acted_on & is_control)
        elif rule == "weight":
            asks = F.coalesce(F.col("asks_for_action"), F.lit(False))
            in_bands = marked.join(self._bands(scenario, topics), on=list(_POSITION), how="left")
            represents = F.when(asks, 1.0 / scenario.policy.control_share).otherwise(1.0)
            usable = ~is_acted_on & (~asks | is_control)
            marked = in_bands.where(usable).withColumn(WEIGHT, represents)
        weight = [WEIGHT] if rule == "weight" else []
        left = marked.select(*rows.columns, *weight).persist()
        counts["rows_left_out_as_acted_on"] = rows.count() - left.count()
        return left, counts

    def _acted_on(
        self, rows: DataFrame, scenario: Scenario, limits: EventLimits, topics: Incarnations
    ) -> DataFrame:
        """The keys of rows that were acted on, with is_acted_on.

        Of an entity's rows those with an outcome of the entity after the features' time and up to
        the label's; of an event's those whose prediction has an outcome. Whatever its status: who
        refused an offer had one.
        """
        posted = posted_outcomes(self.spark, self.place, limits, until_ms=self.as_of_ms)
        valid = posted.where(F.col("refusal").isNull())
        if scenario.label.of_event is None:
            acts = valid.select("entity", "acted_ms")
            between = (F.col("acted_ms") > F.col("features_as_of_ms")) & (
                F.col("acted_ms") <= F.col("label_time_ms")
            )
            pairs = rows.join(acts, on="entity", how="inner").where(between)
        else:
            acts = _positions(valid, scenario, topics).select("entity", *_POSITION)
            pairs = rows.join(acts, on=["entity", *_POSITION], how="inner")
        return pairs.select(*_ROW).distinct().withColumn("is_acted_on", F.lit(True))

    def _bands(self, scenario: Scenario, topics: Incarnations) -> DataFrame:
        """Position and asks_for_action of every logged prediction, of repeats the first."""
        messages = archived_table(self.spark, self.place, "predictions")
        messages = messages.where(F.unix_millis("kafka_time") <= self.as_of_ms)
        logged = logged_rows(messages, scenario=scenario.name, topic=scenario.topic("events"))
        bands = F.col("band").isin(*bands_that_ask(scenario.policy))
        placed = logged.where(F.col("kind") == PREDICTION).select(
            topics.column(F.col("epoch")).alias("topic_id"),
            "partition",
            "offset",
            "logged_at",
            bands.alias("asks"),
        )
        first = F.min_by("asks", "logged_at").alias("asks_for_action")
        return placed.groupBy(*_POSITION).agg(first)


def bands_that_ask(policy: Policy) -> list[str]:
    """The bands in which a rule may ask for another action than the control group's."""
    asked = {
        band for rule in policy.rules if rule.action != policy.control_action for band in rule.bands
    }
    return [band.name for band in policy.bands if band.name in asked]


def _positions(posted: DataFrame, scenario: Scenario, topics: Incarnations) -> DataFrame:
    """`posted` with the position of the event in its prediction's id; others have none."""
    epoch, partition, offset = scored_position(scenario.name)
    return posted.select(
        "entity",
        topics.column(epoch).alias("topic_id"),
        partition.alias("partition"),
        offset.alias("offset"),
    )


def _in_control_group(scenario: Scenario) -> Column:
    share, salt = scenario.policy.control_share, f"{scenario.name}:control"

    def in_group(entity: str) -> bool:
        return is_in_share(entity, share, salt=salt)

    return F.udf(in_group, BooleanType(), useArrow=False)("entity")
