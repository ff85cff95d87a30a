"""Small files on whatever file system the checkpoints are on, through Hadoop's own client."""

import uuid
from dataclasses import dataclass
from typing import Any, Protocol

from py4j.protocol import Py4JJavaError

# What Hadoop raises when a file and its checksums do not fit together, or one of them is cut off.
_DAMAGE = ("ChecksumException", "EOFException", "FSError")


class FileDamaged(ValueError):
    """A file is there, but what it holds cannot be read; says why."""


class Files(Protocol):
    """Small text files by path."""

    def names(self, folder: str) -> list[str]:
        """Names in `folder`, sorted; empty when it does not exist."""

    def read(self, file: str) -> str | None:
        """The text of `file`, or None when it does not exist; raises `FileDamaged`."""

    def write(self, file: str, text: str) -> None:
        """Write `file` whole or not at all."""


@dataclass(frozen=True)
class HadoopFiles:
    """`Files` on any file system that Hadoop knows; `spark` is the running session."""

    spark: Any

    def names(self, folder: str) -> list[str]:
        """Names in `folder`, sorted; empty when it does not exist."""
        path = self._path(folder)
        files = self._system(path)
        if not files.exists(path):
            return []
        return sorted(status.getPath().getName() for status in files.listStatus(path))

    def read(self, file: str) -> str | None:
        """The text of `file`, or None when it does not exist; raises `FileDamaged`."""
        path = self._path(file)
        files = self._system(path)
        if not files.exists(path):
            return None
        try:
            stream = files.open(path)
            try:
                text: str = self._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8")
            finally:
                stream.close()
        except Py4JJavaError as error:
            kind = error.java_exception.getClass().getSimpleName()
            if kind not in _DAMAGE:
                raise
            raise FileDamaged(kind) from None
        return text

    def write(self, file: str, text: str) -> None:
        """Write `file` whole or not at all: under another name first, then renamed."""
        path, draft = self._path(file), self._path(f"{file}.{uuid.uuid4().hex}.tmp")
        files = self._system(path)
        stream = files.create(draft, True)
        try:
            stream.write(bytearray(text.encode()))
        finally:
            stream.close()
        if not files.rename(draft, path):
            raise OSError(f"{file} could not be written: its draft could not be renamed")

    def folders(self, folder: str) -> list[str]:
        """Names of the folders in `folder`, sorted; empty when it does not exist."""
        path = self._path(folder)
        files = self._system(path)
        if not files.exists(path):
            return []
        folders = [status for status in files.listStatus(path) if status.isDirectory()]
        return sorted(status.getPath().getName() for status in folders)

    def replace(self, file: str, text: str) -> None:
        """Write `file` whole or not at all, replacing what is there."""
        path, draft = self._path(file), self._path(f"{file}.{uuid.uuid4().hex}.tmp")
        stream = self._system(path).create(draft, True)
        try:
            stream.write(bytearray(text.encode()))
        finally:
            stream.close()
        system = self._jvm.org.apache.hadoop.fs.FileContext.getFileContext(
            self._system(path).getUri(), self.spark._jsc.hadoopConfiguration()
        )
        overwrite = self._jvm.org.apache.hadoop.fs.Options.Rename.OVERWRITE
        options = self.spark._sc._gateway.new_array(
            self._jvm.org.apache.hadoop.fs.Options.Rename, 1
        )
        options[0] = overwrite
        system.rename(draft, path, options)

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it; nothing happens when it is missing."""
        target = self._path(path)
        self._system(target).delete(target, True)

    @property
    def _jvm(self) -> Any:
        return self.spark._jvm

    def _path(self, text: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(text)

    def _system(self, path: Any) -> Any:
        return path.getFileSystem(self.spark._jsc.hadoopConfiguration())
