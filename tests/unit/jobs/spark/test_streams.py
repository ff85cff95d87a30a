"""How many task slots the Spark of score_stream has."""

from collections.abc import Mapping

import pytest

from conf.settings import Settings, load_settings
from jobs.spark.streams import for_scoring, session_options


def settings(*overrides: str) -> Settings:
    environ: Mapping[str, str] = {}
    return load_settings("local", overrides=overrides, environ=environ)


@pytest.mark.parametrize("partitions", [1, 8])
def test_on_one_machine_each_partition_has_a_slot_and_spark_one_more(partitions: int) -> None:
    real_time = for_scoring(settings("stream.mode=real-time"), partitions=partitions)
    assert real_time.spark.master == f"local[{partitions + 1}]"
    batches = for_scoring(settings(), partitions=partitions)
    assert batches.spark.master == settings().spark.master


def test_a_cluster_has_the_slots_that_it_has() -> None:
    overrides = ("stream.mode=real-time", "spark.master=yarn")
    assert for_scoring(settings(*overrides), partitions=4).spark.master == "yarn"


def test_the_bridge_travels_in_real_time_mode_only() -> None:
    assert session_options(settings())["real_time"] is False
    assert session_options(settings("stream.mode=real-time"))["real_time"] is True
