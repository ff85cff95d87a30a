"""`make prove`, and in short `make prove-fraud` and `make prove-hostile`.

All run at once, each on a platform of its own, since their jobs seldom keep two cores busy.
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
    # Speed is for the long form on a quiet machine.
    "hostile": (
        "bench.hostile",
        "--minutes=0.7",
        "--clean-minutes=0.2",
        "--share=0.2",
        "--waiting=20000",
        "--least-rate=0",
    ),
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
    "hostile": (
        "the stream ran on",
        "every record has one disposition",
        "every hostile record has the disposition of its kind",
        "good records are scored at 0.00 of the clean rate or more",
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
    """Those that this run asks for, by name, started; none runs on after the last test."""
    asked = [
        str(item.callspec.params["proof"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path
    ]
    possible = [each for each in asked if each != "fraud" or HAS_PAYMENTS]
    folder = tmp_path_factory.mktemp("provings")
    started: dict[str, Job] = {}
    try:
        for proof in possible:
            started[proof] = start(proof, folder)
        yield started
    finally:
        for each in started.values():
            each.process.terminate()
        for each in started.values():
            each.process.wait(120)


def start(proof: str, folder: Path) -> Job:
    """The command of `proof`: its stderr is the job's log, its stdout the `.out` beside it."""
    log = folder / f"{proof}.log"
    with log.open("wb") as err, log.with_suffix(".out").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *COMMANDS[proof]], cwd=CHECKOUT, stdout=out, stderr=err
        )
    return Job(process, log)


# Three platforms and some forty jobs on cores that others use as well.
@pytest.mark.timeout(2_400)
@pytest.mark.parametrize("proof", ["churn", pytest.param("fraud", marks=with_payments), "hostile"])
def test_every_proof_holds_on_a_fresh_platform(proof: str, provings: Mapping[str, Job]) -> None:
    job = provings[proof]
    code, proved = job.process.wait(), job.log.with_suffix(".out").read_text()
    assert code == 0, f"{proved}\n{job.output()[-6000:]}"
    names = [line.partition(": ")[0] for line in proved.splitlines()]
    assert names == [f"proved  {name}" for name in PROOFS[proof]]
