"""API keys: made once, kept as digests in a private file or in the environment."""

import hashlib
import hmac
import math
import os
import secrets
import stat
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reports.terminal import visible
from serving.access.roles import Principal, Role

PREFIX = "evs"
_SECRET_BYTES = 32
_NAME_LENGTH = 100
_NOBODY_ELSE = stat.S_IRWXG | stat.S_IRWXO
# Compared when the id is unknown, so that both cases take the same time.
_NO_DIGEST = "0" * 64


class KeysUnusable(ValueError):
    """The keys' file or variable is not as it must be; the message says what to change."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Key:
    """What is stored of a key; `digest` is the SHA-256 of its secret, in hex."""

    id: str
    name: str
    roles: frozenset[Role]
    digest: str

    @property
    def principal(self) -> Principal:
        """The caller that shows this key."""
        return Principal(name=self.name, roles=self.roles, key_id=self.id)


Keys = Mapping[str, Key]  # id → key


def new_key(name: str, roles: Iterable[Role]) -> tuple[Key, str]:
    """A key and the text that its owner sends; that text is stored nowhere.

    The secret has 256 random bits: nobody can try them, so a plain digest protects it.
    """
    if not name.strip() or len(name) > _NAME_LENGTH or visible(name) != name or "\n" in name:
        raise KeysUnusable(f"a key's name has 1 to {_NAME_LENGTH} printable characters: {name!r}")
    key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(_SECRET_BYTES)
    key = Key(id=key_id, name=name, roles=frozenset(roles), digest=_digest(secret))
    if not key.roles:
        raise KeysUnusable(f"a key needs a role: {', '.join(Role)}")
    return key, f"{PREFIX}_{key_id}_{secret}"


def principal_of(keys: Keys, text: str) -> Principal | None:
    """Who shows the key `text`; None when it is not one of `keys`. Takes the same time for all."""
    prefix, _, rest = text.partition("_")
    key_id, _, secret = rest.partition("_")
    key = keys.get(key_id) if prefix == PREFIX else None
    is_right = hmac.compare_digest(_digest(secret), key.digest if key is not None else _NO_DIGEST)
    return key.principal if key is not None and is_right else None


def read_keys(path: Path) -> Keys:
    """The keys in the file; none when there is no file. Raises `KeysUnusable`."""
    try:
        with path.open("rb") as handle:
            mode = path.stat().st_mode
            if mode & _NOBODY_ELSE:
                raise KeysUnusable(
                    f"{path} may be read by other users (mode {stat.S_IMODE(mode):04o}): "
                    f"chmod 600 '{path}'"
                )
            document = tomllib.load(handle)
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KeysUnusable(f"{path} is not TOML: {error}") from error
    entries = document.get("keys", {})
    if not isinstance(entries, dict):
        raise KeysUnusable(f"{path}: expected tables [keys.ID]")
    return {key_id: _key(key_id, entry, place=str(path)) for key_id, entry in entries.items()}


def keys_in(text: str) -> Keys:
    """The keys in a variable: `ID:SHA256:NAME:ROLE[+ROLE]`, several with commas between them."""
    keys = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        fields = part.split(":")
        if len(fields) != 4:
            raise KeysUnusable("the variable of keys has entries ID:SHA256:NAME:ROLE[+ROLE]")
        key_id, digest, name, roles = fields
        entry = {"sha256": digest, "name": name, "roles": roles.split("+")}
        keys[key_id] = _key(key_id, entry, place="the variable of keys")
    return keys


def add_key(path: Path, key: Key, *, now: datetime, is_only_one_of_its_name: bool = False) -> None:
    """Write the file with `key` as well; only its owner may read it.

    is_only_one_of_its_name: earlier keys of the same name are withdrawn
    """
    earlier = read_keys(path)
    if is_only_one_of_its_name:
        earlier = {number: other for number, other in earlier.items() if other.name != key.name}
    keys = {**earlier, key.id: key}
    lines = ["# Keys of the web service; each secret is known to its owner only. Remove a table to"]
    lines.append("# withdraw its key: the service reads this file again within a second.")
    made = {key.id: now.astimezone(UTC).isoformat(timespec="seconds"), **_made_at(path)}
    for entry in keys.values():
        roles = ", ".join(f'"{role}"' for role in Role if role in entry.roles)
        lines += [
            "",
            f"[keys.{entry.id}]",
            f"name = {_toml_text(entry.name)}",
            f"roles = [{roles}]",
            f'sha256 = "{entry.digest}"',
            f'made_at = "{made.get(entry.id, "")}"',
        ]
    write_private(path, "\n".join((*lines, "")))


def write_private(path: Path, text: str) -> None:
    """`text` as the whole of `path`, for its owner only from the first moment on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(descriptor)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@dataclass
class KeyFile:
    """The keys of a file and of the environment; the file is read again when it changed.

    A file that cannot be read any more leaves the keys as they were, and `log` says so: a slip of
    an editor must not lock everybody out.
    """

    path: Path | None
    fixed: Keys = field(default_factory=dict)
    log: Callable[[str], None] = print
    clock: Callable[[], float] = time.monotonic
    reread_seconds: float = 1.0
    _keys: Keys = field(default_factory=dict, init=False)
    _seen: tuple[int, int] | None = field(default=None, init=False)
    _looked_at: float = field(default=-math.inf, init=False)

    def check(self) -> None:
        """Read the file at the start, when a mistake in it is an error; raises `KeysUnusable`."""
        if self.path is not None:
            read_keys(self.path)

    def keys(self) -> Keys:
        """The keys that are valid now."""
        now = self.clock()
        if self.path is not None and now - self._looked_at >= self.reread_seconds:
            self._looked_at = now
            self._reread(self.path)
        return {**self._keys, **self.fixed} if self.fixed else self._keys

    def _reread(self, path: Path) -> None:
        try:
            about = path.stat()
            seen = (about.st_mtime_ns, about.st_ino)
            if seen != self._seen:
                self._keys, self._seen = read_keys(path), seen
        except FileNotFoundError:
            self._keys, self._seen = {}, None
        except (KeysUnusable, OSError) as error:
            self.log(f"the keys stay as they were: {error}")


def _key(key_id: str, entry: Any, *, place: str) -> Key:
    try:
        name, digest = entry["name"], entry["sha256"]
        roles = frozenset(Role(role) for role in entry["roles"])
    except (TypeError, KeyError, ValueError) as error:
        raise KeysUnusable(
            f"{place}, key {visible(key_id)!r}: expected name, sha256 and roles of "
            f"{', '.join(Role)} ({visible(str(error))})"
        ) from error
    is_digest = isinstance(digest, str) and len(digest) == 64 and set(digest) <= set(_HEX)
    if not isinstance(name, str) or not is_digest or not roles:
        raise KeysUnusable(
            f"{place}, key {visible(key_id)!r}: name is a text, sha256 has 64 hex digits"
        )
    return Key(id=key_id, name=name, roles=roles, digest=digest)


_HEX = "0123456789abcdef"


def _made_at(path: Path) -> Mapping[str, str]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {key_id: str(entry.get("made_at", "")) for key_id, entry in document["keys"].items()}


def _toml_text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
