"""A reset erases what belongs to the topics, keeps the rest and prints how to remove it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from local.__main__ import app

ERASED = (
    "kafka/meta.properties",
    "hbase/data/hbase.id",
    "logs/kafka.log",
    "checkpoints/churn-1/offsets/0",
    "delta/churn/events/_delta_log/0.json",
    "delta/churn/dead-letter/_delta_log/0.json",
    "delta/churn/batch_rows/1/part-0.parquet",
    "delta/churn/erasures/1.json",
    "ports.json",
)
KEPT = (
    "delta/churn/training_sets/000001/part-0.parquet",
    "mlflow.db",
    "artifacts/1/model",
    "reports/churn/retention-1.csv",
    "notes.txt",
)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "run folder"
    for name in (*ERASED, *KEPT):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x" if name != "ports.json" else "{}")
    return folder


def reset(run_dir: Path, *options: str) -> str:
    result = CliRunner().invoke(app, ["reset", "--run-dir", str(run_dir), "--yes", *options])
    assert result.exit_code == 0, result.output
    return result.output


def remaining_files(run_dir: Path) -> set[str]:
    return {str(path.relative_to(run_dir)) for path in run_dir.rglob("*") if path.is_file()}


def test_the_archive_of_the_erased_topics_goes_with_them(run_dir: Path) -> None:
    output = reset(run_dir)
    assert remaining_files(run_dir) - {".lock"} == set(KEPT)
    assert "rm -r -- " in output
    assert "mlflow.db" in output
    assert "training_sets" in output


def test_what_it_keeps_is_removed_by_the_command_that_it_prints(run_dir: Path) -> None:
    import subprocess

    (command,) = [
        line.partition("removed by: ")[2]
        for line in reset(run_dir).splitlines()
        if "removed by: " in line
    ]
    subprocess.run(command, shell=True, check=True)
    assert remaining_files(run_dir) - {".lock"} == {"notes.txt"}


def test_the_archive_is_kept_when_asked_for(run_dir: Path) -> None:
    output = reset(run_dir, "--keep-archive")
    expected = {*KEPT, *(name for name in ERASED if name.startswith("delta/"))}
    assert remaining_files(run_dir) - {".lock"} == expected
    assert "delta/churn/events" in output


def test_a_folder_without_any_data_is_no_error(tmp_path: Path) -> None:
    assert "removed by" not in reset(tmp_path / "new")
