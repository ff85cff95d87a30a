"""Outcomes to post: read, completed and checked before the first of them is sent."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from features.schema import TIME_FIELD, TYPE_FIELD
from scenarios.contract.records.outcomes import OUTCOME_SCHEMA, OutcomeDecoder, key_of, refusals_of
from scenarios.simulation.records import Record

Document = Mapping[str, Any]

TOPIC_KIND = "outcomes"
_EVENT_TYPE = OUTCOME_SCHEMA.types[0].name
_SHOWN_FAULTS = 10
# Checked and sent together: a file of any length takes the memory of so many lines.
_CHUNK = 10_000


class OutcomesRefused(ValueError):
    """Outcomes break the rules of `scenarios.contract.records.outcomes`; says which."""

    exit_code = 2


def completed(document: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """`document` as it is posted: with its type, and with `now` where it names no time."""
    return {TYPE_FIELD: _EVENT_TYPE, TIME_FIELD: now.isoformat(), **document}


def documents_in(file: Path, *, now: datetime) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and completed outcome of each line of `file`, empty ones left out.

    Raises `OutcomesRefused` for a line that is no JSON object, and `OSError`.
    """
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                document = msgspec.json.decode(line, type=dict[str, Any])
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise OutcomesRefused(f"{file}, line {number}: {error}; nothing is sent") from None
            yield number, completed(document, now=now)


def check_outcomes(
    numbered: Iterable[tuple[int, Document]],
    decoder: OutcomeDecoder,
    *,
    scenario: str,
    now: datetime,
) -> int:
    """How many outcomes there are; raises `OutcomesRefused` that names those that are none.

    numbered: line numbers and completed documents
    """
    prediction_id = re.compile(re.escape(scenario) + r"-(?:batch-.+|\d+-\d+-\d+-v[^-]+)")
    faults: list[str] = []
    refused = total = 0
    now_ms = round(now.timestamp() * 1000)
    for chunk in _chunks(numbered):
        total += len(chunk)
        documents = [document for _, document in chunk]
        sentences = {
            refusal.row: f"{refusal.code}: {refusal.sentence}"
            for refusal in refusals_of(documents, decoder, now_ms=now_ms)
        }
        for row, document in enumerate(documents):
            if row not in sentences and not prediction_id.fullmatch(document["prediction_id"]):
                sentences[row] = (
                    f"{document['prediction_id']!r} is no prediction id of {scenario}, such as "
                    f"{scenario}-1-0-1234-v2"
                )
        refused += len(sentences)
        more = sorted(sentences.items())[: _SHOWN_FAULTS - len(faults)]
        faults += [f"outcome {chunk[row][0]}: {sentence}" for row, sentence in more]
    if refused:
        beyond = f" and {refused - len(faults):,} more" if refused > len(faults) else ""
        raise OutcomesRefused(
            f"{refused:,} of {total:,} outcomes would be refused, nothing is sent: "
            f"{'; '.join(faults)}{beyond}"
        )
    return total


def records_of(documents: Iterable[Document]) -> Iterator[Record]:
    """The Kafka records of checked outcomes, keyed by their entity."""
    for document in documents:
        value = msgspec.json.encode(document)
        kind = str(document["status"])
        yield Record(topic_kind=TOPIC_KIND, kind=kind, key=key_of(document), value=value)


def _chunks(
    numbered: Iterable[tuple[int, Document]],
) -> Iterator[list[tuple[int, Document]]]:
    stream = iter(numbered)
    while chunk := list(islice(stream, _CHUNK)):
        yield chunk
