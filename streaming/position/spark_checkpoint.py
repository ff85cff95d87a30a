"""What Spark's checkpoint folder says, as far as it can be read.

A folder has `metadata` (the query's id), an entry per saved batch in `offsets` (where it ends) and
in `commits` (that it is done), and in `sources/0/0` where the query began. Spark fails on the
first of them that it cannot read, at every start. So a folder is used again only when all that
Spark reads in it is intact; a damaged entry counts as absent.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stores.delta.files import FileDamaged, Files

Offsets = Mapping[int, int]
Ends = Mapping[str, Offsets]
_VERSION = "v"


@dataclass(frozen=True)
class SavedProgress:
    """What a checkpoint folder holds.

    ends     topic → partition → where the last batch that is known to be done ends; None: nothing
    damage   what Spark could not read, in words; empty when it can go on in this folder
    """

    ends: Ends | None
    damage: Sequence[str]


@dataclass
class _Folder:
    files: Files
    path: str
    damage: list[str] = field(default_factory=list)

    def ids(self, folder: str) -> list[int]:
        names = self.files.names(f"{self.path}/{folder}")
        return sorted(int(name) for name in names if name.isdecimal())

    def lines(self, file: str) -> list[str] | None:
        """The lines of a file of Spark's logs after its version; None with a note of the damage."""
        try:
            text = self.files.read(f"{self.path}/{file}")
        except FileDamaged as error:
            self._damaged(file, str(error))
            return None
        version, *lines = (text or "").splitlines() or [""]
        if version.startswith(_VERSION) and version[1:].isdecimal():
            return lines
        why = "it is missing" if text is None else "it does not begin with a version"
        self._damaged(file, why)
        return None

    def ends(self, number: int) -> Ends | None:
        """Where batch `number` ends; None with a note of the damage."""
        file = f"offsets/{number}"
        lines = self.lines(file)
        if lines is None:
            return None
        try:
            metadata, ends = lines
            if not isinstance(json.loads(metadata), dict):
                raise ValueError(f"{metadata!r} is no object")
            return _ends(ends)
        except (ValueError, TypeError, AttributeError) as error:
            self._damaged(file, f"{type(error).__name__}: {error}")
            return None

    def check_commit(self, number: int) -> None:
        """Note the damage of the commit of batch `number`."""
        lines = self.lines(f"commits/{number}")
        if lines is not None:
            self._check_json(f"commits/{number}", "\n".join(lines))

    def check_metadata(self) -> None:
        """Note the damage of the query's id."""
        try:
            text = self.files.read(f"{self.path}/metadata")
        except FileDamaged as error:
            self._damaged("metadata", str(error))
            return
        if text is None:
            self._damaged("metadata", "it is missing")
        elif self._check_json("metadata", text) and "id" not in json.loads(text):
            self._damaged("metadata", "it names no id")

    def check_source(self) -> None:
        """Note the damage of where the query began."""
        file = "sources/0/0"
        try:
            text = self.files.read(f"{self.path}/{file}")
        except FileDamaged as error:
            self._damaged(file, str(error))
            return
        if text is None:  # Spark writes it again, from the offsets that the query is started with
            return
        try:  # Spark writes a zero byte first, then the version
            _ends(text.lstrip("\0").partition("\n")[2])
        except (ValueError, TypeError, AttributeError) as error:
            self._damaged(file, f"{type(error).__name__}: {error}")

    def _check_json(self, file: str, text: str) -> bool:
        try:
            if isinstance(json.loads(text), dict):
                return True
            self._damaged(file, "it is no JSON object")
        except ValueError as error:
            self._damaged(file, f"{type(error).__name__}: {error}")
        return False

    def _damaged(self, file: str, why: str) -> None:
        self.damage.append(f"{file}: {why}")


def saved_progress(files: Files, checkpoint: str) -> SavedProgress:
    """Read Spark's folder `checkpoint`; nothing in it is changed.

    As in Spark, the newest entry of `offsets` counts when it is committed, otherwise the one before
    it, which is done since a later one was begun; with asynchronous progress entries may be missing
    in between. Older entries replace damaged ones: what lies between is repeated.
    """
    folder = _Folder(files, checkpoint)
    entries, committed = folder.ids("offsets"), folder.ids("commits")
    if entries or committed or "metadata" in files.names(checkpoint):
        folder.check_metadata()
    folder.check_source()
    if committed:
        folder.check_commit(committed[-1])
        if not entries or committed[-1] > entries[-1]:
            folder.damage.append(f"offsets/{committed[-1]}: it is missing, but committed")
    read: dict[int, Ends | None] = {number: folder.ends(number) for number in entries[-2:]}
    done = [n for n in entries if n in committed[-1:] or n != entries[-1]]
    for number in reversed(done):
        ends = read[number] if number in read else folder.ends(number)
        if ends is not None:
            return SavedProgress(ends, folder.damage)
    return SavedProgress(None, folder.damage)


def _ends(text: str) -> Ends:
    ends = {
        topic: {int(partition): _offset(at) for partition, at in partitions.items()}
        for topic, partitions in json.loads(text).items()
    }
    if not ends:
        raise ValueError("no topic is named")
    return ends


def _offset(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no offset")
    return value
