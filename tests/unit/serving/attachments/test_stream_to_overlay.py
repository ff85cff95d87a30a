"""From the stream's messages to an overlay: the version gives exactly the logged score again."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import msgspec
import pytest

from models.formats.artifact import load_artifact
from models.scoring_model import ScoringModel
from scenarios.contract.review.plan import ReviewPlan
from serving.attachments.desk import AttachmentDesk
from serving.attachments.overlays import NOTHING, Overlays, OverlayUnavailable
from serving.attachments.stored_files import StoredFiles
from serving.review_queue.messages import CaseRecord, case_of, refused_case
from serving.review_queue.rules import QueueRules
from serving.sessions import SessionPool
from stores.records.review_cases import RANDOM, ReviewCase
from streaming.scoring.models_in_use import InUse, ModelsInUse
from streaming.scoring.scoring_pass import ScoringPass
from streaming.scoring.second_entities import SecondEntityReader
from tests.scenarios import leaves
from tests.support.attachments import MemoryAttachmentStore, attachments_in_memory
from tests.support.leaf_model import (
    LeafPasses,
    leaf,
    leaf_batch,
    leaf_deployment,
    save_leaf_model,
)
from tests.support.pictures import data_url, file_of, levels
from tests.support.tiny_archive import OneModel
from tests.support.tiny_pass import RowTable

PLAN = ReviewPlan(random_share=1.0, reviews_refused=True)
SCENARIO = replace(leaves.SCENARIO, review=PLAN)
RULES = QueueRules(plan=PLAN)
BLANK = data_url(file_of(levels(16) * 0))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ScoringModel:
    """Trained trees, as a worker loads them."""
    pointer = save_leaf_model(tmp_path_factory.mktemp("leaf-model") / "1")
    return load_artifact(
        Path(pointer.artifact_uri),
        name=pointer.name,
        version=pointer.version,
        sha256=pointer.sha256,
        available_features=SCENARIO.feature_names,
    )


def test_what_the_stream_logs_is_enough_for_the_same_score_and_its_map(
    model: ScoringModel, tmp_path: Path
) -> None:
    store = MemoryAttachmentStore()
    pointer = save_leaf_model(tmp_path / "1")
    models = cast(ModelsInUse, OneModel(InUse(leaf_deployment(pointer), model, None, None)))
    scoring = ScoringPass(
        LeafPasses(pointer).settings,
        SCENARIO,
        RowTable(),
        models,
        SecondEntityReader(SCENARIO, []),
        attachments=attachments_in_memory(store),
    )
    pictures = [(f"plant {seed % 2}", leaf(seed, 64)) for seed in range(6)]
    messages = scoring.process(leaf_batch(0, [*pictures, ("plant 1", BLANK)])).to_pylist()

    files = StoredFiles(SessionPool(store), "leaves")
    overlays = Overlays(SCENARIO, lambda version: model, files)
    desk = AttachmentDesk(SCENARIO, files, overlays)
    records = [row for row in messages if row["topic"] == "leaves.review"]
    cases = [case_of(CaseRecord(row["value"], 0), "leaves", RULES) for row in records]
    assert len(cases) == len(pictures)
    logged = {
        document["prediction_id"]: document["features"]
        for row in messages
        if row["topic"] == "leaves.predictions"
        for document in [msgspec.json.decode(row["value"])]
    }
    outcomes = []
    for case in cases:
        assert case is not None
        assert case.sent.because == (RANDOM,)
        assert list(case.features) == logged[case.id]
        outcomes.append(outcome(overlays, case))
    assert set(outcomes) <= {NOTHING, "map"}
    assert "map" in outcomes

    (letter,) = (row for row in messages if row["topic"] == "leaves.dead-letter")
    headers = tuple((header["key"], header["value"]) for header in letter["headers"])
    refused = refused_case(
        CaseRecord(letter["value"], 0, letter["key"], headers), "leaves", RULES, desk.shown
    )
    assert refused is not None
    assert refused.refused is not None
    assert refused.id == "leaves-1-0-6-refused"
    assert (refused.entity, refused.refused.reason_code) == ("plant 1", "attachment_blank")
    assert refused.attachments == {"leaf": BLANK}


def outcome(overlays: Overlays, case: ReviewCase) -> str:
    """ "map", or why there is none."""
    try:
        assert overlays.of(case, "leaf").startswith(b"\x89PNG")
    except OverlayUnavailable as error:
        return error.cause
    return "map"
