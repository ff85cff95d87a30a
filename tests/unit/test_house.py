"""Rules of the house that no other tool checks."""

import ast
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest
from numba.core.registry import CPUDispatcher as Dispatcher

from jobs.launcher.catalogue import all_jobs
from jobs.launcher.checkout import PACKAGES as SHIPPED

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "batch",
    "bench",
    "conf",
    "features",
    "jobs",
    "lifecycle",
    "local",
    "models",
    "monitoring",
    "proofs",
    "reports",
    "scenarios",
    "serving",
    "stores",
    "streaming",
)
MODULES = 14  # in one folder; beyond that it is divided into folders
QUOTED = re.compile(r"`([^`\n]+)`")
LOOKS_LIKE_A_PATH = re.compile(r"[\w.-]+(/[\w.-]+)*(/|\.(py|toml|md|txt|in|sh|xml|properties|csv))")
# Created by commands that the documents describe.
MADE_LATER = (".everscore", ".venv")


def text_files() -> Iterator[Path]:
    """Committed files and those about to be: all that git does not ignore."""
    command = ["git", "-C", str(CHECKOUT), "ls-files", "-z", "-co", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        path = CHECKOUT / name
        if path.is_file() and b"\0" not in path.read_bytes()[:4096]:
            yield path


def documents() -> list[Path]:
    return [*sorted(CHECKOUT.glob("*.md")), *sorted((CHECKOUT / "docs").rglob("*.md"))]


def test_no_installed_distribution_claims_one_of_our_folders() -> None:
    owners = packages_distributions()
    claimed = {name: owners[name] for name in PACKAGES if name in owners}
    assert {name: who for name, who in claimed.items() if who != ["everscore"]} == {}


def test_documents_name_only_what_exists() -> None:
    if not documents():
        pytest.skip("no documents yet")
    missing = []
    for document in documents():
        for quoted in QUOTED.findall(document.read_text(encoding="utf-8")):
            name = quoted.removeprefix("./")
            if not LOOKS_LIKE_A_PATH.fullmatch(name) or name.startswith(MADE_LATER):
                continue
            if not any((base / name).exists() for base in (CHECKOUT, document.parent)):
                missing.append(f"{document.relative_to(CHECKOUT)}: {quoted}")
    assert missing == []


def test_documents_name_only_commands_that_exist() -> None:
    """Jobs behind ./spark-submit.sh, targets behind make, modules behind python -m."""
    unknown, count = [], 0
    for document in documents():
        for command in commands_in(document.read_text(encoding="utf-8")):
            exists = command_exists(command.split())
            count += exists is not None
            if exists is False:
                unknown.append(f"{document.relative_to(CHECKOUT)}: {command}")
    assert unknown == []
    assert count > 50
    for wrong in ("./spark-submit.sh score_steam", "make tset", "python -m bench.trigger_floor"):
        assert command_exists(wrong.split()) is False


def commands_in(text: str) -> list[str]:
    """What stands in backquotes, and the lines of shell blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [*QUOTED.findall(text), *(line for block in blocks for line in block.splitlines())]


def command_exists(words: list[str]) -> bool | None:
    """Whether the command does; None when it is none of ours."""
    match words:
        case ["./spark-submit.sh", job, *_] if job[:1].islower():
            return job in {known_job.name for known_job in all_jobs()}
        case ["make", target, *_] if re.fullmatch(r"[a-z-]+", target):
            makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
            return f".PHONY: {target}\n" in makefile
        case ["python", "-m", module, *_] if module.partition(".")[0] in PACKAGES:
            try:
                return find_spec(module) is not None
            except ModuleNotFoundError:
                return False
    return None


def test_no_committed_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    foreign = "/" + "work/"
    paths = [path for path in text_files() if foreign in path.read_text("utf-8", "replace")]
    assert [str(path.relative_to(CHECKOUT)) for path in paths] == []


def test_make_help_lists_every_target() -> None:
    listed = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=CHECKOUT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    phony = re.findall(r"^\.PHONY: (\S+)$", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert len(phony) > 10
    assert [target for target in phony if not re.search(rf"^  {target} ", listed, re.M)] == []


def test_every_console_is_one_that_data_cannot_command() -> None:
    """And every list is written by the one writer whose cells are no formulas."""
    pattern = re.compile(r"(?<![\w.])(Console|csv\.writer|csv\.DictWriter)\(")
    uses = [
        f"{path.relative_to(CHECKOUT)}: {name}"
        for package in PACKAGES
        if package != "reports"
        for path in (CHECKOUT / package).rglob("*.py")
        for name in pattern.findall(path.read_text(encoding="utf-8"))
    ]
    assert uses == []


def test_clients_of_kafka_come_from_one_room() -> None:
    """The platform of one machine, benchmarks and proofs use Kafka as any other program does."""
    others = {"stores", "local", "bench", "proofs"}
    clients = re.compile(r"(?<!\w)Kafka(Consumer|Producer|AdminClient)\(")
    direct = [
        path.relative_to(CHECKOUT).as_posix()
        for package in PACKAGES
        if package not in others
        for path in (CHECKOUT / package).rglob("*.py")
        if clients.search(path.read_text(encoding="utf-8"))
    ]
    assert direct == []


def test_a_folder_holds_so_many_modules_that_one_sees_what_it_is_for() -> None:
    """`jobs` is the list of commands."""
    whole = {"jobs"}
    counts = Counter(
        path.parent.relative_to(CHECKOUT).as_posix()
        for package in PACKAGES
        for path in (CHECKOUT / package).rglob("*.py")
        if path.name != "__init__.py"
    )
    assert {folder: n for folder, n in counts.items() if n > MODULES and folder not in whole} == {}


def test_no_compiled_function_calls_one_of_another_file() -> None:
    """numba names cached machine code by the time of the file that holds the calling function.

    A change of the other file would leave the old machine code in use.
    """
    kernels = [path for path in text_files() if path.suffix == ".py" and "njit" in path.read_text()]
    modules = [
        ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)
        for path in kernels
        if path.relative_to(CHECKOUT).parts[0] in PACKAGES
    ]
    assert len(modules) > 5
    foreign = [
        f"{module}: {name} of {value.__module__}"
        for module in modules
        for name, value in vars(import_module(module)).items()
        if isinstance(value, Dispatcher) and value.__module__ != module
    ]
    assert foreign == []


def test_jobs_holds_jobs_only() -> None:
    parts = {path.stem for path in (CHECKOUT / "jobs").glob("*.py")} - {"__init__", "__main__"}
    assert parts == {job.name for job in all_jobs()}


def test_the_readme_can_be_read_in_one_go() -> None:
    assert len((CHECKOUT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_every_list_of_our_folders_is_the_same() -> None:
    tools = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    included = tools["setuptools"]["packages"]["find"]["include"]
    assert tuple(name for name in included if not name.endswith(".*")) == PACKAGES
    assert tuple(f"{name}.*" for name in PACKAGES) == tuple(included[1::2])
    assert tuple(tools["importlinter"]["root_packages"]) == PACKAGES
    assert tuple(tools["mypy"]["files"]) == (*PACKAGES, "tests")
    # What executors get: all but what measures and proves.
    assert tuple(name for name in PACKAGES if name not in ("bench", "proofs")) == SHIPPED


def test_the_engine_may_import_no_scenario_of_the_settings() -> None:
    tools = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    modules = tomllib.loads((CHECKOUT / "conf" / "base.toml").read_text(encoding="utf-8"))
    (forbidden,) = (
        contract["forbidden_modules"]
        for contract in tools["importlinter"]["contracts"]
        if contract["name"].startswith("The engine knows the type of a scenario")
    )
    assert sorted(forbidden) == sorted(
        module.rpartition(".")[0] for module in modules["scenarios"].values()
    )


PARTICIPLES = {"asked", "chosen", "each", "found", "kept", "known", "own", "told"}


def test_names_say_what_a_value_is_and_not_what_happened_to_it() -> None:
    """Of the names that a package assigns at most 1 % are bare participles or pronouns."""
    shares = {}
    for package in (*PACKAGES, "tests"):
        names = [
            name
            for path in (CHECKOUT / package).rglob("*.py")
            for name in assigned_names(ast.parse(path.read_text(encoding="utf-8")))
        ]
        shares[package] = sum(name in PARTICIPLES for name in names) / max(len(names), 1)
    assert {package: share for package, share in shares.items() if share > 0.01} == {}


def assigned_names(module: ast.Module) -> Iterator[str]:
    """Names of variables, loop variables and parameters."""
    for node in ast.walk(module):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
