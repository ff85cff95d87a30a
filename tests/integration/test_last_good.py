"""A worker that starts while the newest version cannot be used scores with the last good one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from jobs.status.deployment_notes import deployment_notes
from scenarios.contract.judge import Effort
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.tables import CONTROL
from stores.records.control import (
    DEPLOYMENT,
    load_failures,
    read_control,
    read_last_good,
    write_last_good,
)
from stores.records.deployments import Deployment, ModelPointer, read_deployment, write_deployment
from streaming.passes.settings import PassSettings
from streaming.position.refusals import NoModel
from streaming.scoring.models_in_use import InUse, ModelsInUse
from tests.scenarios.tiny import SCENARIO
from tests.support.fragile_models import tiny_rows
from tests.support.tiny_model import save_tiny_model, tiny_deployment

Damage = Callable[[ModelPointer], ModelPointer]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> ModelPointer:
    """A version that loads."""
    return save_tiny_model(tmp_path_factory.mktemp("sound") / "1", seed=1)


def deployed(store: HBaseStore, champion: ModelPointer, **changes: Any) -> Deployment:
    record = replace(tiny_deployment(champion), **changes)
    write_deployment(store, record)
    return record


def worker(session: Session, now: Callable[[], float] = lambda: 0.0) -> ModelsInUse:
    """The models in use of a fresh worker."""
    settings = PassSettings(
        scenario="tiny",
        module="tests.scenarios.tiny",
        store=session.store,
        epoch=1,
        first_offsets={0: 0},
        max_event_bytes=10_000,
        max_future_skew_seconds=300,
        retry_seconds=20,
    )
    return ModelsInUse(settings, session, SCENARIO, clock=now)


def cut(pointer: ModelPointer) -> ModelPointer:
    file = Path(pointer.artifact_uri) / "model.skops"
    file.write_bytes(file.read_bytes()[:-1])
    return pointer


def gone(pointer: ModelPointer) -> ModelPointer:
    return replace(pointer, artifact_uri=f"{pointer.artifact_uri}-gone")


def card_cut(pointer: ModelPointer) -> ModelPointer:
    (Path(pointer.artifact_uri) / "card.json").write_bytes(b"{")
    return pointer


@pytest.mark.parametrize("damage", [cut, gone, card_cut])
def test_a_new_worker_takes_the_last_good_version_and_the_newest_once_it_loads(
    store: HBaseStore, session: Session, tmp_path: Path, sound: ModelPointer, damage: Damage
) -> None:
    deployed(store, sound)
    assert worker(session).current().champion.version == "1"
    newest = deployed(store, damage(save_tiny_model(tmp_path / "2", seed=2)))
    late = worker(session)
    assert late.current().champion.version == "1"
    assert late.failure.startswith(("ModelCorrupt", "ModelMissing"))
    count, failure = load_failures(session, "tiny")
    assert (count, failure.version if failure else None) == (1, "2")
    notes = deployment_notes(session, SCENARIO, newest)
    assert notes == [
        "last good version: everscore-tiny version 1 (no worker scores with the newest yet)"
    ]
    deployed(store, save_tiny_model(tmp_path / "3", seed=3))
    assert worker(session).current().champion.version == "3"
    assert deployment_notes(session, SCENARIO, read_deployment(store, "tiny")) == []


def test_a_corrupt_challenger_leaves_the_champion_alone_in_a_new_worker(
    store: HBaseStore, session: Session, tmp_path: Path, sound: ModelPointer
) -> None:
    bad = cut(save_tiny_model(tmp_path / "2", seed=2))
    deployed(store, sound, challenger=bad, challenger_share=0.5)
    fresh = worker(session)
    assert scoring(fresh.current()) == ("1", None)
    assert fresh.failure.startswith("challenger ModelCorrupt")
    _, failure = load_failures(session, "tiny")
    assert failure is not None
    assert failure.version == "2"


def test_a_challenger_is_tried_again_and_joins_once_it_loads(
    store: HBaseStore, session: Session, tmp_path: Path, sound: ModelPointer
) -> None:
    challenger = save_tiny_model(tmp_path / "2", seed=2)
    content = (tmp_path / "2" / "model.skops").read_bytes()
    cut(challenger)
    deployed(store, sound, challenger=challenger, challenger_share=0.5)
    seconds = [0.0]
    follower = worker(session, lambda: seconds[0])
    assert scoring(follower.current()) == ("1", None)
    (tmp_path / "2" / "model.skops").write_bytes(content)
    seconds[0] = 31.0
    assert scoring(follower.current()) == ("1", "2")
    assert follower.failure == ""


def scoring(use: InUse) -> tuple[str, str | None]:
    return use.champion.version, use.challenger.version if use.challenger else None


@pytest.mark.parametrize(
    "changes",
    [
        {"thresholds": {"ok": 0.0}},
        {"thresholds": {"ok": 0.0, "hot": 0.0}},
        {"thresholds": {"ok": 0.2, "hot": 0.5}},
        {"thresholds": {"ok": 0.0, "hot": 0.5, "glowing": 0.7}},
    ],
)
def test_a_deployment_that_does_not_fit_the_policy_changes_nothing(
    store: HBaseStore, session: Session, sound: ModelPointer, changes: dict[str, Any]
) -> None:
    deployed(store, sound)
    seconds = [0.0]
    running = worker(session, lambda: seconds[0])
    running.current()
    misfit = deployed(store, replace(sound, version="9"), **changes)
    seconds[0] = 2.0
    for models in (running, worker(session)):
        assert models.current().champion.version == "1"
        assert models.current().deployment.thresholds == SCENARIO.policy.thresholds()
        assert "do not fit the policy" in models.failure
    assert any("does not fit" in line for line in deployment_notes(session, SCENARIO, misfit))


def test_a_share_that_is_none_leaves_the_challenger_out(
    store: HBaseStore, session: Session, tmp_path: Path, sound: ModelPointer
) -> None:
    challenger = save_tiny_model(tmp_path / "2", seed=2)
    deployed(store, sound, challenger=challenger, challenger_share=1.5)
    assert scoring(worker(session).current()) == ("1", None)


def test_a_shadow_is_loaded_and_one_without_an_experiment_is_left_out(
    store: HBaseStore, session: Session, tmp_path: Path, sound: ModelPointer
) -> None:
    shadow = save_tiny_model(tmp_path / "2", seed=2)
    deployed(store, sound, shadow=shadow, shadow_share=0.1, experiment="e1")
    judges = worker(session).current().judges
    assert judges.shadow is not None
    assert (judges.shadow.version, judges.shadow_share, judges.experiment) == ("2", 0.1, "e1")
    deployed(store, sound, shadow=shadow, shadow_share=0.1)
    alone = worker(session)
    assert alone.current().shadow is None
    assert alone.failure.startswith("shadow DeploymentUnfit: the deployment has a shadow and no")
    deployed(store, sound, shadow=cut(shadow), shadow_share=0.1, experiment="e1")
    damaged = worker(session)
    assert (damaged.current().champion.version, damaged.current().shadow) == ("1", None)
    assert damaged.failure.startswith("shadow ModelCorrupt")


def efforts(role: str, failed: int) -> list[Effort]:
    """Of a batch of 1,000 events, of which `role` had 100 and failed some."""
    champion = Effort(
        role="champion", rows=900, failed=0, cause="", scoring_seconds=0.01, seconds=0.01
    )
    other = Effort(
        role=role,
        rows=100,
        failed=failed,
        cause="model gives score nan",
        scoring_seconds=0.001,
        seconds=0.001,
    )
    return [champion, other]


def test_workers_withdraw_a_failing_challenger_once_and_the_shadow_goes_on(
    store: HBaseStore,
    session: Session,
    tmp_path: Path,
    sound: ModelPointer,
    capfd: pytest.CaptureFixture[str],
) -> None:
    challenger = save_tiny_model(tmp_path / "2", seed=2)
    shadow = save_tiny_model(tmp_path / "3", seed=3)
    deployed(
        store,
        sound,
        challenger=challenger,
        challenger_share=0.1,
        shadow=shadow,
        shadow_share=0.2,
        experiment="e1",
    )
    before = read_deployment(store, "tiny")
    first, second = worker(session), worker(Session(store, retry_seconds=20))
    for models in (first, second):
        assert scoring(models.current()) == ("1", "2")
        models.note(efforts("challenger", 1))  # one in a hundred is the bound
    assert read_deployment(store, "tiny") == before
    for models in (first, second):
        models.note(efforts("challenger", 50))
        assert scoring(models.current()) == ("1", None)
        assert models.current().shadow is not None
    after = read_deployment(store, "tiny")
    assert before is not None
    assert after is not None
    assert (after.challenger, after.challenger_share, after.shadow) == (None, 0.0, shadow)
    assert (after.number, after.experiment) == (before.number + 1, "e1")
    assert after.deployed_by == "stream worker"
    assert "challenger everscore-tiny version 2 is withdrawn: it failed 51 of 200" in after.reason
    log_text = capfd.readouterr().err
    assert f"deployment {after.number} is without it" in log_text
    assert "the deployment no longer has it" in log_text
    notes = deployment_notes(session, SCENARIO, after)
    assert any("is withdrawn" in line and "by the stream itself" in line for line in notes)
    assert any(line.startswith("shadow: everscore-tiny version 3, for 20.0%") for line in notes)


def test_a_withdrawal_keeps_what_somebody_promoted_meanwhile(
    store: HBaseStore, session: Session, tmp_path: Path, sound: ModelPointer
) -> None:
    shadow = save_tiny_model(tmp_path / "2", seed=2)
    deployed(store, sound, shadow=shadow, shadow_share=0.2, experiment="e1")
    models = worker(session)
    models.current()
    newer = save_tiny_model(tmp_path / "4", seed=4)
    deployed(store, newer, shadow=shadow, shadow_share=0.2, experiment="e1")
    models.note(efforts("shadow", 50))
    after = read_deployment(store, "tiny")
    assert after is not None
    assert (after.champion, after.shadow, after.experiment) == (newer, None, "")
    assert models.current().champion.version == "4"


def test_an_unreadable_record_leaves_the_last_good_one(
    store: HBaseStore, session: Session, sound: ModelPointer
) -> None:
    deployed(store, sound)
    worker(session).current()
    cell = {DEPLOYMENT: b'{"scenario":'}
    session.call(lambda connection: connection.table(CONTROL).put(b"tiny", cell))
    assert worker(session).current().champion.version == "1"


def test_a_late_worker_does_not_replace_a_newer_good_version(
    store: HBaseStore, session: Session, tmp_path: Path, sound: ModelPointer
) -> None:
    deployed(store, sound)
    early_control = read_control(session, "tiny")
    worker(session).current()
    newer = save_tiny_model(tmp_path / "2", seed=2)
    deployed(store, newer)
    worker(session).current()
    write_last_good(session, "tiny", early_control)
    good = msgspec.json.decode(read_last_good(session, "tiny") or b"", type=Deployment)
    assert good.champion == newer


def test_one_version_number_with_other_bytes_is_another_model(
    store: HBaseStore, session: Session, tmp_path: Path, sound: ModelPointer
) -> None:
    deployed(store, sound)
    seconds = [0.0]
    running = worker(session, lambda: seconds[0])
    rows = tiny_rows(50)
    before = running.current().champion.scores(rows)
    other = replace(save_tiny_model(tmp_path / "5", seed=5), version="1")
    deployed(store, other)
    seconds[0] = 2.0
    assert not np.array_equal(running.current().champion.scores(rows), before)
    deployed(store, replace(sound, name="everscore-other"))
    seconds[0] = 4.0
    assert running.current().champion.name == "everscore-other"


def test_when_the_last_good_version_is_gone_too_the_worker_refuses(
    store: HBaseStore, session: Session, tmp_path: Path
) -> None:
    old = save_tiny_model(tmp_path / "1", seed=1)
    deployed(store, old)
    worker(session).current()
    cut(old)
    deployed(store, cut(save_tiny_model(tmp_path / "2", seed=2)))
    with pytest.raises(NoModel, match=r"ModelCorrupt.*version 2.*train_model --scenario tiny"):
        worker(session).current()
