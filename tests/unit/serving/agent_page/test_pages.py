"""The agent page over HTTP: what it says of every kind of customer, and what it records."""

import re
from datetime import UTC, datetime
from html import unescape

import pytest
from fastapi.testclient import TestClient

from scenarios.churn.scenario import SCENARIO
from serving.access.capacity import Capacity
from serving.agent_page.routes import DESK_ENTRY, router
from tests.support.agent_desk import (
    CALLER,
    CALM,
    CONTROL,
    HOSTILE,
    STALE,
    ChurnDesk,
    call,
    call_centre,
    with_hostile_customer,
)
from tests.support.desk import Desk, csrf_token, desk_of

BASE = "/desk/churn/agent"
PART = {"HX-Request": "true"}
LANGUAGES = ("en", "de")


@pytest.fixture
def churn() -> ChurnDesk:
    return call_centre()


def service(churn: ChurnDesk, **parts: object) -> Desk:
    routes = router(
        {"churn": churn.desk(**parts)},
        what_ifs=Capacity(8, "what-ifs"),
        histories=Capacity(8, "histories"),
    )
    return desk_of(routes, scenarios={"churn": SCENARIO}, entries=(DESK_ENTRY,))


@pytest.fixture
def agent(churn: ChurnDesk) -> TestClient:
    return service(churn).browser("agent")


