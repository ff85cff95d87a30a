"""The three files of onnxruntime-web with which a browser scores: which they are, and whether.

They are not in the repository: `make device-files` fetches them from npm.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

PACKAGE = "onnxruntime-web"
VERSION = "1.30.0"
COMMAND = "make device-files"
FOLDER = f"{PACKAGE}-{VERSION}"
# File → its SHA-256 and its media type; browsers run modules of JavaScript's type only.
SHA256: Mapping[str, str] = {
    "ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
    "ort-wasm-simd-threaded.mjs": (
        "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b"
    ),
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}
_MEDIA_TYPES = {".mjs": "text/javascript", ".wasm": "application/wasm"}


class WebFilesMissing(RuntimeError):
    """The files are not there, or not as they were published."""

    exit_code = 4


@dataclass(frozen=True)
class WebFiles:
    """The files in `folder`; each is compared with its SHA-256 once per change."""

    folder: Path
    _good: dict[str, tuple[int, int]] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def problem(self) -> str | None:
        """What is missing or damaged, with the remedy; None when all are there."""
        try:
            for name in SHA256:
                self.path(name)
        except WebFilesMissing as error:
            return str(error)
        return None

    def path(self, name: str) -> Path:
        """Where `name` lies, checked; raises `WebFilesMissing`."""
        path = self.folder / name
        try:
            if name not in SHA256:
                raise WebFilesMissing(f"{name!r} is none of {', '.join(SHA256)}")
            facts = path.stat()
            with self._lock:
                if self._good.get(name) != (facts.st_mtime_ns, facts.st_size):
                    check_content(name, path.read_bytes())
                    self._good[name] = (facts.st_mtime_ns, facts.st_size)
        except OSError:
            raise WebFilesMissing(
                f"{PACKAGE} {VERSION} is not there ({name} is missing): run {COMMAND}"
            ) from None
        return path


def media_type(name: str) -> str:
    """As the browser must get it."""
    return _MEDIA_TYPES[Path(name).suffix]


def check_content(name: str, content: bytes) -> None:
    """Raise `WebFilesMissing` unless `content` is that of the published file `name`."""
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != SHA256[name]:
        raise WebFilesMissing(
            f"{name} has SHA-256 {sha256}, {PACKAGE} {VERSION} has {SHA256[name]}: run {COMMAND}"
        )
