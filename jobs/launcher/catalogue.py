"""Which jobs there are: read from the files of the jobs folder without importing them."""

import ast
import difflib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]


class UnknownJob(Exception):
    """No file of that name declares a job."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Job:
    """A file with a constant `SPARK` and an `app`; `sentence` is its docstring's first line."""

    name: str
    sentence: str
    uses_spark: bool


def all_jobs(folder: Path = FOLDER) -> list[Job]:
    """The jobs by name; modules without `SPARK` are parts that jobs share."""
    candidates = (_read(path) for path in sorted(folder.glob("*.py")))
    return [job for job in candidates if job is not None]


def job_named(name: str, folder: Path = FOLDER) -> Job:
    """The job `name`; a dash counts as an underscore. Raises UnknownJob: why, or what is close."""
    jobs = {job.name: job for job in all_jobs(folder)}
    wanted = name.replace("-", "_").removesuffix(".py")
    if wanted in jobs:
        return jobs[wanted]
    if (folder / f"{wanted}.py").is_file():
        raise UnknownJob(f"jobs/{wanted}.py is no job: it lacks SPARK = True or SPARK = False")
    near = difflib.get_close_matches(wanted, jobs, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(jobs)}"
    raise UnknownJob(f"there is no job {name!r}; {hint}")


def _read(path: Path) -> Job | None:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    uses_spark = _constant(tree, "SPARK")
    if not isinstance(uses_spark, bool):
        return None
    sentence = (ast.get_docstring(tree) or "").partition("\n")[0]
    return Job(name=path.stem, sentence=sentence, uses_spark=uses_spark)


def _constant(tree: ast.Module, name: str) -> object:
    """The value of the module's `name = constant`, annotated or not; None when there is none."""
    for node in tree.body:
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            is_target = isinstance(target, ast.Name) and target.id == name
            if is_target and isinstance(node, ast.Assign | ast.AnnAssign):
                return node.value.value if isinstance(node.value, ast.Constant) else None
    return None
