"""API keys: what is stored, who is let in, who is slowed down."""

import asyncio
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import Request

from serving.access import callers
from serving.access.attempts import WrongAttempts
from serving.access.callers import Callers
from serving.access.keys import (
    KeyFile,
    KeysUnusable,
    add_key,
    keys_in,
    new_key,
    principal_of,
    read_keys,
)
from serving.access.page_sessions import PageSessions
from serving.access.roles import Role
from serving.problems import Refusal

NOW = datetime(2026, 11, 29, 6, tzinfo=UTC)


def test_key_opens_and_any_other_text_does_not() -> None:
    key, text = new_key("desk of Ann", [Role.AGENT])
    keys = {key.id: key}
    caller = principal_of(keys, text)
    assert caller is not None
    roles = frozenset({Role.AGENT})
    assert (caller.name, caller.roles, caller.key_id) == ("desk of Ann", roles, key.id)
    other, _ = new_key("other", [Role.AGENT])
    for wrong in (
        "",
        "evs",
        "evs_",
        text[:-1],
        text + "x",
        text.upper(),
        f"evs_{other.id}_x",
        "\ud800",
    ):
        assert principal_of(keys, wrong) is None, wrong


def test_a_key_that_is_the_only_one_of_its_name_withdraws_the_earlier(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    other, first, second = (new_key(name, [Role.AGENT])[0] for name in ("ann", "demo", "demo"))
    for key in (other, first, second):
        add_key(path, key, now=NOW, is_only_one_of_its_name=True)
    assert sorted(read_keys(path)) == sorted((other.id, second.id))


def test_file_holds_no_secret_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys.toml"
    first, first_text = new_key('with "quotes" and \\', [Role.AGENT])
    second, second_text = new_key("second", [Role.OPERATOR, Role.AUDITOR])
    add_key(path, first, now=NOW)
    add_key(path, second, now=NOW)
    content = path.read_text()
    assert first_text.rpartition("_")[2] not in content
    assert "2026-11-29T06:00:00+00:00" in content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_keys(path) == {first.id: first, second.id: second}
    assert principal_of(read_keys(path), second_text) is not None


def test_file_that_others_may_read_is_refused_with_the_command(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    add_key(path, new_key("a", [Role.AGENT])[0], now=NOW)
    path.chmod(0o644)
    with pytest.raises(KeysUnusable, match="chmod 600"):
        read_keys(path)


@pytest.mark.parametrize(
    "content",
    [
        "keys = 3",
        "[keys.a]\nname = 'x'",
        "[keys.a]\nname = 'x'\nroles = ['king']\nsha256 = '" + "0" * 64 + "'",
        "[keys.a]\nname = 'x'\nroles = []\nsha256 = '" + "0" * 64 + "'",
        "[keys.a]\nname = 'x'\nroles = ['agent']\nsha256 = 'zz'",
        "[keys",
    ],
)
def test_wrong_file_is_an_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.toml"
    path.touch(mode=0o600)
    path.write_text(content)
    with pytest.raises(KeysUnusable):
        read_keys(path)


def test_keys_come_from_the_environment_too() -> None:
    key, text = new_key("batch", [Role.OPERATOR, Role.AUDITOR])
    keys = keys_in(f"{key.id}:{key.digest}:batch:operator+auditor")
    assert keys == {key.id: key}
    assert principal_of(keys, text) is not None
    with pytest.raises(KeysUnusable):
        keys_in("abc:def")


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\nb", "a\u202eb"])
def test_name_of_a_key_is_one_printable_line(name: str) -> None:
    with pytest.raises(KeysUnusable):
        new_key(name, [Role.AGENT])


def test_withdrawn_key_is_refused_within_a_second_and_a_damaged_file_changes_nothing(
    tmp_path: Path,
) -> None:
    path, now, lines = tmp_path / "keys.toml", [0.0], list[str]()
    key, _ = new_key("a", [Role.AGENT])
    add_key(path, key, now=NOW)
    file = KeyFile(path, log=lines.append, clock=lambda: now[0])
    assert set(file.keys()) == {key.id}
    path.write_text("[keys")
    now[0] = 2.0
    assert set(file.keys()) == {key.id}
    assert "stay as they were" in lines[0]
    path.unlink()
    assert set(file.keys()) == {key.id}  # not yet looked again
    now[0] = 4.0
    assert file.keys() == {}


def test_wrong_keys_of_one_client_are_slowed_and_a_right_one_still_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(callers, "_PAUSE_SECONDS", 0.0)
    key, text = new_key("a", [Role.AGENT])
    door = Callers(lambda: {key.id: key}, PageSessions("s" * 40), attempts=WrongAttempts(limit=3))

    async def play() -> None:
        for _ in range(3):
            assert await door(request("evs_x_y", "10.0.0.1")) is None  # type: ignore[misc]
        with pytest.raises(Refusal) as refusal:
            await door(request("evs_x_y", "10.0.0.1"))  # type: ignore[misc]
        assert refusal.value.problem.status == 429
        assert int(refusal.value.problem.headers["Retry-After"]) > 0
        assert door(request(text, "10.0.0.1")) == key.principal
        assert await door(request("evs_x_y", "10.0.0.2")) is None  # type: ignore[misc]

    asyncio.run(play())


def request(text: str, client: str) -> Request:
    headers = [(b"authorization", f"Bearer {text}".encode())]
    return Request({"type": "http", "method": "GET", "headers": headers, "client": (client, 1)})


def test_memory_of_wrong_attempts_is_bounded_and_ends_with_the_minute() -> None:
    now = [0.0]
    attempts = WrongAttempts(limit=1, clients=100, clock=lambda: now[0])
    assert [attempts.add("a"), attempts.add("a")] == [0, 60]
    for number in range(1_000):
        attempts.add(str(number))
    assert len(attempts._counts) == 100
    assert attempts.add("a") == 0  # forgotten, as the one that was quiet longest
    now[0] = 61.0
    assert attempts.add("a") == 0
