"""A what-if reads the features of second entities that the stream's pass reads."""

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from models.card import ModelCard
from models.scoring_model import ScoringModel
from serving.scoring.errors import EntityMissing
from stores.hbase.connection import HBaseStore
from stores.records.deployments import Deployment, ModelPointer
from streaming.passes.batches import Batch
from streaming.passes.settings import PassSettings
from streaming.scoring.models_in_use import InUse
from streaming.scoring.scoring_pass import ScoringPass
from streaming.scoring.second_entities import SecondEntityReader
from tests.scenarios.shops import SCENARIO
from tests.support.shop_events import payment, records, verdict
from tests.support.tiny_archive import MemoryTable, OneModel
from tests.support.tiny_pass import RowTable
from tests.support.tiny_scoring import score_now
from tests.unit.streaming.scoring.test_second_entities import states_after

NOW_MS = 1_800_000_000_000


class WeightedSum:
    """A predictor that every feature moves."""

    def scores(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Logistic sum; a missing value counts as -1."""
        weights = np.linspace(0.01, 0.3, features.shape[1])
        known = np.where(np.isnan(features), -1.0, features)
        sums: npt.NDArray[np.float64] = 1.0 / (1.0 + np.exp(-(known * weights).sum(axis=1) / 5))
        return sums


def shops_in_use() -> InUse:
    names = SCENARIO.feature_names
    card = ModelCard(
        scenario="shops",
        feature_names=names,
        definitions_digest=SCENARIO.definitions_digest,
        seed=1,
        training_counts={},
        metrics={},
        thresholds=SCENARIO.policy.thresholds(),
        base_rate=0.1,
        created_at="2026-01-01T00:00:00+00:00",
    )
    model = ScoringModel(
        name="everscore-shops",
        version="1",
        card=card,
        predictor=WeightedSum(),
        explainer=None,
        columns=np.arange(len(names)),
    )
    deployment = Deployment(
        scenario="shops",
        champion=ModelPointer(name=model.name, version="1", artifact_uri="", sha256=""),
        thresholds=SCENARIO.policy.thresholds(),
        policy_version=SCENARIO.policy.version,
        deployed_at="2026-01-01T00:00:00+00:00",
        deployed_by="test",
    )
    return InUse(deployment, model, None)


def scored_by_pass(
    use: InUse, table: RowTable, shops: MemoryTable, pairs: Any, *, first: int
) -> list[dict[str, Any]]:
    settings = PassSettings(
        scenario="shops",
        module="tests.scenarios.shops",
        store=HBaseStore("nowhere", 1),
        epoch=1,
        first_offsets={0: 0},
        max_event_bytes=10_000,
        max_future_skew_seconds=300,
        retry_seconds=0,
    )
    models: Any = OneModel(use)
    second = SecondEntityReader(SCENARIO, [shops])
    scoring = ScoringPass(settings, SCENARIO, table, models, second)
    messages = scoring.process(Batch(records(pairs, first=first), 0)).to_pylist()
    return [
        msgspec.json.decode(message["value"])
        for message in messages
        if message["topic"] == "shops.predictions"
    ]


def copied(table: RowTable) -> RowTable:
    return RowTable(
        states={entity: list(cells) for entity, cells in table.states.items()},
        markers={partition: list(markers) for partition, markers in table.markers.items()},
    )


def test_a_what_if_reads_the_shop_that_its_event_names() -> None:
    paid = [payment(1, shop=5, hour=1, amount_eur=10), payment(8, shop=6, hour=3, amount_eur=90)]
    shops = states_after(paid, [verdict(1, shop=5, hour=5, said="fraud")])
    use, table = shops_in_use(), RowTable()
    scored_by_pass(use, table, shops, paid, first=0)
    scorer = score_now(use, table, scenario=SCENARIO, second=[shops])
    scores = []
    for offset, shop in enumerate([5, 6, 77, None]):
        key, value = payment(15, shop=shop, hour=20 + offset / 100, amount_eur=40)
        assert key is not None
        assert value is not None
        (what_if,) = scorer.what_if(key.decode(), [value], NOW_MS)
        (message,) = scored_by_pass(use, copied(table), shops, [(key, value)], first=2)
        assert what_if.score == message["score"]
        scores.append(what_if.score)
    assert len(set(scores)) == 3  # an unknown shop is as good as none


def test_a_state_alone_does_not_name_its_second_entity() -> None:
    scorer = score_now(shops_in_use(), RowTable(), scenario=SCENARIO, second=[MemoryTable()])
    with pytest.raises(EntityMissing, match="shop"):
        scorer.judged("c1", [], NOW_MS)
