"""A second model version in the shadow, one that its gates refuse, a promotion and a rollback."""

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from jobs.launcher.child_jobs import ChildFailed
from jobs.launcher.run import Run
from jobs.wiring.model_versions import registered_version
from jobs.wiring.streaming import store_session
from lifecycle.history import all_deployments, entries

_OTHER_SEED = 7
_GUESSED_ROWS = 2_000
_REFUSED = re.compile(r"\S+ version \d+ was not promoted, it failed: [^;]*")
GATES_FAILED = 4

# Runs one to its end under a line of progress (words, job, arguments) and returns its output.
Step = Callable[..., str]


@dataclass
class ModelLifeStory:
    """Plays the story beside a stream.

    Its steps are jobs that a person would run, in this order; each raises `ChildFailed`.

    step         runs one
    step_beside  runs one while the live view is shown; it may be expected to end with a code
    """

    run: Run
    step: Step
    step_beside: Step
    second: str = ""
    refusal: str = ""

    def shadow(self) -> None:
        """Train a second version; from its first event on the stream scores with it as well.

        Nobody is shown its scores.
        """
        options = ("--set", f"training.seed={_OTHER_SEED}", "--promote", "--to=shadow", "--share=1")
        words = "training a second version, which scores in the shadow"
        self.second = _registered(self.step(words, "train_model", *options))

    def promote(self) -> None:
        """Beside the live view: a promotion that is refused, one that is not, and a rollback."""
        words = "importing a model that only guesses: refused by its gates"
        with tempfile.TemporaryDirectory(prefix="everscore-demo-") as folder:
            file = guessing_model(Path(folder), len(self.run.scenario.feature_names))
            arguments = (f"{file}", "--promote")
            output = self.step_beside(words, "import_model", *arguments, code=GATES_FAILED)
        self.refusal = refusal_in(output)
        if not self.refusal:
            raise ChildFailed(f"import_model --promote does not say why:\n{output[-2000:]}")
        winner = (f"--version={self.second}", "--reason=to show a promotion")
        self.step_beside(f"promoting version {self.second}", "promote_model", *winner)
        self.step_beside("rolling it back", "rollback_model", "--reason=to show a rollback")

    def show(self) -> None:
        """The refusal and the history of deployments."""
        self._show(self.refusal, markup=False, highlight=False, soft_wrap=True)
        session = store_session(self.run.settings)
        deployments = all_deployments(session, self.run.scenario.name)
        session.close()
        table = Table(title="deployments", box=None)
        for heading in ("no.", "when (UTC)", "what", "why"):
            table.add_column(heading)
        for entry in entries(deployments):
            table.add_row(f"{entry.number}", entry.at[11:19], entry.change, entry.reason)
        self._show(table)

    @property
    def _show(self) -> Callable[..., None]:
        return self.run.console.print


def refusal_in(output: str) -> str:
    """Which version a job did not promote, and why; "" when it refused none."""
    refusal = _REFUSED.search(" ".join(output.split()))
    return "" if refusal is None else refusal[0]


def guessing_model(folder: Path, features: int) -> Path:
    """A file with a model that has learnt noise: it knows nothing of any customer."""
    import skops.io
    from sklearn.ensemble import HistGradientBoostingClassifier

    random = np.random.default_rng(0)
    rows = random.normal(size=(_GUESSED_ROWS, features))
    outcomes = random.random(_GUESSED_ROWS) < 0.3
    file = folder / "guess.skops"
    skops.io.dump(HistGradientBoostingClassifier(max_iter=20).fit(rows, outcomes), file)
    return file


def _registered(output: str) -> str:
    """The number of the version that a job says it has registered."""
    version = registered_version(output)
    if version is None:
        raise ChildFailed(f"no registered version in the job's output:\n{output[-2000:]}")
    return version
