"""Messages built from columns are, byte for byte, msgspec's encoding of each prediction."""

import random
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import numpy as np
import pytest

from features.definitions import LastValue
from scenarios.contract.experiment import LoggedExperiment, OtherScore
from scenarios.contract.judge import Beside, Judges, Verdicts
from scenarios.contract.policy import Decisions
from stores.hbase.predictions import Model, Prediction, Reason, Source, row_document, utc
from streaming.messages.documents import Positions, log_basis, log_document, row_in
from streaming.messages.writer import MessageWriter
from streaming.scoring.models_in_use import InUse
from tests.scenarios.leaves import STAGE
from tests.scenarios.tiny import FEATURES as TINY_FEATURES
from tests.scenarios.tiny import SCENARIO

IDS = ["m1", 'Zoë "Z": 客户', "a\\b", "x" * 512, "\x01", "last"]
BASIS = log_basis("0123456789abcdef", "v1", {"ok": 0.0, "hot": 0.1 + 0.2})
FEATURES = len(SCENARIO.features)
WITH_SCORE = (
    *TINY_FEATURES,
    LastValue(name="score", on=("reading",), field="temperature_c"),
)
ODD = [0.0, -0.0, np.nan, 1.0, -1.5, 0.1 + 0.2, 1e-3, 9.99e-4, 1e9, 999999999.5, 1e22, 5e-324, 1e-7,
       123456.789, 123456789.123456, 1 / 3, 2.0**53, -1e300, 0.001001, 1e16, 1e15, 0.3]  # fmt: skip
TIMES_MS = [0, 1, 999, 1000, 951_782_400_000, 1_709_164_800_123, 1_767_225_599_999,
            4_107_542_399_000, 7_258_118_400_001, 253_000_000_000_000]  # fmt: skip


def model(version: str) -> Any:
    """As much of a model as the writer looks at."""
    return SimpleNamespace(name=f'everscore "{version}"', version=version)


def columns(count: int, seed: int) -> tuple[Any, Verdicts, np.ndarray[Any, Any], Positions]:
    """Random columns of `count` events, with every odd value among them."""
    pick = np.random.default_rng(seed)
    features = np.where(
        pick.random((count, FEATURES)) < 0.5,
        pick.choice(ODD, (count, FEATURES)),
        pick.normal(0, 100, (count, FEATURES)).round(int(pick.integers(0, 8))),
    )
    features[::3] = pick.normal(0, 1, features[::3].shape) * 10.0 ** pick.integers(-12, 12)
    decisions = Decisions(
        pick.integers(0, len(SCENARIO.policy.bands), count),
        pick.integers(0, len(SCENARIO.policy.actions), count),
        pick.random(count) < 0.5,
    )
    reason = Reason("mode", 'runs "hot" 客', "raises", "boost"), Reason("heat", "x", "lowers", 0.1)
    reasons: Mapping[int, list[Reason]] = {
        row: list(reason[: row % 3]) for row in range(0, count, 4)
    }
    verdicts = Verdicts(
        rows=np.arange(count),
        scores=pick.random(count),
        decisions=decisions,
        control=pick.random(count) < 0.2,
        challenged=pick.random(count) < 0.3,
        reasons=reasons,
    )
    positions = Positions(
        topic="tiny.events",
        partition=3,
        epoch=2,
        offsets=np.arange(10**11, 10**11 + count),
        arrived_ms=pick.choice(TIMES_MS, count),
        event_ms=pick.choice(TIMES_MS, count),
        as_of_ms=pick.integers(0, 4_000_000_000_000, count),
    )
    return pick.integers(0, len(IDS), count), verdicts, features, positions


