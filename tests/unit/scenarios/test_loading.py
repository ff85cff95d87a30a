"""A module that is not there is distinguished from one that is wrong."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scenarios.contract.loading import provided
from scenarios.contract.scenario import UnknownScenario, load_scenario


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package with a module of values and one that cannot be imported."""
    folder = tmp_path / "parcels_for_loading"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "scenario.py").write_text("ANSWER = 42\n")
    (folder / "broken.py").write_text("import parcels_library\n")
    (folder / "wrong.py").write_text("import sys\nsys.no_such_name\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder.name
    for name in [name for name in sys.modules if name.startswith(folder.name)]:
        del sys.modules[name]


def test_what_is_not_there_is_none(package: str) -> None:
    assert provided(f"{package}.scenario", "ANSWER") == 42
    assert provided(f"{package}.scenario", "SCENARIO") is None
    assert provided(f"{package}.source", "open_source") is None
    assert provided("no_such_package.at.all", "SCENARIO") is None
    with pytest.raises(UnknownScenario, match=rf"there is no {package}\.scenario\.SCENARIO"):
        load_scenario("parcels", f"{package}.scenario")


def test_an_error_inside_a_module_is_shown_as_it_is(package: str) -> None:
    with pytest.raises(ModuleNotFoundError, match="parcels_library"):
        load_scenario("parcels", f"{package}.broken")
    with pytest.raises(AttributeError, match="no_such_name"):
        load_scenario("parcels", f"{package}.wrong")
