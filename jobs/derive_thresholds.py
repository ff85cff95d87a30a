"""Derive a policy's thresholds again from costs, capacity and mature cases; see what they save.

The older half of the days gives the thresholds, the newer half compares them with those deployed.
Ends with exit code 4 when they are not better beyond the margin, or when the team could not take
the load. For policies that allow, review and block give --missed, --false-alarm, --review and
--cards-per-day; for those that make offers --customer-value, --offer-cost and --offers-per-day.
Deploys them only with --deploy, until the next promotion or rollback, which brings the declared
ones back.
"""

from datetime import UTC, datetime
from typing import Annotated

from rich.table import Table
from typer import BadParameter, Option

from jobs.launcher.run import job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.options.times import moment_of
from jobs.spark.session import spark_session
from jobs.wiring.from_settings import delta_place, event_limits, tracking_place
from jobs.wiring.monitoring import declared_horizon
from jobs.wiring.streaming import store_session
from lifecycle.changes import ChangeRefused, with_thresholds
from lifecycle.promotion import change_now, write_change
from models.evaluation.cost_thresholds import Costs
from monitoring.business.offer_threshold import OfferCosts, offer_proposal
from monitoring.business.thresholds import Proposal, proposal
from monitoring.cases import DAY_MS, Period
from monitoring.matured.options import MaturedOptions
from monitoring.matured.read import read_periods
from stores.records.deployments import deployment_cell, deployment_of

SPARK = True


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    missed: Annotated[float | None, Option(help="Cost of a positive case that is allowed.")] = None,
    false_alarm: Annotated[
        float | None, Option(help="Cost of a negative case that is blocked.")
    ] = None,
    review: Annotated[float | None, Option(help="Cost of a review.")] = None,
    cards_per_day: Annotated[
        float | None, Option(help="Entities that reviewers can take in a day.")
    ] = None,
    customer_value: Annotated[
        float | None, Option(help="What a customer who stays is worth.")
    ] = None,
    offer_cost: Annotated[
        float | None, Option(help="Cost of acting on one case, whether accepted or not.")
    ] = None,
    offers_per_day: Annotated[
        float | None, Option(help="Cases that agents can act on in a day.")
    ] = None,
    days: Annotated[int, Option(min=4, help="So many of the newest mature days are read.")] = 28,
    horizon_days: Annotated[
        float | None,
        Option(
            min=0.0,
            help="An outcome counts for a prediction up to so long after it.  "
            "[default: monitoring.horizon_days]",
        ),
    ] = None,
    margin: Annotated[
        float, Option(min=0.0, max=1.0, help="So much less must a day cost, as a share of now.")
    ] = 0.0,
    as_of: Annotated[str | None, Option(help="ISO time.  [default: now]")] = None,
    reason: Annotated[str, Option(help="Why; stands in the history.")] = "derived from costs",
    deploy: Annotated[
        bool, Option("--deploy", help="Deploy them when they pass; without it nothing is written.")
    ] = False,
) -> None:
    costs = _costs(
        (missed, false_alarm, review, cards_per_day),
        (customer_value, offer_cost, offers_per_day),
    )
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("hbase",)
    ) as run:
        session = store_session(run.settings)
        cell = deployment_cell(session, scenario)
        current = deployment_of(cell)
        if current is None:
            raise ChangeRefused(f"{scenario} has no champion whose thresholds could change")
        now = moment_of(as_of) or datetime.now(UTC)
        horizon = declared_horizon(run.settings, scenario) if horizon_days is None else horizon_days
        options = MaturedOptions(
            limits=event_limits(run.settings),
            periods=[_mature_days(now, days, run.scenario.label.maturity_days + horizon)],
            now_ms=int(now.timestamp() * 1000),
            horizon_days=horizon,
        )
        place = delta_place(run.settings, scenario)
        with spark_session(run.settings, app_name=f"thresholds {scenario}", with_delta=True) as s:
            run.log(f"reading predictions and labels from {place.path()}")
            with run.console.status("decoding and joining"):
                (period,) = read_periods(s, place, run.scenario, options=options)
        declared, deployed = run.scenario.policy, current.thresholds
        if isinstance(costs, Costs):
            result = proposal(period.cases, declared, deployed, costs, margin=margin)
        else:
            result = offer_proposal(period.cases, declared, deployed, costs, margin=margin)
        run.console.print(_table(result))
        print(_summary(result))
        result.check()
        if not deploy:
            run.log("nothing was written: add --deploy to deploy these thresholds")
            return
        change = change_now(reason=reason, evidence=_summary(result))
        written = write_change(
            session,
            cell,
            with_thresholds(current, result.proposed, run.scenario, change),
            registry=tracking_place(run.settings),
            log=run.log,
        )
        run.log(
            f"deployment {written.number} of {scenario}: thresholds {dict(written.thresholds)}; "
            "workers switch within about two seconds"
        )


def _costs(
    of_reviews: tuple[float | None, ...], of_offers: tuple[float | None, ...]
) -> Costs | OfferCosts:
    """The costs of one of both kinds of policies; raises `BadParameter` for none, some or both."""
    reviews = [number for number in of_reviews if number is not None]
    offers = [number for number in of_offers if number is not None]
    if len(reviews) == len(of_reviews) and not offers:
        missed, false_alarm, review, cards_per_day = reviews
        return Costs(
            missed_usd=missed,
            false_alarm_usd=false_alarm,
            review_usd=review,
            cards_per_day=cards_per_day,
        )
    if len(offers) == len(of_offers) and not reviews:
        customer_value, offer_cost, offers_per_day = offers
        return OfferCosts(
            customer_value=customer_value, offer_cost=offer_cost, offers_per_day=offers_per_day
        )
    raise BadParameter(
        "give all of --missed, --false-alarm, --review and --cards-per-day, or all of "
        "--customer-value, --offer-cost and --offers-per-day"
    )


def _mature_days(now: datetime, days: int, maturity_days: float) -> Period:
    """The newest whole days (UTC) whose labels should all have arrived."""
    newest_ms = int(now.timestamp() * 1000 - maturity_days * DAY_MS)
    end_ms = newest_ms - newest_ms % DAY_MS
    return Period(number=0, begin_ms=end_ms - days * DAY_MS, end_ms=end_ms)


def _table(result: Proposal) -> Table:
    table = Table("", "now", "proposed", title=f"newest {result.days} days, {result.cases:,} cases")
    for band, limit in result.present.items():
        table.add_row(f"{band} from", f"{limit:.4f}", f"{result.proposed[band]:.4f}")
    table.add_row("cost of a day", f"{result.cost_present:,.0f}", f"{result.cost_proposed:,.0f}")
    loads = (f"{load:,.1f}" for load in (result.load_present, result.load_proposed))
    table.add_row("cases to work on a day", *loads)
    return table


def _summary(result: Proposal) -> str:
    gain = result.gain
    return (
        f"a day costs {gain.value:,.0f} less ({gain.low:,.0f} to {gain.high:,.0f}, paired "
        f"bootstrap) than {result.cost_present:,.0f}, {result.load_proposed:,.1f} cases a day of "
        f"{result.capacity:,.0f}: {result.refusal or 'passes'}"
    )


app = job_app(
    main,
    doc=__doc__,
    example="./spark-submit.sh derive_thresholds --scenario fraud --missed 160 --false-alarm 20 "
    "--review 1 --cards-per-day 100",
)
