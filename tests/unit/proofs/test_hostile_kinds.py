"""The kinds of hostile records say of each what the decoder says of it."""

import numpy as np
import pytest

from features.events import reasons
from features.events.decode import EventDecoder, Records
from proofs.hostile.kinds import KINDS, SCORED, Kind, Route
from proofs.hostile.machines import SCENARIO

READING = {
    "type": "reading",
    "machine": "m 1",
    "event_time": "2026-01-31T12:00:00.000Z",
    "temperature_c": 70.0,
    "mode": "idle",
}
ARRIVED_MS = 1_800_000_000_000
DECODER = EventDecoder(SCENARIO.schema, max_event_bytes=1 << 20, max_future_skew_seconds=300)
AT_HOME = [kind for kind in KINDS if kind.route in (Route.HOME, Route.COMPRESSED)]
JUDGED_LATER = reasons.UNSCORABLE


def test_there_are_many_kinds_and_each_is_another() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 40
    assert {kind.route for kind in KINDS} == set(Route)
    decoders = set(reasons.REASON_CODES)
    assert decoders <= {kind.disposition for kind in KINDS}


@pytest.mark.parametrize("kind", AT_HOME, ids=lambda kind: kind.name)
def test_the_decoder_refuses_what_is_to_be_refused_and_reads_the_rest(kind: Kind) -> None:
    key, value = kind.record(READING)
    records = Records(
        keys=[key],
        values=[value],
        offsets=np.array([0]),
        timestamps_ms=np.array([ARRIVED_MS]),
    )
    events = DECODER.decode(records)
    codes = [refusal.code for refusal in events.refusals] or [SCORED]
    expected = SCORED if kind.disposition == JUDGED_LATER else kind.disposition
    assert codes == [expected]
