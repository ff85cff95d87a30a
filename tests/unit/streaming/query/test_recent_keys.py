"""The line about keys that lie outside their home: when it is logged, and what it names."""

from zlib import crc32

import pytest

from features.events.partitioners import CRC32, CUSTOM, MURMUR2
from streaming.query.recent_keys import warning_about
from tests.support.homes import home_of

KEYS = [b"machine %d" % number for number in range(400)]


def warning(partitioner: str, declared: str, *, partitions: int = 4, stray: int = 0) -> str | None:
    lies_in = [home_of(key, partitions=partitions, partitioner=partitioner) for key in KEYS]
    for row in range(stray):
        lies_in[row] = (lies_in[row] + 1) % partitions
    return warning_about("tiny.events", KEYS, lies_in, partitions=partitions, declared=declared)


@pytest.mark.parametrize("partitioner", [MURMUR2, CRC32])
def test_nothing_is_said_when_all_keys_lie_at_home(partitioner: str) -> None:
    assert warning(partitioner, partitioner) is None


def test_librdkafkas_default_is_recognised_with_the_setting_to_change() -> None:
    text = warning(CRC32, MURMUR2) or ""
    elsewhere = sum(crc32(key) % 4 != home_of(key, partitions=4) for key in KEYS) / len(KEYS)
    assert text.startswith(f"{elsewhere:.1%} of the newest 400 keys of tiny.events lie outside")
    assert "crc32 puts 100.0% where they lie" in text
    assert "partitioner=murmur2_random" in text
    assert "\n" not in text


def test_one_stray_key_is_said_as_well() -> None:
    assert (warning(MURMUR2, MURMUR2, stray=1) or "").startswith("0.2% of the newest 400 keys")


def test_with_one_partition_or_without_keys_nothing_can_be_wrong() -> None:
    assert warning(CRC32, MURMUR2, partitions=1) is None
    assert warning_about("tiny.events", [], [], partitions=4, declared=MURMUR2) is None


def test_under_custom_an_entity_in_two_partitions_is_said() -> None:
    assert warning(CRC32, CUSTOM) is None
    text = warning_about(
        "tiny.events", [*KEYS, KEYS[0]], [0] * 400 + [3], partitions=4, declared=CUSTOM
    )
    assert text is not None
    assert "0.2% of the 400 entities" in text
