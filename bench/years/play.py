"""One year on paper and everything that is looked at in it; years are played side by side."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from bench.years.baselines import (
    adwin_on_losses,
    adwin_on_scores,
    evidently_preset,
    weekly_z_tests,
)
from bench.years.coverage import Window, windows
from bench.years.decided import Decision, DeclaredRules, year_decisions
from bench.years.notices import Notice, notices, raised_alarms
from monitoring.simulation.world import WORLDS, year

OURS = "Everscore"


@dataclass(frozen=True, kw_only=True)
class Play:
    """A year to be played; evidently_weeks: it sees every so manieth week, 0: none."""

    world: str
    event: str
    seed: int
    rules: DeclaredRules
    has_adwin: bool = False
    evidently_weeks: int = 0
    has_estimates: bool = False


@dataclass(frozen=True, kw_only=True)
class Played:
    """What became of it; noticed: by detector."""

    play: Play
    noticed: Mapping[str, Sequence[Notice]]
    decisions: Sequence[Decision]
    windows: Sequence[Window]


def played(play: Play) -> Played:
    """Play the year."""
    played_year = year(WORLDS[play.world], play.event, seed=play.seed)
    raised = raised_alarms(played_year)
    noticed = {
        OURS: notices(played_year, raised),
        "weekly z-test": weekly_z_tests(played_year),
    }
    if play.has_adwin:
        noticed["ADWIN, losses"] = adwin_on_losses(played_year)
        noticed["ADWIN, scores"] = adwin_on_scores(played_year)
    if play.evidently_weeks:
        noticed["Evidently, any column"] = evidently_preset(
            played_year, every_weeks=play.evidently_weeks
        )
    return Played(
        play=play,
        noticed=noticed,
        decisions=year_decisions(played_year, raised, declared=play.rules),
        windows=tuple(windows(played_year)) if play.has_estimates else (),
    )


def all_played(plays: Sequence[Play], *, processes: int) -> Iterator[Played]:
    """The years in the order of `plays`, by so many processes at once."""
    if processes == 1:
        yield from map(played, plays)
        return
    # Spawned: a fork copies the terminal's thread in a state that nobody knows.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(played, plays)
