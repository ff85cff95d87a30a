"""The parts of a plan over one workload: rounds of turns, and the progress that is shown."""

from pathlib import Path

from bench.suite.attempts import Attempts, Turn
from bench.suite.load.keys import customers_of
from bench.suite.measurements import ceiling, latency, recovery, surges, throughput
from bench.suite.measurements.hbase_client import Mode
from bench.suite.measurements.latency import SteadyLoad
from bench.suite.measurements.results import Ceiling
from bench.suite.measurements.throughput import Filled
from bench.suite.systems.catalogue import US
from bench.suite.systems.ground import Ground

_WARM_UP_ROWS = 20_000
_WARM_UP_SECONDS = 6.0
_SETTLE_SECONDS = 60.0
_FIRST_SETTLINGS = 2  # before the first load of a workload


def throughput_rounds(attempts: Attempts, ground: Ground) -> None:
    """Every system at full speed over the same topic, per key distribution; HBase alone last."""
    _warm_up(attempts, ground)
    for keys in attempts.plan.keys:
        loaded = ground.filled(customers_of(keys, events=attempts.plan.events))
        attempts.tell(f"{loaded.events:,} events are on {ground.workload.topic}, keys {keys}")
        filled = Filled(ground=ground, keys=keys, loaded=loaded)
        rows = ground.stage.run_dir / "bench" / f"{ground.workload.name}-{keys}.rows"
        part = f"throughput with {keys} keys"
        for _ in range(_FIRST_SETTLINGS if keys == attempts.plan.keys[0] else 1):
            _settle(attempts, filled, part)
        names = attempts.plan.throughput_systems(ground.workload.name, keys)
        for number, turns in enumerate(attempts.turns(part, ground, names), 1):
            for turn in turns:
                with attempts.attempt(turn) as place:
                    ground.new_outputs()
                    result = throughput.measured(
                        filled,
                        turn.system,
                        place,
                        round_number=turn.round_number,
                        most_seconds=attempts.plan.throughput_seconds_of(turn.system.name),
                    )
                    if turn.system.name == US and not rows.exists():
                        ceiling.save_rows(place, rows)
                    attempts.results.throughput.append(result)
                    stale_rows = result.stale_rows
                    attempts.tell(
                        f"{turn}: {result.events_per_second:,.0f} events/s, "
                        f"{result.cpu_seconds_per_million:.0f} s CPU per million, "
                        f"{result.peak_pss_mib:,.0f} MiB, "
                        + ("time over" if stale_rows is None else f"{stale_rows} stale")
                    )
            _ceiling(attempts, filled, rows, round_number=number)


def _settle(attempts: Attempts, filled: Filled, part: str) -> None:
    """Run our stream for a while without measuring it.

    After a topic is filled the disk is still being written to, and HBase has not compiled the code
    that our calls take: who came first had up to a third less than in the next round, and HBase's
    CPU per event of ours was half as much again. Our calls are the largest, so they warm it up for
    everyone. HBase and Kafka that have just started need it twice: after one such run, first rounds
    still took a fifth more of all CPU per event than second ones.
    """
    names = [name for name in attempts.plan.systems if name in attempts.systems]
    name = US if US in names else names[-1]
    turn = Turn(
        part=f"settling before {part}",
        ground=filled.ground,
        system=attempts.systems[name],
        round_number=0,
    )
    with attempts.attempt(turn) as place:
        filled.ground.new_outputs()
        throughput.measured(
            filled, turn.system, place, round_number=0, most_seconds=_SETTLE_SECONDS
        )


