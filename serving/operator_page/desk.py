"""What the operator's page shows and does for one scenario; made by the job, of fakes in tests."""

from collections.abc import Callable
from dataclasses import dataclass

from scenarios.contract.scenario import Scenario
from serving.operator_page.streams import Streams
from serving.records.dead_letters import DeadLetters
from serving.records.deployment_routes import ReadDeployments
from serving.records.report_files import ReportFiles


@dataclass(frozen=True, kw_only=True)
class OperatorDesk:
    """The parts of one scenario's page.

    failure   why the deployed version could not be loaded last, None when it could; may raise
              `StoreDown`, like the others
    """

    scenario: Scenario
    streams: Streams
    deployments: ReadDeployments
    failure: Callable[[], str | None]
    letters: DeadLetters
    reports: ReportFiles
