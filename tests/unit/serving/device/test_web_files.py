"""The files of onnxruntime-web are the published ones, or they are not used."""

from pathlib import Path

import pytest

from serving.device.web_files import COMMAND, SHA256, WebFiles, WebFilesMissing


def test_missing_and_damaged_files_name_the_command(tmp_path: Path) -> None:
    files = WebFiles(tmp_path)
    assert COMMAND in (files.problem() or "")
    for name in SHA256:
        (tmp_path / name).write_text("damaged")
    with pytest.raises(WebFilesMissing, match=rf"has SHA-256 .* run {COMMAND}"):
        files.path("ort.wasm.min.mjs")


@pytest.mark.parametrize("name", ["../secret", "package.json", ""])
def test_no_other_file_is_given_away(tmp_path: Path, name: str) -> None:
    (tmp_path / "package.json").write_text("{}")
    with pytest.raises(WebFilesMissing):
        WebFiles(tmp_path).path(name)
