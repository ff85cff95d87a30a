"""A page about a person shows what a producer sent, and lets none of it act."""

from html.parser import HTMLParser

import msgspec

from batch.proofs.audits.facts import (
    AuditFacts,
    EventFacts,
    FeatureFact,
    FieldFact,
    HistoryFacts,
    PolicyFacts,
    SlotFact,
)
from batch.proofs.audits.report import audit_json, audit_page, audit_text

HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7 * 7 }}\u202e\x1b[2J\nverdict"
)
# Tags of our own pages; any other tag came out of the data.
OWN_TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "p", "h1", "h2", "code", "div",
    "span", "b", "table", "tr", "th", "td", "ul", "li", "footer",
}  # fmt: skip


class Tags(HTMLParser):
    """Names of all tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def facts() -> AuditFacts:
    """Every text that can come from an event, a topic or a file holds the hostile one."""
    text = HOSTILE
    event = EventFacts(
        topic=text, topic_id=text, epoch=1, partition=0, offset=7, kafka_time=text,
        archived_at=text, text=msgspec.json.encode({text: text}).decode(), bytes=9, sha256="0",
    )  # fmt: skip
    names = ("scored_at", "score", "band", "action", "control_group", "review", "entity")
    return AuditFacts(
        scenario="tiny",
        prediction_id=text,
        title="tiny",
        entity=text,
        outcome="not reproduced",
        verdict=text,
        obstacles=[text],
        told_at=text,
        messages=1,
        fields=[
            FieldFact(
                name=name, logged=0.5 if name == "score" else text, recomputed=text, equal=False
            )
            for name in names
        ],
        reasons=[text],
        reasons_recomputed=[text, text],
        event=event,
        history=HistoryFacts(events=1, refused=1, first_at=text, last_at=text),
        state=[SlotFact(name=text, before=text, after=text, changed=True)],
        features=[FeatureFact(name=text, words=text, logged=0.5, recomputed=0.25, equal=False)],
        definitions=text,
        todays_definitions=text,
        model_name=text,
        model_version=text,
        model=None,
        policy=PolicyFacts(version=text, todays_version=text, thresholds={text: 0.0}),
        audited_at=text,
        code=text,
        events_version=1,
        predictions_version=1,
    )


def test_no_tag_or_attribute_comes_out_of_the_data() -> None:
    tags = Tags()
    tags.feed(audit_page(facts()))
    assert tags.tags <= OWN_TAGS
    assert tags.attributes <= {"lang", "charset", "name", "content", "http-equiv", "class"}


def test_a_template_in_the_data_is_not_run() -> None:
    page = audit_page(facts())
    assert "{{ 7 * 7 }}" in page
    assert "49" not in page


def test_nothing_on_a_page_is_reordered_or_hidden() -> None:
    for shown in (audit_page(facts()), audit_text(facts())):
        assert "\u202e" not in shown
        assert "\x1b" not in shown
        assert r"\u202e" in shown


def test_a_line_of_an_event_cannot_pose_as_a_line_of_the_audit() -> None:
    assert "verdict" not in audit_text(facts()).splitlines()


def test_json_keeps_every_text_as_it_is() -> None:
    assert msgspec.json.decode(audit_json(facts()))["entity"] == HOSTILE