def expected_row(
    row: int, rows: Any, verdicts: Verdicts, positions: Positions, use: InUse
) -> bytes:
    """The row of event `row`, encoded from one object."""
    scored = use.challenger if verdicts.challenged[row] and use.challenger else use.champion
    decisions, offset = verdicts.decisions, int(positions.offsets[row])
    valid_ms = int(SCENARIO.policy.valid_days * 86_400_000)
    return row_document(
        Prediction(
            prediction_id=f"tiny-2-3-{offset}-v{scored.version}",
            entity=IDS[rows[row]],
            score=float(verdicts.scores[row]),
            band=SCENARIO.policy.bands[decisions.bands[row]].name,
            reasons=verdicts.reasons.get(row, []),
            action=SCENARIO.policy.actions[decisions.actions[row]],
            review=bool(decisions.review[row]),
            control_group=bool(verdicts.control[row]),
            scored_at=utc(int(positions.arrived_ms[row])),
            event_time=utc(int(positions.event_ms[row])),
            features_as_of=utc(int(positions.as_of_ms[row])),
            valid_until=utc(int(positions.arrived_ms[row]) + valid_ms),
            model=Model(scored.name, scored.version),
            source=Source("tiny.events", 3, offset),
        )
    )


@pytest.mark.parametrize("count", [1, 700])
@pytest.mark.parametrize("challenger", [None, model("x9")])
def test_messages_and_rows_are_msgspecs_bytes(count: int, challenger: Any) -> None:
    rows, verdicts, features, positions = columns(count, seed=count)
    if challenger is None:
        verdicts.challenged[:] = False
    use = cast(InUse, SimpleNamespace(champion=model("7"), challenger=challenger))
    output = MessageWriter(SCENARIO).messages(IDS, rows, verdicts, features, positions, use, BASIS)
    expected = [expected_row(row, rows, verdicts, positions, use) for row in range(count)]
    logged = [log_document(expected[row], features[row].tolist(), BASIS) for row in range(count)]
    assert output.values.array.to_pylist() == logged
    assert output.rows(np.arange(count)).array.to_pylist() == expected
    last = {entity: expected[row] for row, entity in enumerate(rows.tolist())}
    last_rows = output.last_rows(rows, len(IDS)).array.to_pylist()
    assert last_rows == [last.get(entity) for entity in range(len(IDS))]


def beside_of(count: int, pick: np.random.Generator, challenger: Any, shadow: Any) -> Beside:
    """Random scores of other versions, some of them failed."""
    nobody = np.zeros(count, dtype=np.bool_)
    in_challenger = pick.random(count) < 0.4 if challenger else nobody
    is_paired = in_challenger | (pick.random(count) < 0.4) if challenger else nobody
    is_shadowed = pick.random(count) < 0.5 if shadow else nobody
    scores = np.where(pick.random((2, count)) < 0.2, np.nan, pick.choice(ODD[:12], (2, count)))
    return Beside(
        in_challenger=in_challenger,
        is_paired=is_paired,
        other_scores=np.where(is_paired, scores[0], np.nan),
        is_shadowed=is_shadowed,
        shadow_scores=np.where(is_shadowed, scores[1], np.nan),
    )


def expected_experiment(
    row: int, beside: Beside, verdicts: Verdicts, judges: Judges
) -> LoggedExperiment | None:
    """What event `row` was in, as one object."""

    def score(scores: np.ndarray[Any, Any]) -> float | None:
        return None if np.isnan(scores[row]) else float(scores[row])

    if judges.challenger is None and not beside.is_shadowed[row]:
        return None
    in_challenger, share = bool(beside.in_challenger[row]), judges.challenger_share
    other = shadow = None
    if beside.is_paired[row] and judges.challenger:
        undecided = judges.champion if verdicts.challenged[row] else judges.challenger
        other = OtherScore(version=undecided.version, score=score(beside.other_scores))
    if beside.is_shadowed[row] and judges.shadow:
        shadow = OtherScore(
            version=judges.shadow.version,
            share=judges.shadow_share,
            score=score(beside.shadow_scores),
        )
    return LoggedExperiment(
        id=judges.experiment,
        arm="challenger" if in_challenger else "champion",
        propensity=share if in_challenger else 1.0 - share,
        other=other,
        shadow=shadow,
    )


