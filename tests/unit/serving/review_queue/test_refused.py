"""Events that were not analysed: cases that come first, never look analysed, and lose nothing."""

from datetime import timedelta

import msgspec
import pytest

from features.events import reasons
from scenarios.contract.policy import PolicyError
from scenarios.contract.review.decisions import decision_in
from scenarios.contract.review.plan import SEEN, ReviewPlan, ReviewVerdict
from serving.pages.texts import texts
from serving.review_queue.agreement import agreement_figures
from serving.review_queue.errors import InputRefused
from serving.review_queue.keeper import Keeper
from serving.review_queue.messages import CaseRecord, refused_case
from stores.records.erasures import ErasedEntities, Erasure, mark_of
from stores.records.review_cases import NOT_ANALYSED, ReviewCase
from streaming.position.staleness import StreamLag
from tests.support.leaf_desk import NOTICE, RULES, LeafDesk, blank_event, letter
from tests.support.pictures import data_url
from tests.support.review_cases import BEGIN, BEGIN_MS
from tests.unit.serving.review_queue.test_keeper import ListedTopic, Published

PAGE = "/desk/leaves/review"


def keeper_over(
    desk: LeafDesk, letters: list[CaseRecord], published: Published, erased: ErasedEntities
) -> Keeper:
    return Keeper(
        "leaves",
        RULES,
        desk.store,
        ListedTopic([]),
        published,
        erased=lambda: erased,
        monotonic=lambda: 0.0,
        letters=ListedTopic(letters),
        shown=desk.attachments.shown,
    )


def filled(desk: LeafDesk, letters: list[CaseRecord]) -> Published:
    published = Published()
    keeper = keeper_over(desk, letters, published, ErasedEntities())
    while keeper.step():
        pass
    return published


def order(desk: LeafDesk) -> list[str]:
    return [case.id for case in desk.queue.waiting()[0]]


def decide(desk: LeafDesk, case: ReviewCase, verdict: str, note: str = "") -> None:
    held = desk.queue.claim("ann", case.id)
    assert held.claim is not None
    desk.queue.decide("ann", case.id, held.claim.token, verdict, note)


def test_they_come_before_all_others_in_order_of_arrival() -> None:
    desk = LeafDesk()
    urgent = desk.add_case(1)
    late = desk.add_refused(7, b"{", "malformed_json", arrived_ms=BEGIN_MS + 500)
    early = desk.add_refused(9, blank_event(), "attachment_blank", arrived_ms=BEGIN_MS - 500)
    assert order(desk) == [early.id, late.id, urgent.id]
    desk.store.clock_ms += 10 * 3_600_000  # all are overdue
    assert order(desk) == [early.id, late.id, urgent.id]
    first = desk.queue.claim_next("ann")
    assert first is not None
    assert first.id == early.id


def test_a_dead_letter_is_one_case_however_often_it_is_read() -> None:
    desk = LeafDesk()
    letters = [letter(3, blank_event(), "attachment_blank"), letter(4, b"\xff", "not_utf8")]
    filled(desk, [*letters, letters[0]])
    cells = dict(desk.store.cells)
    assert len(cells) == 2
    assert desk.store.letters_position is not None
    desk.store.letters_position = None
    filled(desk, letters)
    assert desk.store.cells == cells


@pytest.mark.parametrize(
    "record",
    [
        CaseRecord(b"{}", 0),
        CaseRecord(b"{}", 0, b"k", (("reason_code", b"too_deep"),)),
        letter(1, b"", reasons.ERASED),
    ],
)
def test_what_is_no_dead_letter_of_a_living_entity_is_no_case(record: CaseRecord) -> None:
    assert refused_case(record, "leaves", RULES, LeafDesk().attachments.shown) is None


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[" * 10_000,
        b'{"leaf": 3}',
        b'{"leaf": "\\ud800"}',
        blank_event()[:-20],
        b"[]",
        msgspec.json.encode({"leaf": "sha256:" + "0" * 64}),
        msgspec.json.encode({"leaf": "data:image/png;base64," + "A" * 70_000}),
        msgspec.json.encode({"leaf": data_url(b"no picture"), "stem": "x"}),
    ],
)
def test_whatever_was_sent_is_a_case_and_shows_what_it_can(value: bytes) -> None:
    case = LeafDesk().add_refused(1, value, "attachment_broken")
    assert case.attachments == {}
    assert RULES.verdicts_of(case) == [SEEN]


