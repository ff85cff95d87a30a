"""`make prove`: 50,000 events in trouble, and everything made again from the archive, equal."""

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PROOFS = (
    "features and scores from the archive equal the logged ones",
    "audits of random predictions",
    "the table rebuilt from the archive equals the lost one",
    "the champion trained again from its record",
    "a retraining says what was erased",
)


# A platform, fifteen jobs and 57,000 events on cores that others use as well.
@pytest.mark.timeout(1_800)
def test_every_proof_holds_on_a_fresh_platform() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.prove"], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-6000:]}"
    lines = done.stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [f"proved  {name}" for name in PROOFS]
