"""Compare a challenger or a shadow with the champion on live traffic; it never promotes.

Reads logged predictions and labels from the archive. Look as often as you like: the interval holds
at all looks together. Ends with a verdict: better, worse, or not known yet. With --withdraw a
challenger or shadow that ranks a declared slice (gates.slices) below the floor is withdrawn.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from typer import BadParameter, Option

from jobs.launcher.run import Run, job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.options.times import moment_of
from jobs.spark.session import spark_session
from jobs.wiring.from_settings import delta_place, event_limits, tracking_place
from jobs.wiring.model_life import bounds_of
from jobs.wiring.streaming import store_session
from lifecycle.challenge.cases import Cases, Measure
from lifecycle.challenge.evidence import EvidenceOptions, evidence
from lifecycle.challenge.report import show_comparison, write_comparison
from lifecycle.challenge.result import compared
from lifecycle.challenge.slices import SliceResult, below_floor
from lifecycle.changes import Role, what_changed, without_role
from lifecycle.promotion import change_now, write_change
from stores.records.deployments import deployment_cell, deployment_of

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    experiment: Annotated[
        str | None, Option(help="Its id.  [default: that of the newest prediction]")
    ] = None,
    measure: Annotated[str, Option(help="brier or cost.")] = "brier",
    missed: Annotated[float, Option(min=0.0, help="Cost of a missed positive case.")] = 10.0,
    false_alarm: Annotated[float, Option(min=0.0, help="Cost of a false alarm.")] = 1.0,
    alarm_band: Annotated[
        str | None, Option(help="Band from whose threshold on a score is an alarm.  [highest]")
    ] = None,
    tightest_at: Annotated[
        int, Option(min=200, help="Labels at which the interval is tightest; fix it beforehand.")
    ] = 10_000,
    withdraw: Annotated[
        bool, Option("--withdraw", help="Withdraw the version when a slice is below its floor.")
    ] = False,
    as_of: Annotated[str | None, Option(help="ISO time.  [default: now]")] = None,
) -> None:
    if measure not in ("brier", "cost"):
        raise BadParameter(f"{measure!r} is no measure: brier or cost", param_hint="--measure")
    needs: Sequence[Literal["hbase"]] = ("hbase",) if withdraw else ()
    with job_run(
        scenario=scenario,
        env=env,
        overrides=overrides,
        verbose=verbose,
        needs=needs,
        folds_events=True,
    ) as run:
        bands = [band.name for band in run.scenario.policy.bands]
        band = bands[-1] if alarm_band is None else alarm_band
        if band not in bands:
            raise BadParameter(f"{band!r} is no band: {bands}", param_hint="--alarm-band")
        now = moment_of(as_of) or datetime.now(UTC)
        place = delta_place(run.settings, scenario)
        bounds = bounds_of(run.settings, scenario)
        options = EvidenceOptions(
            limits=event_limits(run.settings),
            experiment=experiment,
            band=band,
            now_ms=int(now.timestamp() * 1000),
            features=tuple(bounds.slices),
        )
        with spark_session(run.settings, app_name=f"compare {scenario}", with_delta=True) as spark:
            run.log(f"reading predictions and labels from {place.path()}")
            with run.console.status("decoding, joining, comparing"):
                cases = evidence(spark, place, run.scenario, options=options)
        chosen_measure = Measure(
            name="cost" if measure == "cost" else "brier", missed=missed, false_alarm=false_alarm
        )
        result = compared(
            cases,
            chosen_measure,
            scenario=scenario,
            made_at=now.isoformat(timespec="seconds"),
            tightest_at=tightest_at,
            bounds=bounds,
        )
        show_comparison(result, run.console)
        for path in write_comparison(result, run.settings.reports.folder / scenario):
            run.console.print(f"written to {path}", soft_wrap=True)
        print(result.verdict)
        _end_bad_slices(run, cases, result.slices, withdraw=withdraw)


def _end_bad_slices(
    run: Run, cases: Cases, slices: Sequence[SliceResult], *, withdraw: bool
) -> None:
    """Say which slices are below the floor, and withdraw the version that is (`withdraw`).

    Only while it is still deployed: the experiment that was looked at may have ended.
    """
    bad = below_floor(slices)
    if not bad:
        return
    role: Role = "challenger" if cases.pairs is not None else "shadow"
    version = cases.challenger_version if role == "challenger" else cases.shadow_version
    words = "; ".join(f"{part.slice_name}: AUROC at most {part.high:.3f}" for part in bad)
    reason = f"{role} version {version} is below the floor {bad[0].floor:g} in {words}"
    run.log(reason)
    if not withdraw:
        command = f"./spark-submit.sh withdraw_model --scenario {run.scenario.name} --role {role}"
        run.log(f'to withdraw it: {command} --reason "below the floor", or run with --withdraw')
        return
    session = store_session(run.settings)
    cell = deployment_cell(session, run.scenario.name)
    current = deployment_of(cell)
    pointer = None if current is None else current.pointers.get(role)
    if pointer is None or pointer.version != version:
        run.log(f"version {version} is not the {role} any more: nothing to withdraw")
        return
    after = without_role(current, change_now(reason=reason), role=role)
    registry = tracking_place(run.settings)
    written = write_change(session, cell, after, registry=registry, log=run.log)
    run.log(f"deployment {written.number}: {what_changed(current, written)}")


app = job_app(main, doc=__doc__, example="./spark-submit.sh compare_live --scenario churn")
