"""The order of the tests when several processes share them out, file by file."""

import pytest

_LONGEST = "test_prove.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest file first: the other processes do the rest meanwhile."""
    items.sort(key=lambda item: item.path.name != _LONGEST)
