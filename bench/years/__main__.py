"""Years on paper: what is noticed of planted events, when, by what, and how often for nothing.

Beside it stands what the declared rules decide about them, by the code of `monitor`.

Examples:
  python -m bench.years --seeds 100
  python -m bench.years --seeds 5 --scenario fraud --only sudden_drift
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from typer import Option

from bench.years.decided import Decided, DeclaredRules, decided
from bench.years.events import EVENTS, Event
from bench.years.notices import Notice
from bench.years.outcome import Outcome, outcome
from bench.years.play import OURS, Play, Played, all_played
from bench.years.tables import Coverage, coverage_table, coverages, decision_table, outcome_tables
from conf.settings import Settings, load_settings
from jobs.wiring.monitoring import declared_rules
from monitoring.simulation.world import WORLDS
from reports.terminal import Terminal

_DRIFT = "Everscore, drift alone"
_VERDICTS = "Everscore, verdicts"


def main(
    seeds: Annotated[int, Option(min=1, help="Years of each event.")] = 100,
    scenario: Annotated[str | None, Option(help="churn or fraud; both without.")] = None,
    only: Annotated[
        list[str] | None, Option(help="This event; may be repeated.", metavar="EVENT")
    ] = None,
    adwin_seeds: Annotated[int, Option(min=0, help="Years that ADWIN sees; needs river.")] = 0,
    evidently_seeds: Annotated[int, Option(min=0, help="Years that Evidently sees.")] = 0,
    evidently_weeks: Annotated[int, Option(min=1, help="Evidently sees every so manieth.")] = 4,
    estimate_seeds: Annotated[
        int, Option(min=0, help="Quiet years whose quality is estimated, too.")
    ] = 20,
    processes: Annotated[
        int | None, Option(min=1, help="Years played at once.  [default: one per core]")
    ] = None,
    json: Annotated[Path | None, Option(help="Write the figures to this file.")] = None,
) -> None:
    """Play the years and print the tables."""
    names = [event.name for event in EVENTS]
    if scenario not in (None, *WORLDS):
        raise typer.BadParameter(f"{scenario!r} is none of {list(WORLDS)}", param_hint="--scenario")
    if unknown := set(only or ()) - set(names):
        raise typer.BadParameter(f"{sorted(unknown)} are none of {names}", param_hint="--only")
    settings = load_settings("local")
    plays = [
        Play(
            world=world,
            event=event.name,
            seed=seed,
            rules=_declared(settings, world),
            has_adwin=seed < adwin_seeds,
            evidently_weeks=evidently_weeks if seed < evidently_seeds else 0,
            has_estimates=seed < estimate_seeds and event.name == "quiet",
        )
        for world in WORLDS
        for event in EVENTS
        for seed in range(seeds)
        if scenario in (None, world) and event.name in (only or names) and world in event.scenarios
    ]
    if not plays:
        raise typer.BadParameter(f"{only} are not planted into {scenario}", param_hint="--only")
    console = Terminal()
    years = _with_progress(console, plays, processes or os.cpu_count() or 1)
    outcomes, decisions, held = list[Outcome](), list[Decided](), list[Coverage]()
    for world in dict.fromkeys(play.world for play in plays):
        for event in EVENTS:
            of_event = [p for p in years if (p.play.world, p.play.event) == (world, event.name)]
            if of_event:
                outcomes += _outcomes(world, event, of_event)
                decisions += decided(world, event, [year.decisions for year in of_event])
                held += coverages(world, [window for year in of_event for window in year.windows])
    for table in outcome_tables(outcomes):
        console.print(table)
    console.print(decision_table(decisions))
    if held:
        console.print(coverage_table(held))
    if json is not None:
        document = {
            "outcomes": outcomes,
            "decisions": decisions,
            "coverage": held,
            "seeds": seeds,
        }
        json.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")


def _declared(settings: Settings, world: str) -> DeclaredRules:
    return DeclaredRules(
        rules=declared_rules(settings, world),
        failing_periods=settings.monitoring.failing_periods,
        periods=settings.monitoring.periods,
    )


def _with_progress(console: Terminal, plays: Sequence[Play], processes: int) -> list[Played]:
    begin, years = time.monotonic(), list[Played]()
    with console.status("Playing") as status:
        for played in all_played(plays, processes=processes):
            years.append(played)
            passed = time.monotonic() - begin
            left = passed / len(years) * (len(plays) - len(years))
            status.update(
                f"{played.play.world}, {played.play.event}: {len(years):,} of {len(plays):,} "
                f"years, {len(years) / passed:.1f} a second; about {left / 60:.0f} minutes left"
            )
    return years


def _outcomes(world: str, event: Event, years: Sequence[Played]) -> list[Outcome]:
    """One row per detector, of the years that it has seen."""
    seen: dict[str, list[Sequence[Notice]]] = {}
    for year in years:
        noticed = {**year.noticed, _DRIFT: year.noticed[OURS]}
        if event.nature == "harmless" and WORLDS[world].control_share:
            noticed[_VERDICTS] = year.noticed[OURS]
        for detector, alarms in noticed.items():
            seen.setdefault(detector, []).append(_that_count(alarms, event, detector))
    return [outcome(world, event, detector, noticed) for detector, noticed in seen.items()]


def _that_count(noticed: Sequence[Notice], event: Event, detector: str) -> Sequence[Notice]:
    """Ours are alarms of harm; drift alone is a row of its own; verdicts where there is one."""
    if detector == _DRIFT:
        return [n for n in noticed if n.part == "drift"]
    if detector == _VERDICTS:
        return [n for n in noticed if n.part.startswith(("shadow", "offer"))]
    if detector != OURS:
        return noticed
    if event.nature == "verdict":
        return [n for n in noticed if n.part == event.verdict]
    return [n for n in noticed if n.harm]


if __name__ == "__main__":
    typer.run(main)
