"""No client that reads records forgets to ask for committed ones only."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("batch", "bench", "jobs", "lifecycle", "monitoring", "proofs", "stores", "streaming")
# It reads no event, but what our own sink wrote.
WITHOUT_EVENTS = {"bench/suite/observations/published.py"}
_READS = re.compile(r"\bKafkaConsumer\(|\bread(?:Stream)?\s*\.\s*format\(\"kafka\"\)")


def readers() -> list[str]:
    """Files that create a consumer or a source of Kafka, without the benchmark's peers."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in files}
    return sorted(n for n, text in texts.items() if _READS.search(text) and "peers" not in n)


@pytest.mark.parametrize("name", sorted(set(readers()) - WITHOUT_EVENTS))
def test_a_reader_of_records_asks_for_committed_ones(name: str) -> None:
    text = (ROOT / name).read_text()
    assert re.search(r"\bCOMMITTED_(?:CLIENT|SOURCE)\b|\bsource_options\b", text), name


def test_every_way_to_read_is_known() -> None:
    paths = set(readers())
    assert paths >= WITHOUT_EVENTS | {"stores/kafka/clients.py", "streaming/query/query.py"}
    assert {
        "streaming/advance/finish.py",
        "streaming/second_entity/rekey_query.py",
        "streaming/archive/source.py",
    } <= paths
    assert {"batch/records/kafka_source.py", "bench/latency/plain_loop.py"} <= paths
