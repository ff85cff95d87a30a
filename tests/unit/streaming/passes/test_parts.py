"""A batch whose states are too large is cut; what comes out is the same whatever the cut."""

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from models.scoring_model import ScoringModel
from streaming.recent.states import SharedMemory
from tests.support.fragile_models import fragile_estimator, load_model, one_thread, save_model
from tests.support.tiny_pass import COUNT, played

ROOT = Path(__file__).resolve().parents[4]
MIB = 1 << 20


@pytest.fixture(scope="module", autouse=True)
def single_thread() -> Iterator[None]:
    """See `one_thread`."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ScoringModel:
    """A stored model that raises for hot machines."""
    folder = tmp_path_factory.mktemp("model")
    return load_model(save_model(folder, fragile_estimator("raise"), version="1"))


@pytest.mark.parametrize("is_remembered", [False, True])
@pytest.mark.parametrize("states", [0, 1, 2, 5, 8])
def test_results_are_the_same_bytes_whatever_the_cut(
    model: ScoringModel, states: int, is_remembered: bool
) -> None:
    whole = played(model, [COUNT])
    size = len(next(iter(whole.states.values())))
    memory = SharedMemory(MIB) if is_remembered else None
    cut = played(model, [50, COUNT], state_bytes=max(states * size, 1), memory=memory)
    assert cut.messages == whole.messages
    assert cut.states == whole.states
    assert cut.table.rows == whole.table.rows


def test_each_part_is_a_batch_of_its_own(model: ScoringModel) -> None:
    whole = played(model, [50, COUNT])
    size = len(next(iter(whole.states.values())))
    cut = played(model, [50, COUNT], state_bytes=4 * size)
    marks = [marker for _, marker in cut.table.markers[0]]
    # Without states below it the first batch is whole: there is nothing to hold.
    ends = [mark.offset for mark in marks]
    assert ends[0] == 49
    assert ends[-1] == COUNT - 1
    assert len(ends) > 4
    # Machines take turns: four states are enough for four events.
    assert {end - before for before, end in pairwise(ends[:-1])} == {4}
    assert sum(mark.predictions + mark.dead_letters for mark in marks) == COUNT


def test_a_batch_run_again_is_cut_at_the_same_places(model: ScoringModel) -> None:
    first, again = (played(model, [50, 90, COUNT], state_bytes=700) for _ in range(2))
    ends = [[at for at, _ in run.table.markers[0]] for run in (first, again)]
    assert ends[0] == ends[1]
    assert len(ends[0]) > 3
    assert first.table.states == again.table.states


def test_memory_follows_the_bound_and_not_the_customers() -> None:
    """The peak of a real process that folds one event each of customers with full windows."""
    bounded = peak(customers=4_000, state_bytes=2 * MIB)
    more = peak(customers=8_000, state_bytes=2 * MIB)
    unbounded = peak(customers=8_000, state_bytes=1 << 40)
    assert bounded["digest"] != more["digest"] == unbounded["digest"]
    assert more["stored"] > 50 * MIB
    assert unbounded["grown"] > 2 * more["stored"]
    assert more["grown"] < 1.5 * more["stored"]
    assert more["grown"] < bounded["grown"] + 0.5 * more["stored"]


def peak(*, customers: int, state_bytes: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.support.full_windows", str(customers), str(state_bytes)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    measures: dict[str, float] = json.loads(process.stdout.splitlines()[-1])
    return measures