@pytest.mark.parametrize("challenger", [None, model('x"9')])
@pytest.mark.parametrize("shadow", [None, model("s1")])
def test_an_experiment_is_msgspecs_bytes_and_the_rows_are_those_without_it(
    challenger: Any, shadow: Any
) -> None:
    count, pick = 400, np.random.default_rng(5)
    rows, verdicts, features, positions = columns(count, seed=3)
    beside = beside_of(count, pick, challenger, shadow)
    is_judged = beside.in_challenger & (pick.random(count) < 0.8)  # else it fell back
    verdicts = replace(verdicts, challenged=is_judged, beside=beside)
    judges = Judges(
        champion=model("7"),
        thresholds={},
        challenger=challenger,
        challenger_share=0.1,
        shadow=shadow,
        shadow_share=0.3,
        experiment='trees "2" é',
    )
    use = cast(
        InUse, SimpleNamespace(champion=judges.champion, challenger=challenger, judges=judges)
    )
    output = MessageWriter(SCENARIO).messages(IDS, rows, verdicts, features, positions, use, BASIS)
    expected = [expected_row(row, rows, verdicts, positions, use) for row in range(count)]
    logged = [
        log_document(
            expected[row],
            features[row].tolist(),
            BASIS,
            expected_experiment(row, beside, verdicts, judges),
        )
        for row in range(count)
    ]
    assert output.values.array.to_pylist() == logged
    assert output.rows(np.arange(count)).array.to_pylist() == expected
    assert [row_in(message) for message in logged] == expected
    has_part = [b'"experiment":' in message for message in logged]
    assert any(has_part) == (challenger is not None or shadow is not None)


def test_floats_of_any_size_are_written_as_msgspec_writes_them() -> None:
    pick = random.Random(1)
    values = [pick.uniform(-1, 1) * 10.0 ** pick.randint(-20, 20) for _ in range(20_000)]
    for _ in range(20_000):
        values.append(round(pick.gauss(0, 10.0 ** pick.randint(-3, 9)), pick.randint(0, 9)))
    features = np.array(values[: len(values) // FEATURES * FEATURES]).reshape(-1, FEATURES)
    rows, verdicts, _, positions = columns(len(features), seed=2)
    verdicts.challenged[:] = False
    use = cast(InUse, SimpleNamespace(champion=model("7"), challenger=None))
    output = MessageWriter(SCENARIO).messages(IDS, rows, verdicts, features, positions, use, BASIS)
    documents = output.rows(np.arange(len(features))).array.to_pylist()
    logged = [
        log_document(documents[row], vector.tolist(), BASIS) for row, vector in enumerate(features)
    ]
    assert output.values.array.to_pylist() == logged


def test_no_prediction_gives_no_message_and_no_row() -> None:
    rows, verdicts, features, positions = columns(0, seed=1)
    use = cast(InUse, SimpleNamespace(champion=model("7"), challenger=None))
    output = MessageWriter(SCENARIO).messages(IDS, rows, verdicts, features, positions, use, BASIS)
    assert len(output.values) == 0
    assert output.last_rows(rows, 2).array.to_pylist() == [None, None]


def test_answers_of_a_second_stage_and_attachments_end_the_row() -> None:
    count = 40
    rows, verdicts, features, positions = columns(count, seed=5)
    verdicts.challenged[:] = False
    pick = np.random.default_rng(1)
    is_asked = verdicts.decisions.bands == 1
    log_odds = np.where(pick.random(count) < 0.1, np.nan, pick.normal(0, 1, count))
    verdicts = replace(verdicts, second=STAGE.answers(log_odds, is_asked))
    references = [{"leaf": f"sha256:{row:064x}"} if row % 3 else {} for row in range(count)]
    policy = replace(SCENARIO.policy, second_stage=replace(STAGE, bands=("hot",)))
    scenario = replace(SCENARIO, policy=policy, required_feature=None, features=WITH_SCORE)
    use = cast(InUse, SimpleNamespace(champion=model("7"), challenger=None))
    writer = MessageWriter(scenario)
    output = writer.messages(IDS, rows, verdicts, features, positions, use, BASIS, references)
    assert verdicts.second is not None
    expected = []
    for row in range(count):
        plain = msgspec.json.decode(
            expected_row(row, rows, verdicts, positions, use), type=Prediction
        )
        finding = verdicts.second.finding(row, STAGE)
        expected.append(
            row_document(
                msgspec.structs.replace(plain, second_stage=finding, attachments=references[row])
            )
        )
    assert output.rows(np.arange(count)).array.to_pylist() == expected
    logged = [log_document(expected[row], features[row].tolist(), BASIS) for row in range(count)]
    assert output.values.array.to_pylist() == logged
    assert [row_in(message) for message in logged] == expected
