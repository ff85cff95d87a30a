"""`make prove-fraud` in small: both streams, a kill, and everything made again from the archive."""

import subprocess
import sys
from pathlib import Path

import pytest

from scenarios.fraud.payments import FILE_VARIABLE, payments_file

CHECKOUT = Path(__file__).resolve().parents[2]
SMALL = ("--customers=80", "--days=5", "--rate=200", "--audits=2")
PROOFS = (
    "the customers' own features and the scores, made again",
    "audits of random predictions",
    "every event has one outcome",
    "the terminals' features beside their offline values (measured)",
)


@pytest.mark.skipif(
    not payments_file().is_file(),
    reason=f"the Handbook's payments are not there; name the file by {FILE_VARIABLE}",
)
# A platform, twelve jobs and a training on cores that others use as well.
@pytest.mark.timeout(1_800)
def test_every_proof_of_the_fraud_scenario_holds_on_a_fresh_platform() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.prove_fraud", *SMALL],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-6000:]}"
    lines = done.stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [f"proved  {name}" for name in PROOFS]