def _ceiling(attempts: Attempts, filled: Filled, rows: Path, *, round_number: int) -> None:
    ground = filled.ground
    if not rows.exists():
        what = f"HBase's ceiling, {ground.workload.name}, {filled.keys} keys"
        attempts.results.absent[what] = f"{US} left no rows to put"
        return
    place = attempts.place(ground, "ceiling")
    try:
        rates = ceiling.rates(ground, place, rows, seconds=attempts.plan.ceiling_seconds)
    finally:
        ground.clear(place)
    attempts.results.ceilings.append(
        Ceiling(
            workload=ground.workload.name,
            keys=filled.keys,
            round_number=round_number,
            put=rates[Mode.PUT],
            get=rates[Mode.GET],
            get_and_put=rates[Mode.GET_AND_PUT],
        )
    )
    attempts.save(attempts.results)
    rates_text = ", ".join(f"{mode.value} {rate:,.0f}" for mode, rate in rates.items())
    attempts.tell(f"{ground.workload.name}, round {round_number}, HBase alone: rows/s {rates_text}")


def _warm_up(attempts: Attempts, ground: Ground) -> None:
    """A cold JVM is slower than a warm one: the first system would pay for the others."""
    rows = ground.stage.run_dir / "bench" / "made-up.rows"
    ceiling.save_made_up_rows(rows, rows=_WARM_UP_ROWS)
    place = attempts.place(ground, "warm_up")
    try:
        ceiling.rates(ground, place, rows, seconds=_WARM_UP_SECONDS)
    finally:
        ground.clear(place)


def latency_rounds(attempts: Attempts, ground: Ground) -> None:
    """Every system at every rate, uniform keys."""
    for rate in attempts.plan.rates:
        part = f"latency at {rate:,.0f} events/s"
        names = attempts.plan.latency_systems(ground.workload.name, rate)
        for turns in attempts.turns(part, ground, names):
            for turn in turns:
                load = attempts.plan.load(rate, turn.system.name)
                steady = SteadyLoad(load=load, keys="uniform")
                with attempts.attempt(turn) as place:
                    result = latency.measured(
                        ground, turn.system, place, steady=steady, round_number=turn.round_number
                    )
                    attempts.results.latency.append(result)
                    attempts.tell(
                        f"{turn}: p50 {result.p50_ms:.0f} p99 {result.p99_ms:.0f} p99.9 "
                        f"{result.p999_ms:.0f} ms of {result.samples:,} samples"
                    )


def recovery_rounds(attempts: Attempts, ground: Ground) -> None:
    """Every system killed under load and started again."""
    for turns in attempts.turns("recovery", ground, attempts.plan.recovery_systems):
        for turn in turns:
            again = attempts.place(ground, f"{turn.system.name}_replay")
            with attempts.attempt(turn) as place:
                result = recovery.measured(
                    ground,
                    turn.system,
                    place=place,
                    again=again,
                    blow=attempts.plan.blow,
                    round_number=turn.round_number,
                )
                attempts.results.recovery.append(result)
                attempts.tell(
                    f"{turn}: back after {result.seconds:.1f} s; of {result.rows:,} rows "
                    f"{result.missing_rows} are missing, {result.differing_rows} differ"
                )
            ground.clear(again)


def surge_rounds(attempts: Attempts, ground: Ground) -> None:
    """Every surge, for the systems of the plan."""
    for surge in attempts.plan.surges:
        part, names = f"surge: {surge.name}", attempts.plan.surge_systems
        for turns in attempts.turns(part, ground, names):
            for turn in turns:
                with attempts.attempt(turn) as place:
                    result = surges.measured(
                        ground, turn.system, place, surge=surge, round_number=turn.round_number
                    )
                    attempts.results.surges.append(result)
                    back = "not" if result.back_seconds is None else f"{result.back_seconds:.0f} s"
                    attempts.tell(
                        f"{turn}: p99 {result.before_p99_ms:,.0f}, {result.in_p99_ms:,.0f}, "
                        f"{result.after_p99_ms:,.0f} ms before, in and after it; as before after "
                        f"{back}; {result.peak_pss_mib:,.0f} MiB, {result.stale_rows} rows stale, "
                        f"{result.dropped} events left a full window"
                    )
