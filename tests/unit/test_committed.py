"""No client that reads records forgets to ask for committed ones only."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("batch", "bench", "jobs", "monitoring", "proofs", "stores", "streaming")
# They read no event: one lists topics, one counts offsets, one reads what our own sink wrote.
WITHOUT_EVENTS = {
    "stores/kafka/topics.py",
    "monitoring/counts.py",
    "bench/suite/observations/published.py",
}
_READS = re.compile(r"\bKafkaConsumer\(|\bread(?:Stream)?\s*\.\s*format\(\"kafka\"\)")


def readers() -> list[str]:
    """The files that make a consumer or a source of Kafka; peers of the benchmark are others'."""
    files = [each for folder in FOLDERS for each in (ROOT / folder).rglob("*.py")]
    named = {str(each.relative_to(ROOT)): each.read_text() for each in files}
    return sorted(n for n, text in named.items() if _READS.search(text) and "peers" not in n)


@pytest.mark.parametrize("name", sorted(set(readers()) - WITHOUT_EVENTS))
def test_a_reader_of_records_asks_for_committed_ones(name: str) -> None:
    text = (ROOT / name).read_text()
    assert re.search(r"\bCOMMITTED_(?:CLIENT|SOURCE)\b|\bsource_options\b", text), name


def test_every_way_to_read_is_known() -> None:
    found = set(readers())
    assert found >= WITHOUT_EVENTS | {"streaming/position/gaps.py", "streaming/query/query.py"}
    assert {
        "streaming/advance/finish.py",
        "streaming/second_entity/rekey_query.py",
        "streaming/archive/source.py",
    } <= found
    assert {"batch/records/kafka_source.py", "monitoring/latency_probe.py"} <= found