def test_a_finding_is_given_where_something_can_be_seen() -> None:
    desk = LeafDesk()
    shown = desk.add_refused(1, blank_event(), "attachment_blank")
    hidden = desk.add_refused(2, b"{", "malformed_json")
    assert RULES.verdicts_of(shown) == ["sick", "well", "unclear", SEEN]
    with pytest.raises(InputRefused, match="seen"):
        decide(desk, hidden, "sick")
    with pytest.raises(InputRefused, match="note"):
        decide(desk, hidden, SEEN, "  ")
    decide(desk, hidden, SEEN, "asked for another picture")
    decide(desk, shown, "sick")
    published = filled(desk, [])
    by_id = {d.prediction_id: d for d in map(decision_in, (v for _, v in published.records)) if d}
    assert by_id[shown.id].label == 1
    assert by_id[hidden.id].label is None
    for decision in by_id.values():
        assert (decision.because, decision.propensity) == ((NOT_ANALYSED,), 1.0)
        assert (decision.score, decision.band, decision.model_version) == (None, "", "")
    assert (by_id[hidden.id].partition, by_id[hidden.id].offset) == (0, 2)
    assert by_id[hidden.id].prediction_id == "leaves-1-0-2-refused"
    assert order(desk) == []
    assert agreement_figures(desk.queue.decided(), RULES.plan).with_model.cases == 0


def test_a_reference_whose_content_is_stored_is_shown_though_the_event_was_refused() -> None:
    desk = LeafDesk()
    reference = desk.add_case(1).attachments["leaf"]
    value = msgspec.json.encode({"type": "picture", "plant": "fern 1", "leaf": reference})
    assert desk.add_refused(2, value, "missing_field").attachments == {"leaf": reference}


def test_what_came_before_an_erasure_is_no_case() -> None:
    erasure = Erasure(
        id="1",
        salt="s",
        marks=(mark_of("fern 1", "s"),),
        reason="asked",
        begun_at="2020-01-01T00:00:00+00:00",
        epoch=1,
        first_offsets={0: 5},
    )
    desk, published = LeafDesk(), Published()
    letters = [letter(offset, blank_event(), "attachment_blank") for offset in (4, 5)]
    keeper_over(desk, letters, published, ErasedEntities((erasure,))).fill()
    assert order(desk) == ["leaves-1-0-5-refused"]


def test_a_plan_whose_verdict_has_the_name_of_seen_is_refused() -> None:
    with pytest.raises(PolicyError, match="seen"):
        ReviewPlan(reviews_refused=True, verdicts=(ReviewVerdict(name=SEEN, label=None),))


def test_every_reason_has_its_words_in_both_languages() -> None:
    for language in ("en", "de"):
        for code in (*reasons.REFUSAL_CODES, reasons.UNSCORABLE):
            assert f"review.refused_{code}" in texts(language)


def test_the_page_says_not_analysed_and_never_a_band() -> None:
    desk = LeafDesk()
    desk.add_case(1)
    case = desk.add_refused(2, blank_event(), "attachment_blank")
    browser = desk.desk.browser("ann")
    text = browser.get(PAGE).text
    assert "Not analysed: the attachment is blank" in text
    assert text.index(case.id) < text.index("leaves-1-0-1-v1")
    assert NOTICE in text
    desk.queue.claim("ann", case.id)
    card = browser.get(PAGE).text.partition('id="queue-title"')[0]
    assert "a sentence about it" in card
    assert 'value="seen"' in card
    assert "badge" not in card
    assert "%" not in card.partition("<main")[2]
    german = browser.get(PAGE, headers={"Accept-Language": "de"}).text
    assert "Nicht ausgewertet: der Anhang ist leer" in german


def test_the_page_says_since_when_nothing_is_analysed() -> None:
    desk = LeafDesk()
    browser = desk.desk.browser("ann")
    assert 'id="outage"' not in browser.get(PAGE).text
    desk.lag.lag = StreamLag({0: BEGIN, 1: BEGIN + timedelta(seconds=30)}, 60.0)
    desk.seconds_later = 59.0
    assert 'id="outage"' not in browser.get(PAGE).text
    desk.seconds_later = 240.0
    text = browser.get(PAGE).text
    assert "Triage unavailable since" in text
    assert f"{BEGIN:%H:%M} UTC</time> (4 min)" in text
    desk.lag.lag, desk.lag.failure = StreamLag({}, 60.0), "Kafka is away"
    assert "It is not known whether new events are analysed" in browser.get(PAGE).text


def test_what_waits_is_shown_in_order_of_arrival_and_said_to_be_not_analysed() -> None:
    desk = LeafDesk()
    desk.lag.lag, desk.seconds_later = StreamLag({0: BEGIN}, 60.0), 240.0
    browser = desk.desk.browser("ann")
    assert "not yet in this list" in browser.get(PAGE).text  # they cannot be read
    desk.records = [
        letter(number, blank_event(), "", key=f"fern {number}".encode()) for number in range(25)
    ]
    desk.moment += 10.0
    text = browser.get(PAGE).text
    assert "is shown in order of arrival, not analysed" in text
    section = text.partition('id="waiting"')[2].partition("</section>")[0]
    assert section.count("data:image/png;base64,") == section.count("Not analysed") == 20
    assert section.index("fern 0") < section.index("fern 1") < section.index("fern 19")
    assert "fern 20" not in section
    desk.records = []
    assert 'id="waiting"' in browser.get(PAGE).text  # as some seconds ago
    desk.moment += 10.0
    assert 'id="waiting"' not in browser.get(PAGE).text
