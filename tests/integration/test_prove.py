"""`make prove`, and `make prove-fraud` in small: everything made again from the archive, equal.

Both run at once, each on a platform of its own, since their jobs seldom keep two cores busy.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from scenarios.fraud.payments import FILE_VARIABLE, payments_file
from tests.support.processes import Job

CHECKOUT = Path(__file__).resolve().parents[2]
COMMANDS = {
    "churn": ("bench.prove",),
    "fraud": ("bench.prove_fraud", "--customers=80", "--days=5", "--rate=200", "--audits=2"),
}
PROOFS = {
    "churn": (
        "features and scores from the archive equal the logged ones",
        "audits of random predictions",
        "the table rebuilt from the archive equals the lost one",
        "the champion trained again from its record",
        "of three erased customers no byte is left but where the command said",
        "a retraining says what was erased",
    ),
    "fraud": (
        "the customers' own features and the scores, made again",
        "audits of random predictions",
        "every event has one outcome",
        "the terminals' features beside their offline values (measured)",
    ),
}
HAS_PAYMENTS = payments_file().is_file()
with_payments = pytest.mark.skipif(
    not HAS_PAYMENTS,
    reason=f"the Handbook's payments are not there; name the file by {FILE_VARIABLE}",
)


@pytest.fixture(scope="module")
def provings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Job]]:
    """Those that this run asks for, by scenario, started; none runs on after the last test."""
    asked = [
        str(item.callspec.params["scenario"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path
    ]
    possible = [each for each in asked if each != "fraud" or HAS_PAYMENTS]
    folder = tmp_path_factory.mktemp("provings")
    started: dict[str, Job] = {}
    try:
        for scenario in possible:
            started[scenario] = start(scenario, folder)
        yield started
    finally:
        for each in started.values():
            each.process.terminate()
        for each in started.values():
            each.process.wait(120)


def start(scenario: str, folder: Path) -> Job:
    """The command of `scenario`: its stderr is the job's log, its stdout the `.out` beside it."""
    log = folder / f"{scenario}.log"
    with log.open("wb") as err, log.with_suffix(".out").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *COMMANDS[scenario]], cwd=CHECKOUT, stdout=out, stderr=err
        )
    return Job(process, log)


# Two platforms, some thirty jobs and 78,000 events on cores that others use as well.
@pytest.mark.timeout(2_400)
@pytest.mark.parametrize("scenario", ["churn", pytest.param("fraud", marks=with_payments)])
def test_every_proof_holds_on_a_fresh_platform(scenario: str, provings: Mapping[str, Job]) -> None:
    job = provings[scenario]
    code, proved = job.process.wait(), job.log.with_suffix(".out").read_text()
    assert code == 0, f"{proved}\n{job.output()[-6000:]}"
    names = [line.partition(": ")[0] for line in proved.splitlines()]
    assert names == [f"proved  {name}" for name in PROOFS[scenario]]
