"""What the web service is composed of: by the settings in jobs/serve.py, by fakes in tests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fastapi import APIRouter

from reports.metrics_file import Metric
from scenarios.contract.scenario import Scenario
from serving.access.bodies import BodyLimits
from serving.access.callers import Callers
from serving.access.frame import AccessLog
from serving.access.roles import Authenticator, Role

# What is asked whether it works: None, or a sentence that says what is missing.
Check = Callable[[], str | None]


class Worker(Protocol):
    """What runs beside the requests, such as the thread that keeps a review queue."""

    def start(self) -> None:
        """Begin, without waiting."""

    def stop(self) -> None:
        """End, and wait for it."""


@dataclass(frozen=True, kw_only=True)
class DeskEntry:
    """A page that the start page and the navigation list to callers who may open it.

    key       its name in texts: `desk.page_KEY`, and `desk.about_KEY` for a sentence
    path      such as /desk/{scenario}/review; with {scenario} there is one entry per scenario
    roles     who may open it
    """

    key: str
    path: str
    roles: tuple[Role, ...]


@dataclass(frozen=True, kw_only=True)
class Serving:
    """The parts of one service.

    scenarios     name → scenario, the ones that are served
    routers       the operations, in the order in which they are listed
    authenticate  who calls
    checks        name → check, all of which must pass before `/v2/health/ready` is green
    state         name → what the routers' dependencies read from `request.app.state`
    limits        of bodies
    login         by whom the login page starts sessions; None = there are no sessions
    scripts       name → content of scripts of others, served below /static
    entries       the pages, for start page and navigation
    metrics       gives further metrics for /metrics
    access_log    takes one JSON line per request
    workers       run as long as the service does; the job starts and stops them
    """

    scenarios: Mapping[str, Scenario]
    routers: tuple[APIRouter, ...]
    authenticate: Authenticator
    checks: Mapping[str, Check] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    limits: BodyLimits = field(default_factory=BodyLimits)
    login: Callers | None = None
    scripts: Mapping[str, bytes] = field(default_factory=dict)
    entries: tuple[DeskEntry, ...] = ()
    metrics: Callable[[], Sequence[Metric]] | None = None
    access_log: AccessLog | None = None
    workers: tuple[Worker, ...] = ()
