"""The demo decides one case of each kind: one that was not analysed, and one that a rule sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jobs.demonstration.agent_view import AgentView
from jobs.demonstration.review_story import ReviewStory
from tests.scenarios.leaves import SCENARIO


def _case(name: str, *because: str, reason_code: str = "", state: str = "open") -> dict[str, Any]:
    return {
        "id": name,
        "because": list(because),
        "reason_code": reason_code,
        "state": state,
        "score": 0.9,
        "band": "sick",
    }


@dataclass(frozen=True)
class FakeView(AgentView):
    """Answers as the service does; remembers decisions."""

    cases: list[dict[str, Any]] = field(default_factory=list)
    decided: dict[str, Any] = field(default_factory=dict)

    def answer(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        if body is None:
            return {"cases": self.cases}
        name = path.split("/")[-2]
        if path.endswith("/claim"):
            return {"token": f"token of {name}", **next(c for c in self.cases if c["id"] == name)}
        assert body["token"] == f"token of {name}"
        self.decided[name] = (body["verdict"], body["note"])
        return {}


def test_one_case_of_each_kind_is_decided() -> None:
    cases = [
        _case("a", "not_analysed", reason_code="attachment_blank", state="claimed"),
        _case("b", "not_analysed", reason_code="attachment_blank"),
        _case("c", "random"),
        _case("d", "rule"),
    ]
    view = FakeView("http://desk", "key", cases)
    lines = ReviewStory(view, SCENARIO).decide()
    assert view.decided == {
        "b": ("seen", "the device was asked to send the image again"),
        "d": ("confirmed", ""),
    }
    assert lines[0].startswith("not analysed (attachment_blank): seen")
    assert lines[1] == "d, score 0.900 (sick): confirmed"
