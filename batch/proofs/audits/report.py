"""An audit as text for the console, JSON for machines, and a page that can be printed and filed."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from batch.proofs.audits.facts import AuditFacts, FeatureFact, FieldFact
from reports.files import write_bytes, write_text
from reports.pages import page
from reports.terminal import one_line

_TEMPLATE = "audit.html"
_WIDTH = 24
_UTC_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(\.\d+)?)\+00:00")


def audit_json(facts: AuditFacts) -> bytes:
    """The facts as indented JSON; floats with all digits that matter."""
    return msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n"


def write_reports(facts: AuditFacts, folder: Path) -> Path:
    """Write ID.txt, ID.json and ID.html into `folder` (created when missing); returns the page."""
    stem = re.sub(r"[^\w.-]", "_", facts.prediction_id)
    write_bytes(folder / f"{stem}.json", audit_json(facts))
    write_text(folder / f"{stem}.txt", audit_text(facts) + "\n")
    return write_text(folder / f"{stem}.html", audit_page(facts))


def audit_page(facts: AuditFacts) -> str:
    """One self-contained page that prints on A4."""
    changed = [slot for slot in facts.state if slot.changed]
    values = {
        "facts": facts,
        "changed": changed,
        "event_fields": _event_fields(facts),
        "field": {field.name: field for field in facts.fields},
        "number": number,
        "mark": mark,
        "equal_features": sum(feature.equal is True for feature in facts.features),
    }
    return page(_TEMPLATE, values)


def audit_text(facts: AuditFacts) -> str:
    """The whole story as lines."""
    return "\n".join(one_line(line) for line in _lines(facts))


def number(value: object) -> str:
    """A value as page and text show it: floats with all digits, times plain, `-` for missing."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return repr(value)
    return _UTC_TIME.sub(r"\1 \2", str(value))


def mark(equal: bool | None) -> str:
    """The result of a comparison in a word."""
    return {True: "equal", False: "DIFFERENT", None: "not recomputed"}[equal]


def _event_fields(facts: AuditFacts) -> Sequence[tuple[str, str]]:
    """The event's own fields, when it is the flat JSON object that it should be."""
    try:
        event = msgspec.json.decode(facts.event.text)
    except msgspec.MsgspecError:
        return []
    return (
        [(name, number(value)) for name, value in event.items()] if isinstance(event, dict) else []
    )


def _lines(facts: AuditFacts) -> Iterator[str]:
    event, history = facts.event, facts.history
    yield f"Audit of {facts.prediction_id} ({facts.title})"
    yield facts.verdict
    yield from _section("Prediction")
    yield _pair("entity", facts.entity)
    yield _pair("logged", f"{number(facts.told_at)}, number of messages: {facts.messages}")
    yield from (_compared(field) for field in facts.fields)
    yield from (f"  reason: {reason}" for reason in facts.reasons)
    yield from _section("Source event")
    yield _pair("position", f"{event.topic} partition {event.partition} offset {event.offset}")
    yield _pair("epoch, topic id", f"{event.epoch}, {event.topic_id}")
    yield _pair("arrived (Kafka)", number(event.kafka_time))
    yield _pair("archived", number(event.archived_at))
    yield _pair("SHA-256", f"{event.sha256} ({event.bytes} bytes)")
    yield _pair("as it came", event.text)
    yield from _section("State")
    first, last = number(history.first_at), number(history.last_at)
    between = f", which arrived from {first} to {last}" if history.first_at else ""
    yield _pair("events folded before", f"{history.events}{between}")
    for slot in facts.state:
        sign = "*" if slot.changed else " "
        yield f" {sign}{slot.name:<{_WIDTH}} {number(slot.before)} -> {number(slot.after)}"
    yield from _section(f"Features (definitions {facts.definitions})")
    yield from (_feature(feature) for feature in facts.features)
    yield from _section("Model")
    yield from _model(facts)
    yield from _section("Policy")
    same = "the same today" if facts.policy.is_todays else f"today {facts.policy.todays_version}"
    yield _pair("version", f"{facts.policy.version}, {same}")
    bands = ", ".join(f"{band} from {lowest:g}" for band, lowest in facts.policy.thresholds.items())
    yield _pair("bands", bands)
    yield ""
    yield (
        f"audited {number(facts.audited_at)} by code {facts.code}; archive versions: events "
        f"{facts.events_version}, predictions {facts.predictions_version}"
    )
    yield facts.verdict


def _model(facts: AuditFacts) -> Iterator[str]:
    model = facts.model
    yield _pair("version", f"{facts.model_name} {facts.model_version}")
    if model is None:
        yield _pair("registry", "does not have it")
        return
    yield _pair("trained", f"{number(model.created_at)}, MLflow run {model.run_id}")
    yield _pair("files", model.artifact_uri)
    checked = "checked" if model.is_checked else "NOT confirmed"
    yield _pair("SHA-256", f"{model.sha256} ({checked})")
    yield _pair("code", model.git_commit)
    if model.snapshot is not None:
        snapshot = model.snapshot
        rows = f"{snapshot.rows:,} rows, digest {snapshot.rows_digest}"
        yield _pair("training snapshot", f"number {snapshot.number}, {rows}")
        yield _pair("snapshot's table", f"{snapshot.path} version {snapshot.version}")
    versions = (
        f"{name} {then}" if then == now else f"{name} {then} (now {now})"
        for name, (then, now) in model.libraries.items()
    )
    yield _pair("libraries", ", ".join(versions))


def _section(title: str) -> Iterator[str]:
    yield ""
    yield title


def _pair(name: str, value: object) -> str:
    return f"  {name:<{_WIDTH}} {value}"


def _feature(fact: FeatureFact) -> str:
    again = "" if fact.equal else f", recomputed {number(fact.recomputed)}"
    return _pair(fact.name, f"{number(fact.logged)}{again}: {mark(fact.equal)} ({fact.words})")


def _compared(fact: FieldFact) -> str:
    again = "" if fact.equal else f", recomputed {number(fact.recomputed)}"
    by = f", difference {fact.difference!r}" if fact.equal is False and fact.difference else ""
    return _pair(fact.name, f"{number(fact.logged)}{again}: {mark(fact.equal)}{by}")
