"""The quality page of a simulated quarter: labels come weeks late, no demo can wait for them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from monitoring.business.offers import OfferOptions
from monitoring.estimate.assumptions import EstimateOptions
from monitoring.page.business import business_figures
from monitoring.page.quality_page import PageContent, QualityPage
from monitoring.period_report import PeriodReport
from monitoring.quality.options import QualityOptions
from monitoring.reporting import ReportOptions, drift_tests, period_reports
from monitoring.rules.rule import Rule
from monitoring.run import replayed
from monitoring.simulation.world import CHURN, EVENT_WEEK, WEEK_MS, year
from monitoring.watching import Watch

_QUARTER_WEEKS = 13
_WEEKS = EVENT_WEEK + _QUARTER_WEEKS
_LOOKS = 5  # at the ends of the last weeks; before them no labels of the planted weeks are mature
_PLANTED = "sudden_drift"
_SEED = 3
_CUSTOMER_VALUE = 500.0


def write_quarter_page(folder: Path, rules: Sequence[Rule], *, failing_periods: int) -> Path:
    """The page of 13 simulated weeks of churn after others, with a loss of signal planted in them.

    It is measured, tested and decided by the code of `monitor`. folder is created when missing.
    """
    end_ms = int(datetime.now(UTC).timestamp() * 1000) // WEEK_MS * WEEK_MS
    data = year(
        CHURN, _PLANTED, seed=_SEED, weeks=_WEEKS, begin_ms=end_ms - _WEEKS * WEEK_MS
    ).periods
    quality = QualityOptions(is_control_only=True)
    watch = Watch(quality=quality, tolerated_rise=CHURN.tolerated_rise)
    options = ReportOptions(
        maturity_ms=CHURN.maturity_weeks * WEEK_MS,
        quality=quality,
        estimate=EstimateOptions(quality=quality),
        risk=watch.risk,
        slices=watch.slices,
        reference_periods=_QUARTER_WEEKS,
        estimates=_QUARTER_WEEKS,
    )
    tests = drift_tests(data, options=options)

    looks: list[list[PeriodReport]] = []
    for period in data[-_LOOKS:]:
        look = period_reports(
            data,
            scenario="churn",
            looked_at_ms=period.period.end_ms,
            options=options,
            drift=tests,
            earlier=looks[-1] if looks else (),
        )
        looks.append(look)
    content = PageContent(
        scenario="churn",
        title="a simulated quarter of churn",
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        reports=tuple(looks[-1][-2 * _QUARTER_WEEKS :]),
        decisions=tuple(replayed(looks, rules, [], [], failing_periods=failing_periods)),
        business=business_figures(
            data,
            now_ms=end_ms,
            maturity_ms=options.maturity_ms,
            offers=OfferOptions(bands=("high",), customer_value=_CUSTOMER_VALUE),
        ),
    )
    return QualityPage(content, rules).write(folder)[-1]
