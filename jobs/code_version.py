"""Which code this is: the commit that a record names."""

import subprocess

from jobs.packages import CHECKOUT

UNKNOWN = "unknown"


def git_commit() -> str:
    """The checkout's commit, with `-dirty` when files differ from it; "unknown" without git."""
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return UNKNOWN
    return f"{commit}-dirty" if _git("status", "--porcelain", "--untracked-files=no") else commit


def commits_between(old: str, new: str) -> int | None:
    """How many commits lead from `old` to `new` (`git_commit`s); None where git knows one not."""
    ends = [each.removesuffix("-dirty") for each in (old, new)]
    count = None if UNKNOWN in ends else _git("rev-list", "--count", "..".join(ends))
    return None if count is None else int(count)


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(CHECKOUT), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
