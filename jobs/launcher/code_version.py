"""Which code this is: the commit that a record names."""

from jobs.launcher.checkout import CheckoutUnreadable, changed_files, git

UNKNOWN = "unknown"


def git_commit() -> str:
    """The checkout's commit, with `-dirty` when files differ from it; "unknown" without git.

    Raises `CheckoutUnreadable` when git cannot read the checkout.
    """
    commit = git("rev-parse", "HEAD")
    if commit is None:
        return UNKNOWN
    return f"{commit.strip()}-dirty" if changed_files() else commit.strip()


def commits_between(old: str, new: str) -> int | None:
    """How many commits lead from `old` to `new` (`git_commit`s); None when git lacks one."""
    ends = [commit.removesuffix("-dirty") for commit in (old, new)]
    if UNKNOWN in ends:
        return None
    try:
        count = git("rev-list", "--count", "..".join(ends))
    except CheckoutUnreadable:  # a commit of another clone
        return None
    return None if count is None else int(count)
