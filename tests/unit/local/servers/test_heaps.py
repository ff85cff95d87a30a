"""How much memory the platform's Java processes may use."""

from types import SimpleNamespace

import psutil
import pytest

from local.servers import platform


@pytest.mark.parametrize(("machine_gib", "mib"), [(4, 1536), (24, 4096), (256, 8192)])
def test_hbase_gets_a_sixth_of_the_machine_within_bounds(
    machine_gib: int, mib: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=machine_gib << 30))
    assert platform._part_of_memory(6, at_least_mb=1536, at_most_mb=8192) == mib
