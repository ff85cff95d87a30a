"""Dead letters over HTTP, and the jobs that publish them again."""

from collections.abc import Sequence
from typing import Any

import pytest

from serving.records.dead_letters import DeadLetters, Message
from serving.records.job_routes import router
from serving.records.job_runs import JobRuns
from stores.records.erasures import ErasedEntities, Erasure, mark_of
from tests.scenarios.tiny import SCENARIO
from tests.support.desk import desk_of
from tests.support.started_jobs import FakeJobs


def letter(offset: int, code: str, *, key: str = "m1", value: bytes = b'{"machine":') -> Message:
    texts = {
        "reason_code": code,
        "reason": f"field of {key} is wrong",
        "source_topic": "tiny.events",
        "source_partition": "0",
        "source_offset": str(offset),
        "source_epoch": "1",
        "source_timestamp_ms": str(1_000 + offset),
        "value_bytes": str(len(value)),
    }
    headers = [(name, text.encode()) for name, text in texts.items()]
    return key.encode(), value, headers


@pytest.fixture
def jobs() -> FakeJobs:
    return FakeJobs()


def client(
    jobs: FakeJobs, messages: Sequence[Message] = (), erased: ErasedEntities | None = None
) -> Any:
    letters = DeadLetters(SCENARIO, lambda: (messages, True), lambda: erased or ErasedEntities())
    return desk_of(router({"tiny": letters}, JobRuns(jobs.start))).client("all")


def test_each_refused_event_is_listed_once_with_counts_by_reason(
    jobs: FakeJobs,
) -> None:
    messages = [
        letter(1, "missing_field"),
        letter(2, "unscorable"),
        letter(3, "missing_field", value=b"\xff<script>" + b"x" * 1_000),
        letter(3, "missing_field", value=b"\xff<script>" + b"x" * 1_000),  # after a restart
        (b"k", b"v", [("reason_code", b"x")]),  # none of ours
        (None, None, [("reason_code", b"x"), ("source_partition", b"-1"), ("source_offset", b"z")]),
    ]
    answer = client(jobs, messages).get("/v1/tiny/dead-letters").json()
    assert answer["by_reason"] == {"missing_field": 2, "unscorable": 1}
    assert [entry["offset"] for entry in answer["letters"]] == [3, 2, 1]
    assert [entry["can_replay"] for entry in answer["letters"]] == [True, False, True]
    assert len(answer["letters"][0]["beginning"]) <= 300
    assert (answer["looked_at"], answer["is_all"]) == (3, True)
    only = client(jobs, messages).get("/v1/tiny/dead-letters", params={"reason": "unscorable"})
    assert [entry["offset"] for entry in only.json()["letters"]] == [2]


def test_nothing_of_an_erased_entity_is_shown(jobs: FakeJobs) -> None:
    erasure = Erasure(
        id="1",
        salt="s",
        marks=(mark_of("m1", "s"),),
        reason="asked for",
        begun_at="2026-11-28T12:00:00+00:00",
    )
    messages = [letter(1, "missing_field"), letter(2, "missing_field", key="m2")]
    answer = client(jobs, messages, ErasedEntities((erasure,))).get("/v1/tiny/dead-letters")
    other, erased = answer.json()["letters"]
    assert (other["key"], other["can_replay"]) == ("m2", True)
    assert (erased["key"], erased["beginning"], erased["can_replay"]) == ("", "", False)
    assert "m1" not in answer.text


def test_chosen_letters_are_published_again_by_the_job_one_run_at_a_time(jobs: FakeJobs) -> None:
    caller = client(jobs)
    body = {"reasons": ["missing_field"], "positions": [{"partition": 0, "offset": 3}]}
    answer = caller.post("/v1/tiny/dead-letters/replays", json=body)
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    (child,) = jobs.children
    assert child.arguments == [
        *("replay_dead_letters", "--scenario", "tiny", "--reason", "missing_field"),
        *("--positions", "0:3", "--yes"),
    ]
    assert caller.post("/v1/tiny/dead-letters/replays", json=body).status_code == 409
    assert caller.post("/v1/tiny/audits", json={"prediction_id": "tiny-1"}).status_code == 409
    child.code = 0
    run = caller.get(answer.headers["location"]).json()
    assert (run["state"], run["exit_code"], run["by"]) == ("done", 0, "all")
    assert run["lines"] == ["looking into (a place on the server)", "2 of 2 events published again"]
    again = caller.post("/v1/tiny/dead-letters/replays", json={**body, "dry_run": True})
    assert again.status_code == 202
    assert jobs.children[1].arguments[-1] == "--dry-run"
    assert [entry["id"] for entry in caller.get("/v1/tiny/runs").json()] == [
        again.json()["id"],
        run["id"],
    ]
    assert caller.get("/v1/tiny/runs/nosuch").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"reasons": ["unscorable"]},
        {"reasons": ["--yes"]},
        {"positions": [{"partition": -1, "offset": 1}]},
        {"positions": [{"partition": 0, "offset": 1}] * 501},
        {"all": True},
    ],
)
def test_a_choice_that_makes_no_sense_starts_nothing(jobs: FakeJobs, body: Any) -> None:
    assert client(jobs).post("/v1/tiny/dead-letters/replays", json=body).status_code == 422
    assert jobs.children == []


def test_an_audit_is_a_job_and_its_unexpected_end_shows_no_trace(jobs: FakeJobs) -> None:
    caller = client(jobs)
    for wrong in ("--entity", "a b", "", "../x"):
        answer = caller.post("/v1/tiny/audits", json={"prediction_id": wrong})
        assert answer.status_code == 422
    answer = caller.post("/v1/tiny/audits", json={"prediction_id": "tiny-1-0-7-v1"})
    assert jobs.children[0].arguments[-2:] == ["--prediction", "tiny-1-0-7-v1"]
    jobs.children[0].code, jobs.children[0].text = 1, "Traceback (most recent call last):\n x"
    run = caller.get(answer.headers["location"]).json()
    assert run["state"] == "failed"
    assert run["lines"] == ["audit ended unexpectedly: its log is beside the service's"]
