"""Whether the service lives and can answer: the paths of two protocols, and Prometheus' metrics.

`/v2/health/…` is the Open Inference Protocol's, `/ping`, `/health` and `/version` MLflow's.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from reports.metrics_file import Metric, metrics_text
from reports.terminal import message_of
from serving.access.roles import Allowed, Principal, Role, caller_of
from serving.parts import Check
from serving.problems import without_paths

OPEN_ROUTES = frozenset({"/v2/health/live", "/v2/health/ready", "/ping", "/health", "/version"})


@dataclass
class Readiness:
    """Runs all checks at once and remembers the result for `fresh_seconds`.

    limit_seconds  a check that takes longer has failed; it is not started a second time meanwhile
    """

    checks: Mapping[str, Check]
    fresh_seconds: float = 1.0
    limit_seconds: float = 5.0
    clock: Callable[[], float] = time.monotonic
    _failures: Mapping[str, str] = field(default_factory=dict, init=False)
    _checked_at: float | None = field(default=None, init=False)
    _running: dict[str, "Future[str | None]"] = field(default_factory=dict, init=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False)
    _threads: ThreadPoolExecutor | None = field(default=None, init=False)

    def failures(self) -> Mapping[str, str]:
        """Check → why it fails; empty when the service is ready."""
        with self._turn:
            now = self.clock()
            if self._checked_at is None or now - self._checked_at >= self.fresh_seconds:
                self._failures = self._check_all()
                self._checked_at = self.clock()
            return self._failures

    def _check_all(self) -> Mapping[str, str]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(max(1, len(self.checks)), "readiness")
        for name, check in self.checks.items():
            if name not in self._running:
                self._running[name] = self._threads.submit(check)
        give_up_at = time.monotonic() + self.limit_seconds
        failures = {}
        for name, result in list(self._running.items()):
            try:
                failure = result.result(timeout=max(0.0, give_up_at - time.monotonic()))
                del self._running[name]
            except TimeoutError:
                failure = f"no answer within {self.limit_seconds:g} s"
                if result.done():
                    del self._running[name]
            except Exception as error:
                failure = message_of(error) or type(error).__name__
                del self._running[name]
            if failure is not None:
                failures[name] = failure
        return failures


def health_router(
    readiness: Readiness, *, further_metrics: Callable[[], Sequence[Metric]] | None = None
) -> APIRouter:
    """The operations of health, which need no key, and the metrics, which need one."""
    router = APIRouter(tags=["health"])

    @router.get("/v2/health/live")
    async def live() -> dict[str, bool]:
        """Whether the process answers."""
        return {"live": True}

    @router.get("/v2/health/ready", responses={503: {"description": "a check fails"}})
    def ready(
        request: Request, caller: Annotated[Principal | None, Depends(_known_caller)]
    ) -> Response:
        """Whether all checks pass; names those that fail, and to a caller with a key says why."""
        failures = readiness.failures()
        failing: object = sorted(failures)
        if caller is not None:
            failing = {name: without_paths(text) for name, text in sorted(failures.items())}
        document = {"ready": not failures, "failing": failing}
        return JSONResponse(document, status_code=503 if failures else 200, headers=_wait(failures))

    @router.get("/ping", responses={503: {"description": "a check fails"}})
    @router.get("/health", responses={503: {"description": "a check fails"}})
    def healthy() -> Response:
        """MLflow's question whether the model can be asked; an empty line, as MLflow answers."""
        failures = readiness.failures()
        return PlainTextResponse(
            "\n", status_code=503 if failures else 200, headers=_wait(failures)
        )

    @router.get("/version")
    async def mlflow_version() -> PlainTextResponse:
        """The version of MLflow whose protocol `/invocations` speaks."""
        return PlainTextResponse(version("mlflow"))

    @router.get("/metrics", response_class=PlainTextResponse)
    def metrics(
        request: Request, caller: Annotated[Principal, Depends(Allowed(Role.OPERATOR))]
    ) -> PlainTextResponse:
        """Prometheus' text format: requests by operation and status, times, readiness."""
        failures = readiness.failures()
        samples = [({"check": name}, float(name not in failures)) for name in readiness.checks]
        checks = Metric(
            name="everscore_serving_check_ok", meaning="1 = the check passes.", samples=samples
        )
        further = further_metrics() if further_metrics is not None else ()
        text = metrics_text([*request.app.state.metrics.metrics(), checks, *further])
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    return router


async def _known_caller(request: Request) -> Principal | None:
    """Who calls, if anybody: health needs no key."""
    return await caller_of(request)


def _wait(failures: Mapping[str, str]) -> dict[str, str]:
    return {"Retry-After": "5"} if failures else {}
