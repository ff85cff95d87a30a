"""`make prove` and, in small, `make prove-fraud`: everything made again from the archive, equal.

Each is a dozen jobs one after the other on a platform of its own, most of them starting up on one
core, so both run at the same time.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from scenarios.fraud.payments import FILE_VARIABLE, payments_file

CHECKOUT = Path(__file__).resolve().parents[2]
CHURN, FRAUD = "bench.prove", "bench.prove_fraud"
OPTIONS = {CHURN: (), FRAUD: ("--customers=150", "--days=3", "--rate=200", "--audits=2")}
PROOFS = {
    CHURN: (
        "features and scores from the archive equal the logged ones",
        "audits of random predictions",
        "the table rebuilt from the archive equals the lost one",
        "the champion trained again from its record",
        "a retraining says what was erased",
    ),
    FRAUD: (
        "the customers' own features and the scores, made again",
        "audits of random predictions",
        "every event has one outcome",
        "the terminals' features beside their offline values (measured)",
    ),
}
NEEDS_PAYMENTS = pytest.mark.skipif(
    not payments_file().is_file(),
    reason=f"the Handbook's payments are not there; name the file by {FILE_VARIABLE}",
)
SECONDS_TO_STOP = 120


@dataclass(frozen=True)
class Run:
    """`python -m` of a program, its output in files."""

    process: subprocess.Popen[str]
    stdout: Path
    stderr: Path

    def ended(self) -> Sequence[str]:
        """The lines that it printed; any exit code but 0 fails the test."""
        code, printed = self.process.wait(), self.stdout.read_text()
        assert code == 0, f"{printed}\n{self.stderr.read_text()[-6000:]}"
        return printed.splitlines()

    def stop(self) -> None:
        """End it as an operator would."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(SECONDS_TO_STOP)


@pytest.fixture(scope="module")
def run_of(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Run]]:
    """Gives the run of a program; all that are asked for start when the first one is."""
    folder, runs = tmp_path_factory.mktemp("proofs"), dict[str, Run]()
    for item in request.session.items:
        assert isinstance(item, pytest.Function)
        if item.path == request.path and not _is_skipped(item):
            program = str(item.callspec.params["program"])
            runs[program] = _started(program, folder)
    yield runs.__getitem__
    for run in runs.values():
        run.stop()


# A platform, a dozen jobs and up to 57,000 events on cores that others use as well.
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("program", [CHURN, pytest.param(FRAUD, marks=NEEDS_PAYMENTS)])
def test_every_proof_holds_on_a_fresh_platform(program: str, run_of: Callable[[str], Run]) -> None:
    lines = run_of(program).ended()
    assert [line.partition(": ")[0] for line in lines] == [
        f"proved  {name}" for name in PROOFS[program]
    ]


def _is_skipped(item: pytest.Function) -> bool:
    return any(mark.args[0] for mark in item.iter_markers("skipif"))


def _started(program: str, folder: Path) -> Run:
    stdout, stderr = folder / f"{program}.out", folder / f"{program}.err"
    with stdout.open("w") as out, stderr.open("w") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", program, *OPTIONS[program]],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            text=True,
        )
    return Run(process, stdout, stderr)
