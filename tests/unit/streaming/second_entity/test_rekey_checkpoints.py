"""Where re-keying goes on, and what a recreated source topic changes."""

import json
from dataclasses import replace

from stores.kafka.cluster import Survey, TopicIdentity
from streaming.second_entity.rekey_checkpoints import RekeyCheckpoints, RekeyGeneration
from tests.unit.streaming.position.test_checkpoints import MemoryFiles

EVENTS, LABELS = "shops.events", "shops.labels"


def survey(topic: str, topic_id: str, *, first: int = 0) -> Survey:
    return Survey(TopicIdentity(topic, topic_id, (0, 1)), {0: (first, 900), 1: (first, 900)})


SURVEYS = {EVENTS: survey(EVENTS, "e1"), LABELS: survey(LABELS, "l1", first=3)}


def checkpoints(files: MemoryFiles) -> RekeyCheckpoints:
    return RekeyCheckpoints(files, "/root", "shops.shop.rekeying", print)


def log_batch(files: MemoryFiles, generation: RekeyGeneration, ends: dict[str, int]) -> None:
    """A committed batch, as Spark writes it."""
    text = "\n".join(["v1", "{}", json.dumps({EVENTS: ends, LABELS: ends})])
    files.write(f"{generation.checkpoint}/offsets/4", text)
    files.write(f"{generation.checkpoint}/commits/4", "v1\n{}")
    files.write(f"{generation.checkpoint}/metadata", '{"id":"a1"}')
    files.write(f"{generation.checkpoint}/sources/0/0", f'\0v1\n{{"{EVENTS}":{{"0":0}}}}')


def test_the_first_generation_reads_every_topic_from_the_first_record_kept() -> None:
    generation = checkpoints(MemoryFiles()).to_run(SURVEYS)
    assert generation.number == 1
    assert json.loads(generation.starting_offsets) == {
        EVENTS: {"0": 0, "1": 0},
        LABELS: {"0": 3, "1": 3},
    }


def test_unchanged_topics_go_on_in_the_same_generation() -> None:
    files = MemoryFiles()
    first = checkpoints(files).to_run(SURVEYS)
    log_batch(files, first, {"0": 40, "1": 41})
    assert checkpoints(files).to_run(SURVEYS) == first
    saved = checkpoints(files).saved()
    assert saved is not None
    assert saved.resumes[EVENTS] == {0: 40, 1: 41}


def test_a_recreated_topic_is_read_from_its_beginning_and_the_other_one_goes_on() -> None:
    files = MemoryFiles()
    first = checkpoints(files).to_run(SURVEYS)
    log_batch(files, first, {"0": 40, "1": 41})
    second = checkpoints(files).to_run({**SURVEYS, EVENTS: survey(EVENTS, "e2")})
    assert second.number == 2
    assert second.sources[EVENTS].offsets == {0: 0, 1: 0}
    assert second.sources[LABELS].offsets == {0: 40, 1: 41}


def test_a_new_partition_needs_no_new_generation() -> None:
    files = MemoryFiles()
    first = checkpoints(files).to_run(SURVEYS)
    more = replace(SURVEYS[EVENTS], offsets={**SURVEYS[EVENTS].offsets, 2: (0, 5)})
    assert checkpoints(files).to_run({**SURVEYS, EVENTS: more}) == first


def test_deriving_anew_reads_everything_again() -> None:
    files = MemoryFiles()
    log_batch(files, checkpoints(files).to_run(SURVEYS), {"0": 40, "1": 41})
    generation = checkpoints(files).begin_again(SURVEYS)
    assert (generation.number, generation.sources[EVENTS].offsets) == (2, {0: 0, 1: 0})
    assert checkpoints(files).to_run(SURVEYS) == generation


def test_what_cannot_be_read_counts_as_absent_and_a_new_generation_goes_on() -> None:
    files = MemoryFiles()
    lines: list[str] = []
    rekey_checkpoints = RekeyCheckpoints(files, "/root", "shops.shop.rekeying", lines.append)
    first = rekey_checkpoints.to_run(SURVEYS)
    log_batch(files, first, {"0": 40, "1": 41})
    files.write(f"{first.checkpoint}/metadata", "")
    second = rekey_checkpoints.to_run(SURVEYS)
    assert (second.number, second.sources[EVENTS].offsets) == (2, {0: 40, 1: 41})
    assert "metadata" in lines[0]
    files.write(f"{second.folder}/start.json", "{")
    third = rekey_checkpoints.to_run(SURVEYS)
    assert (third.number, third.sources[EVENTS].offsets) == (3, {0: 40, 1: 41})
