"""How many commits lie between two model versions, as far as this checkout knows."""

from jobs.launcher.code_version import UNKNOWN, commits_between, git_commit


def test_a_commit_is_no_commit_from_itself_dirty_or_not() -> None:
    commit = git_commit().removesuffix("-dirty")
    expected = None if commit == UNKNOWN else 0
    assert commits_between(commit, f"{commit}-dirty") == expected


def test_a_commit_that_nobody_knows_gives_no_count() -> None:
    assert commits_between(UNKNOWN, git_commit()) is None
    assert commits_between("0" * 40, git_commit()) is None
