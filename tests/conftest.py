"""How several processes share the tests, file by file."""

import os

import pytest

_LONGEST = "test_prove.py"

if "PYTEST_XDIST_WORKER" in os.environ:
    # Each process has one core: threads that wait for each other would spin on the other's.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest file first: the other processes do the rest meanwhile."""
    items.sort(key=lambda item: item.path.name != _LONGEST)
