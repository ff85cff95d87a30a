"""`make prove`, `make prove-fraud` and `make prove-hostile`, all of them in short.

A rebuilt table and an erasure are proved to the byte by test_rebuild.py and test_erasure.py.
Each has a platform of its own. They take longest of all tests, so they begin first
(tests/conftest.py).
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scenarios.fraud.payments import FILE_VARIABLE, payments_file
from tests.support.processes import Job

CHECKOUT = Path(__file__).resolve().parents[2]
COMMANDS = {
    "churn": (
        "proofs.prove",
        "--events=8000",
        "--audits=2",
        "--only=parity",
        "--only=audits",
        "--only=retraining",
    ),
    "fraud": ("proofs.prove_fraud", "--customers=80", "--days=4", "--rate=200", "--audits=2"),
    # Speed is for the long form on a quiet machine.
    "hostile": (
        "proofs.hostile",
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
        "the champion trained again from its record",
    ),
    "fraud": (
        "the customers' own features and the scores, recomputed",
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
# Ten minutes beside other tests: played when the file is named, not when it merely lies there.
with_payments = pytest.mark.skipif(
    FILE_VARIABLE not in os.environ or not payments_file().is_file(),
    reason=f"plays the Handbook's payments: name their file by {FILE_VARIABLE}",
)


@contextmanager
def proving(proof: str, folder: Path) -> Iterator[Job]:
    """The command of `proof`, which ends with the block.

    Its stderr is the job's log, its stdout the `.out` beside it.
    """
    log = folder / f"{proof}.log"
    with log.open("wb") as err, log.with_suffix(".out").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *COMMANDS[proof]], cwd=CHECKOUT, stdout=out, stderr=err
        )
    try:
        yield Job(process, log)
    finally:
        process.terminate()
        process.wait(120)


# A platform and some twenty jobs, on cores that other tests use as well.
@pytest.mark.timeout(2_400)
@pytest.mark.parametrize("proof", ["churn", pytest.param("fraud", marks=with_payments), "hostile"])
def test_every_proof_holds_on_a_fresh_platform(proof: str, tmp_path: Path) -> None:
    with proving(proof, tmp_path) as job:
        code = job.process.wait()
        proved = job.log.with_suffix(".out").read_text()
    assert code == 0, f"{proved}\n{job.output()[-6000:]}"
    names = [line.partition(": ")[0] for line in proved.splitlines()]
    assert names == [f"proved  {name}" for name in PROOFS[proof]]
