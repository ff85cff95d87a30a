"""Only its owner reads a run folder; folders of other people stay as they are."""

from pathlib import Path

from jobs.launcher.run import job_run
from local.run_folder import make_private, make_private_part, private_files
from local.servers.platform import Platform, reset


def mode(path: Path) -> str:
    return f"{path.stat().st_mode & 0o7777:o}"


def test_a_new_run_folder_is_its_owners_alone(tmp_path: Path) -> None:
    lines: list[str] = []
    make_private(tmp_path / "a" / "run", log=lines.append)
    assert mode(tmp_path / "a" / "run") == "700"
    assert lines == []


def test_the_run_folder_of_an_earlier_version_is_closed_with_a_line(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    tmp_path.chmod(0o755)
    lines: list[str] = []
    for _ in range(2):
        make_private(tmp_path, log=lines.append)
    assert mode(tmp_path) == "700"
    assert len(lines) == 1
    assert "readable by other users" in lines[0]


def test_a_folder_that_is_not_ours_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_private(tmp_path, log=print)
    assert mode(tmp_path) == "755"
    (tmp_path / "kafka").mkdir()
    tmp_path.chmod(0o1777)  # as /tmp
    make_private(tmp_path, log=print)
    assert mode(tmp_path) == "1777"
    make_private_part(tmp_path / "kafka")
    assert mode(tmp_path / "kafka") == "700"


def test_what_a_job_writes_is_private_and_nothing_after_it(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    with job_run(scenario="churn", env="local", overrides=[f"platform.run_dir={run_dir}"]):
        (run_dir / "reports").mkdir()
        (run_dir / "reports" / "page.html").write_text("x")
    (tmp_path / "after").write_text("x")
    assert mode(run_dir) == mode(run_dir / "reports") == "700"
    assert mode(run_dir / "reports" / "page.html") == "600"
    assert mode(tmp_path / "after") == "644"


def test_a_command_of_the_platform_makes_it_private_too(tmp_path: Path) -> None:
    reset(Platform(tmp_path / "run"))
    assert mode(tmp_path / "run") == "700"


def test_private_files_ends(tmp_path: Path) -> None:
    with private_files():
        (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    assert (mode(tmp_path / "in"), mode(tmp_path / "out")) == ("700", "755")
