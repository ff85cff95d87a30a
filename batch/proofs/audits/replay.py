"""An entity's history folded again up to one event, by the stream's own steps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import numpy.typing as npt

from batch.proofs.audits.archive import ArchivedRow
from batch.records.limits import EventLimits
from batch.records.record_batches import Run
from batch.training_sets.event_features import fold_run
from features.events.decode import Records
from features.events.partitioners import Layout, Placement
from features.events.reasons import ATTACHMENT_MISSING, Refusal
from scenarios.contract.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What comes out at the last of an entity's events.

    features         float64 (k,)   right after it; None when it is refused
    before, after    float64 (s,)   the state's slots around it
    event_ms, as_of_ms              its own time, and the latest event time known by then
    folded, refused                 how many earlier events were folded, and how many were not
    missing                         of those refused: the store has no content of their attachments
    """

    features: npt.NDArray[np.float64] | None
    before: npt.NDArray[np.float64]
    after: npt.NDArray[np.float64]
    event_ms: int
    as_of_ms: int
    folded: int
    refused: int
    missing: int
    refusal: Refusal | None


def replayed(history: Sequence[ArchivedRow], scenario: Scenario, limits: EventLimits) -> Replayed:
    """Fold `history`, all events of one entity in fold order, the audited one last."""
    decoder, codec, cells = limits.decoder(scenario.schema), scenario.codec, dict[str, bytes]()
    entity = (history[-1].key or b"").decode("utf-8", "replace")
    refused = missing = 0
    for _, rows in groupby(history[:-1], key=_lies_in):
        events, _ = fold_run(codec, cells, decoder, _run(list(rows)))
        refused += len(events.refusals)
        missing += sum(refusal.code == ATTACHMENT_MISSING for refusal in events.refusals)
    before = codec.decode([cells.get(entity)])
    events, folded = fold_run(codec, cells, decoder, _run(history[-1:]))
    after = codec.decode([cells.get(entity)])
    return Replayed(
        features=None if events.refusals else folded.features[0],
        before=before.slots[0],
        after=after.slots[0],
        event_ms=0 if events.refusals else int(events.times_ms[0]),
        as_of_ms=0 if events.refusals else int(folded.as_of_ms[0]),
        folded=len(history) - 1 - refused,
        refused=refused,
        missing=missing,
        refusal=events.refusals[0] if events.refusals else None,
    )


def _lies_in(row: ArchivedRow) -> tuple[int, int, Layout | None]:
    return row.epoch, row.partition, row.placement.layout if row.placement else None


def _run(rows: Sequence[ArchivedRow]) -> Run:
    arrived = [round(row.kafka_time.timestamp() * 1000) for row in rows]
    records = Records(
        keys=[row.key for row in rows],
        values=[row.value for row in rows],
        offsets=np.array([row.offset for row in rows], dtype=np.int64),
        timestamps_ms=np.array(arrived, dtype=np.int64),
    )
    return Run(rows[0].epoch, rows[0].partition, records, _placement(rows))


def _placement(rows: Sequence[ArchivedRow]) -> Placement | None:
    """That of the first of `rows`, which lie alike, with the homes of all."""
    first = rows[0].placement
    if first is None:
        return None
    homes = [row.placement.known_homes for row in rows if row.placement]
    home_arrays = [home for home in homes if home is not None]
    return replace(first, known_homes=np.concatenate(home_arrays) if home_arrays else None)
