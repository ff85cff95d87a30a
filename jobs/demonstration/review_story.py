"""Review decisions by the web service: on an image that was not analysed, and on a verdict."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.demonstration.agent_view import AgentView
from jobs.launcher.child_jobs import ChildFailed
from scenarios.contract.review.plan import SEEN
from scenarios.contract.scenario import Scenario

_ARRIVAL_SECONDS = 90.0
_MOST_CASES = 1_000


@dataclass(frozen=True)
class ReviewStory:
    """Decides as the person of the view's key would."""

    view: AgentView
    scenario: Scenario

    def decide(self) -> list[str]:
        """Decide one case of each kind that is waiting; a line for each."""
        return list(self._decisions(self._waiting()))

    def picture(self, folder: Path) -> tuple[str, Path]:
        """The address of the review page, and a picture of it with a case that is held."""
        if (case := self._first(self._waiting(), is_analysed=True)) is not None:
            self._answer(f"/cases/{case['id']}/claim", {})
        address = f"{self.view.address}/desk/{self.scenario.name}/review"
        return address, self.view.review_picture(self.scenario.name, folder)

    def _decisions(self, cases: Sequence[dict[str, Any]]) -> Iterator[str]:
        refused = self._first(cases, is_analysed=False)
        if refused is not None:
            note = "the device was asked to send the image again"
            self._decide(refused["id"], SEEN, note)
            yield f"not analysed ({refused['reason_code']}): seen, {note}"
        case = self._first(cases, is_analysed=True)
        if case is not None:
            verdict = next(v.name for v in self.scenario.review.verdicts if v.label)
            claimed = self._decide(case["id"], verdict, "")
            yield f"{case['id']}, score {claimed['score']:.3f} ({case['band']}): {verdict}"

    def _decide(self, case_id: str, verdict: str, note: str) -> Any:
        claimed = self._answer(f"/cases/{case_id}/claim", {})
        body = {"token": claimed["token"], "verdict": verdict, "note": note}
        self._answer(f"/cases/{case_id}/decision", body)
        return claimed

    def _waiting(self) -> Sequence[dict[str, Any]]:
        """The open cases, once one with a verdict has arrived; raises `ChildFailed`."""
        deadline = time.monotonic() + _ARRIVAL_SECONDS
        while time.monotonic() < deadline:
            listed = self._answer(f"?limit={_MOST_CASES}")["cases"]
            cases = [case for case in listed if case["state"] == "open"]
            if self._first(cases, is_analysed=True) is not None:
                return cases
            time.sleep(0.5)
        raise ChildFailed(f"no case for review arrived in {_ARRIVAL_SECONDS:.0f} s")

    def _first(
        self, cases: Sequence[dict[str, Any]], *, is_analysed: bool
    ) -> dict[str, Any] | None:
        """The first case of the kind; of those with a verdict one that a rule sends, if any."""
        fitting = [case for case in cases if (not case["reason_code"]) == is_analysed]
        fitting.sort(key=lambda case: "rule" not in case["because"])
        return next(iter(fitting), None)

    def _answer(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self.view.answer(f"/v1/{self.scenario.name}/review{path}", body)
