"""Endless studies that follow the file: X-rays drawn at random, dated now, findings behind them."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle

import numpy as np

from scenarios.simulation.bad_events import BAD_KINDS, Spoiler, too_large_record
from scenarios.simulation.records import EVENTS, LABELS, Record, record_of
from scenarios.simulation.times import iso_time
from scenarios.xray.images_file import Xrays
from scenarios.xray.traffic.faults import FAULTS
from scenarios.xray.traffic.picture_files import data_url
from scenarios.xray.traffic.studies import finding_event, media_type, patient_id, study_event

_DRAWS_AT_ONCE = 1_000
# Ids of a millisecond; more than one machine sends in one.
_IDS_PER_MS = 1_000
# A finding is published so many records after its study: there are no days to wait for it.
FINDING_BEHIND = 40

SPOILER = Spoiler(number_field="study_id", measured=lambda study: study, below_zero=-70)


@dataclass(frozen=True, kw_only=True)
class FollowUps:
    """Simulated studies; iterating twice gives the same ones (but for the time and the id).

    A bad one is by turns an image that nobody can read and an event that breaks another rule.

    has_findings  whether each good study's finding follows, on the labels topic
    """

    xrays: Xrays
    seed: int
    now: Callable[[], datetime]
    bad_share: float = 0.0
    too_large_bytes: int | None = None
    has_findings: bool = True

    def __iter__(self) -> Iterator[Record]:
        """Endless records for the topics "events" and "labels"."""
        large = () if self.too_large_bytes is None else ("too_large",)
        faults, bad_kinds = cycle(FAULTS), cycle((*BAD_KINDS, *large))
        waiting: deque[tuple[int, str, int, int]] = deque()
        bad = 0
        for number, (row, chance) in enumerate(self._draws()):
            patient, study_id = patient_id(str(self.xrays.patients[row])), self._study_id(number)
            if chance < self.bad_share:
                kind = next(faults) if bad % 2 == 0 else next(bad_kinds)
                bad += 1
                yield self._bad_record(kind, patient=patient, study_id=study_id, row=row)
                continue
            image = data_url(self.xrays.images[row], media_type(study_id))
            yield record_of(self._study(patient, study_id, image), key=patient)
            if self.has_findings:
                waiting.append((number + FINDING_BEHIND, patient, study_id, row))
            while waiting and waiting[0][0] <= number:
                yield self._finding(*waiting.popleft()[1:])

    def _study_id(self, number: int) -> int:
        return round(self.now().timestamp() * 1000) * _IDS_PER_MS + number % _IDS_PER_MS

    def _study(self, patient: str, study_id: int, image: str) -> dict[str, object]:
        return study_event(
            patient=patient, event_time=iso_time(self.now()), study_id=study_id, image=image
        )

    def _finding(self, patient: str, study_id: int, row: int) -> Record:
        event = finding_event(
            patient=patient,
            event_time=iso_time(self.now()),
            study_id=study_id,
            image_type=int(self.xrays.types[row]),
        )
        return record_of(event, key=patient, topic_kind=LABELS)

    def _bad_record(self, kind: str, *, patient: str, study_id: int, row: int) -> Record:
        levels = self.xrays.images[row]
        if kind in FAULTS:
            fault = FAULTS[kind]
            study = self._study(patient, study_id, fault.spoilt(levels))
            value = record_of(study, key=patient).value
            return Record(
                topic_kind=EVENTS,
                kind=fault.reason,
                key=patient.encode(),
                value=value,
                is_bad=True,
            )
        study = self._study(patient, study_id, data_url(levels))
        if kind == "too_large":
            return too_large_record(study, key=patient, event_bytes=self.too_large_bytes or 0)
        return SPOILER.bad_record(study, key=patient, reason=kind)

    def _draws(self) -> Iterator[tuple[int, float]]:
        random = np.random.default_rng(self.seed)
        while True:
            rows = random.integers(len(self.xrays), size=_DRAWS_AT_ONCE).tolist()
            yield from zip(rows, random.random(_DRAWS_AT_ONCE).tolist(), strict=True)