def words(html: str) -> str:
    """What a person reads, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def page(client: TestClient, path: str, entity: str, *, status: int = 200) -> str:
    answer = client.get(f"{BASE}/{path}", params={"id": entity}, headers=PART)
    assert answer.status_code == status, answer.text
    return words(answer.text)


def post(client: TestClient, entity: str, prediction_id: str, **fields: str) -> tuple[int, str]:
    token = csrf_token(client.get(BASE).text)
    answer = client.post(
        f"{BASE}/outcome",
        params={"id": entity},
        data={"prediction_id": prediction_id, "csrf_token": token, **fields},
        headers=PART,
    )
    return answer.status_code, words(answer.text)


def prediction_id(churn: ChurnDesk, entity: str = CALLER) -> str:
    row = churn.store.tables["churn"]
    documents = (
        cell[1].decode()
        for key, cells in row.items()
        for cell in cells.values()
        if key[3:].decode() == entity
    )
    found = re.search(r'"prediction_id":"([^"]+)"', next(documents))
    assert found is not None
    return found[1]


def test_the_whole_id_opens_the_customer(agent: TestClient) -> None:
    answer = agent.get(BASE, params={"q": f" {CALLER} "})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{BASE}/customer?id={CALLER}"


def test_the_beginning_of_an_id_lists_who_begins_so(agent: TestClient) -> None:
    found = words(agent.get(BASE, params={"q": "75"}).text)
    assert "7500-AQXKT" in found
    assert CONTROL not in found
    assert "There are more" in found
    assert "There are more" not in words(agent.get(BASE, params={"q": "7590"}).text)
    assert "begins with zz" in words(agent.get(BASE, params={"q": "zz"}).text)
    assert "two characters" in words(agent.get(BASE, params={"q": "7"}).text)
    assert "begins with" in words(agent.get(BASE, params={"q": "x" * 2_000}).text)


def test_a_band_is_listed_page_by_page(agent: TestClient) -> None:
    seen: list[str] = []
    address = f"{BASE}?band=high"
    while address:
        text = agent.get(address).text
        seen += re.findall(r'class="agent-id">([^<]+)</bdi>', text)
        following = re.findall(r'href="([^"]+)" rel="next"', text)
        address = unescape(following[0]) if following else ""
    assert CALLER in seen
    assert len(seen) == len(set(seen))
    assert agent.get(f"{BASE}?band=moon").status_code == 404
    assert agent.get(f"{BASE}?band=high&cursor=moon").status_code == 404


def test_the_card_says_what_to_do_how_sure_why_and_how_old(
    churn: ChurnDesk, agent: TestClient
) -> None:
    text = words(agent.get(f"{BASE}/customer", params={"id": CALLER}).text)
    row = churn.latest.one(CALLER, churn_now())
    assert row is not None
    assert row.prediction.action in text
    assert row.prediction.reasons[0].text in text
    assert "s old" in text
    assert "everscore-churn 3" in text
    assert f"{100 * row.prediction.score:.0f} %" in text


def churn_now() -> datetime:
    return datetime.now(UTC)


def test_banners_for_control_group_stale_and_review(agent: TestClient) -> None:
    control = words(agent.get(f"{BASE}/customer", params={"id": CONTROL}).text)
    assert "No action: this customer is in the control group" in control
    assert "there is nothing to record" in control
    stale = words(agent.get(f"{BASE}/customer", params={"id": STALE}).text)
    assert "This score is old." in stale
    assert "it was valid until" in stale
    assert "Under review." in stale
    calm = words(agent.get(f"{BASE}/customer", params={"id": CALM}).text)
    assert "Nothing to do" in calm
    for banner in ("This score is old", "Under review", "Control group"):
        assert banner not in calm


def test_a_customer_without_a_row_is_a_friendly_page(agent: TestClient) -> None:
    for entity in ("nobody", "", "x" * 600):
        answer = agent.get(f"{BASE}/customer", params={"id": entity})
        assert answer.status_code == 404
        assert "No score yet" in words(answer.text)
    assert page(agent, "card", "nobody", status=404)


def test_what_would_lower_the_score(churn: ChurnDesk, agent: TestClient) -> None:
    text = page(agent, "lower", CALLER)
    assert "The smallest changes" in text
    assert "becomes" in text
    assert "lowest band already" in page(agent, "lower", CALM)
    assert "Not shown for the control group" in page(agent, "lower", CONTROL)
    closed = service(churn, what_if=None).browser("agent")
    assert "cannot be computed" in page(closed, "lower", CALLER)


def test_the_timeline_has_events_scores_and_answers(churn: ChurnDesk, agent: TestClient) -> None:
    text = page(agent, "timeline", CALLER)
    assert "the customer called support" in text
    assert "minutes: 16 minutes" in text
    assert "Score" in text
    assert "archive reaches to" in text
    assert "nothing of this customer" in page(agent, "timeline", "nobody")
    without = service(churn, history=None).browser("agent")
    assert "There is no archive here" in page(without, "timeline", CALLER)
    churn.archive.away = True
    assert "cannot be read now" in page(agent, "timeline", CALLER, status=503)


def test_a_printable_page_has_all_parts_at_once(churn: ChurnDesk, agent: TestClient) -> None:
    html = agent.get(f"{BASE}/printable", params={"id": CALLER}).text
    assert "The smallest changes" in words(html)
    assert "the customer called support" in words(html)
    assert 'hx-trigger="load' not in html
    assert "sse-connect" not in html
    churn.archive.away = True
    text = words(agent.get(f"{BASE}/printable", params={"id": CALLER}).text)
    assert "The smallest changes" in text  # one part that is away says so, the others are shown
    assert "cannot be read now" in text


def test_an_answer_is_posted_once_and_shown_in_place(churn: ChurnDesk, agent: TestClient) -> None:
    id_ = prediction_id(churn)
    answer = {"status": "accepted", "offer": "a contract of one year", "cost": "12,50"}
    for _ in range(2):  # two presses of one key
        status, text = post(agent, CALLER, id_, **answer)
        assert status == 200
        assert "Accepted" in text
        assert "Undo" in text
    (document,) = churn.outbox.documents
    assert document["prediction_id"] == id_
    assert document["entity"] == CALLER
    assert document["offer"] == "a contract of one year"
    assert document["cost"] == 12.5
    assert document["agent"]


def test_undo_is_a_later_outcome(churn: ChurnDesk, agent: TestClient) -> None:
    id_ = prediction_id(churn)
    assert post(agent, CALLER, id_, status="accepted", undo="1")[0] == 422
    post(agent, CALLER, id_, status="accepted", offer="o", cost="3")
    status, text = post(agent, CALLER, id_, status="accepted", undo="1")
    assert status == 200
    assert "recorded by mistake" in text
    assert [document["status"] for document in churn.outbox.documents] == ["accepted", "refused"]
    assert post(agent, CALLER, id_, status="accepted", undo="1")[0] == 422


def test_what_is_missing_is_said_and_what_was_typed_stays(
    churn: ChurnDesk, agent: TestClient
) -> None:
    id_ = prediction_id(churn)
    assert post(agent, CALLER, id_, status="refused")[1].count("Why was it refused?") == 1
    assert "number" in post(agent, CALLER, id_, status="shown", cost="much")[1]
    assert "number" in post(agent, CALLER, id_, status="shown", cost="nan")[1]
    assert "what happened" in post(agent, CALLER, id_, status="moon")[1]
    assert "prediction_id" in post(agent, CALLER, "", status="shown")[1]
    assert "512" in post(agent, CALLER, id_, status="shown", offer="x" * 600)[1]
    assert churn.outbox.documents == []
    status, _ = post(agent, CALLER, id_, status="refused", reason_text="moves to the moon")
    assert status == 200
    assert churn.outbox.documents[-1]["reason"] == "moves to the moon"


def test_nothing_is_recorded_for_the_control_group(churn: ChurnDesk, agent: TestClient) -> None:
    assert post(agent, CONTROL, prediction_id(churn, CONTROL), status="shown")[0] == 409
    assert churn.outbox.documents == []


def test_a_browser_without_scripts_gets_whole_pages(churn: ChurnDesk, agent: TestClient) -> None:
    token = csrf_token(agent.get(BASE).text)
    for part in ("lower", "timeline", "card", "outcome"):
        answer = agent.get(f"{BASE}/{part}", params={"id": CALLER})
        assert answer.text.startswith("<!doctype html>")
    fields = {"prediction_id": prediction_id(churn), "status": "shown", "csrf_token": token}
    answer = agent.post(f"{BASE}/outcome", params={"id": CALLER}, data=fields)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{BASE}/customer?id={CALLER}"
    assert "Offer shown" in words(agent.get(answer.headers["location"]).text)


def test_a_store_or_kafka_that_is_away_is_said_with_what_to_do(
    churn: ChurnDesk, agent: TestClient
) -> None:
    id_ = prediction_id(churn)
    token = csrf_token(agent.get(BASE).text)
    with churn.away():
        for path in ("?q=75", "?band=high", f"/customer?id={CALLER}", f"/card?id={CALLER}"):
            answer = agent.get(BASE + path)
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "5"
            assert "does not answer" in words(answer.text)
    churn.outbox.away = True
    fields = {"prediction_id": id_, "status": "shown", "offer": "o", "csrf_token": token}
    answer = agent.post(f"{BASE}/outcome", params={"id": CALLER}, data=fields, headers=PART)
    assert answer.status_code == 503
    assert "Not confirmed" in words(answer.text)
    assert 'value="o"' in answer.text


def test_a_new_score_leaves_the_answer_to_the_old_one(churn: ChurnDesk, agent: TestClient) -> None:
    old = prediction_id(churn)
    churn.receive([call(CALLER, churn_now())])
    status, text = post(agent, CALLER, old, status="shown")
    assert status == 200
    assert churn.outbox.documents[-1]["prediction_id"] == old
    assert "The score has changed since" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_texts_are_shown_harmlessly(churn: ChurnDesk, language: str) -> None:
    entity = with_hostile_customer(churn)
    assert entity == HOSTILE
    agent = service(churn).browser("agent")
    agent.headers["Accept-Language"] = language
    answers = [
        agent.get(f"{BASE}/{path}", params={"id": entity})
        for path in ("customer", "card", "lower", "timeline", "outcome", "printable")
    ]
    answers.append(agent.get(BASE, params={"q": "<script>"}))
    answers.append(agent.get(BASE, params={"q": "<img src=x onerror=alert(1)>"}))
    for answer in answers:
        assert answer.status_code == 200, answer.text
        # What a field holds is what it sends: there the marks reorder nothing but the field.
        shown = re.sub(r'value="[^"]*"', "", answer.text)
        for harm in ("<script>alert", "<img src=x", "<i>", "<b>", "\u202e", "\u2066"):
            assert harm not in shown
        assert len(answer.text) < 60_000
    status, _ = post(agent, entity, prediction_id_of(answers[0].text), status="shown", offer="<b>")
    assert status == 200
    assert churn.outbox.documents[-1]["entity"] == entity


def prediction_id_of(html: str) -> str:
    found = re.search(r'name="prediction_id" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def test_each_text_has_both_languages(churn: ChurnDesk) -> None:
    client = service(churn).browser("agent")
    client.headers["Accept-Language"] = "de"
    text = words(client.get(f"{BASE}/customer", params={"id": CALLER}).text)
    assert "Jetzt tun" in text
    assert "Angebot gemacht" in text
    assert "Do now" not in text


def test_who_may_not_sees_no_form(churn: ChurnDesk) -> None:
    desk = service(churn)
    assert desk.client().get(BASE).status_code in (303, 401)
    assert desk.client("operator").get(BASE).status_code == 403
    reviewer = desk.browser("reviewer")
    text = words(reviewer.get(f"{BASE}/customer", params={"id": CALLER}).text)
    assert "a key of an agent is needed" in text
    assert post(reviewer, CALLER, "churn-1-0-1-v3", status="shown")[0] == 403


def test_an_unknown_scenario_names_those_that_exist(agent: TestClient) -> None:
    answer = agent.get("/desk/moon/agent")
    assert answer.status_code == 404
    assert "churn" in answer.text
