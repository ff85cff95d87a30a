"""Requests made up from the OpenAPI document, valid and not, and what is wrong with the answers."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from tests.support.desk import insides_in

_SECONDS = 30.0
_UNEXPECTED = "urn:everscore:problem:unexpected"
# The document of readiness, which is no problem document: clients of the protocol read it.
_HEALTH = ("/v2/health/ready", "/ping", "/health")


@dataclass
class FuzzReport:
    """Operation and status → answers, and those that must not be."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Requests that were answered."""
        return sum(self.answers.values())

    @property
    def summary(self) -> str:
        """A line per operation."""
        lines = []
        for name in sorted({name for name, _ in self.answers}):
            statuses = sorted((s, n) for (other, s), n in self.answers.items() if other == name)
            lines.append(f"{name}: {', '.join(f'{n} x {s}' for s, n in statuses)}")
        return "\n".join(lines)


def fuzzed(
    address: str, document: Mapping[str, Any], *, key: str, count: int, seed: int = 0
) -> FuzzReport:
    """Send about `count` requests, or somewhat more, to the service at `address`.

    Half of them are as the document wants them, half break it somewhere. Every operation gets the
    same number as long as there is something new to ask it: one without parameters is soon done.
    Each failure has its command for curl.
    """
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(document)))
    report, session = FuzzReport(), requests.Session()
    session.headers["Authorization"] = f"Bearer {key}"
    made: list[Any] = list(schema.get_all_operations())
    runs = [(result.ok(), mode) for result in made for mode in GenerationMode]
    while runs and report.count < count:
        share = max(5, min(500, (count - report.count) // len(runs)))
        seed += 1
        sent = [_send(run, address, session, report, share=share, seed=seed) for run in runs]
        runs = [run for run, number in zip(runs, sent, strict=True) if number >= share / 2]
    return report


def _send(
    run: tuple[Any, GenerationMode],
    address: str,
    session: requests.Session,
    report: FuzzReport,
    *,
    share: int,
    seed: int,
) -> int:
    """At most `share` requests to one operation; returns how many were answered."""
    operation, mode = run
    before = report.count

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=share,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        try:
            answer = case.call(
                base_url=address, session=session, timeout=_SECONDS, allow_redirects=False
            )
        except (ValueError, UnicodeError):  # what HTTP cannot carry never arrives
            return
        name = f"{case.operation.method.upper()} {case.operation.path}"
        report.answers[name, answer.status_code] += 1
        for fault in faults_of(name, answer):
            report.failures.append(f"{name}: {fault}; {case.as_curl_command()[:500]}")

    with contextlib.suppress(Unsatisfiable):  # nothing to ask wrongly
        send()
    return report.count - before


def faults_of(name: str, answer: Any) -> Iterator[str]:
    """What is wrong with an answer: a 5xx without a reason, our insides, no security headers."""
    text = answer.content.decode("utf-8", "replace")
    is_health = name.partition(" ")[2] in _HEALTH
    if answer.status_code >= 500 and not is_health:
        document = problem_in(text)
        if document is None or document.get("type") in (_UNEXPECTED, "about:blank", None):
            yield f"{answer.status_code} without a reason: {text[:300]!r}"
    if answer.status_code >= 400 and (inside := insides_in(text)):
        yield f"{answer.status_code} shows {inside}: {text[:300]!r}"
    names = {str(header).lower() for header in answer.headers}
    if "content-security-policy" not in names:
        yield f"{answer.status_code} without security headers"


def problem_in(text: str) -> Mapping[str, Any] | None:
    """The problem document in a body, if it is one."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
