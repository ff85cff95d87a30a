"""Folders as people name them, whatever their environment lacks."""

import os
import pwd
from pathlib import Path

import pytest

from conf.errors import SettingsError
from conf.settings import load_settings
from local.cache import cache_dir
from local.endpoints import default_run_dir
from reports.folders import FolderUnknown, folder_named, home_folder

ME = Path(pwd.getpwuid(os.getuid()).pw_dir).resolve()
NOBODY = "~nosuchuser/runs"


def test_home_folders_are_found() -> None:
    assert folder_named("~/x", {"HOME": "/home/me"}) == Path("/home/me/x")
    assert folder_named("~", {"HOME": "/home/me"}) == Path("/home/me")
    assert folder_named("~root/x", {}) == Path(pwd.getpwnam("root").pw_dir).resolve() / "x"
    assert folder_named("a/~b", {}) == Path.cwd() / "a" / "~b"


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}])
def test_without_home_the_system_knows_it(environ: dict[str, str]) -> None:
    assert home_folder(environ).resolve() == ME
    assert cache_dir(environ) == home_folder(environ) / ".cache" / "everscore"


def test_empty_variables_are_no_variables() -> None:
    empty = {"EVERSCORE_CACHE_DIR": "", "XDG_CACHE_HOME": "", "EVERSCORE_RUN_DIR": "", "HOME": "/h"}
    assert cache_dir(empty) == Path("/h/.cache/everscore")
    assert default_run_dir(empty).name == ".everscore"


def test_a_user_that_does_not_exist_is_named_everywhere() -> None:
    expected = "a user 'nosuchuser'"
    with pytest.raises(FolderUnknown, match=expected):
        folder_named(NOBODY)
    with pytest.raises(FolderUnknown, match=expected):
        cache_dir({"EVERSCORE_CACHE_DIR": NOBODY})
    with pytest.raises(FolderUnknown, match=expected):
        default_run_dir({"EVERSCORE_RUN_DIR": NOBODY})
    ways: list[tuple[dict[str, str], list[str]]] = [
        ({"EVERSCORE_RUN_DIR": NOBODY}, []),
        ({}, [f"platform.run_dir={NOBODY}"]),
    ]
    for environ, overrides in ways:
        with pytest.raises(SettingsError, match=f"platform.run_dir = {NOBODY}.*{expected}"):
            load_settings("local", overrides=overrides, environ=environ)


@pytest.mark.parametrize("mark", ["\ufeff", ""])
def test_a_settings_file_may_come_from_an_editor_of_windows(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "mine #1.toml"
    text = f'{mark}[platform]\r\nrun_dir = "{tmp_path}"\r\n[kafka]\r\npartitions = 7\r\n'
    local = Path("conf/local.toml").read_text().replace("[platform]\n", "", 1)
    local = local.replace('run_dir = ".everscore"', "# ", 1)
    path.write_bytes((text + local.replace("\n", "\r\n")).encode())
    assert load_settings(str(path), environ={}).kafka.partitions == 7
