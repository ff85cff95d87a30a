"""The X-rays of one part as studies of patients over some weeks, and their findings days later."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, overload

import numpy as np

from scenarios.simulation.records import LABELS, Record, record_of
from scenarios.simulation.times import iso_time
from scenarios.xray.events import BACTERIAL, NORMAL, PNEUMONIA, VIRAL
from scenarios.xray.images_file import NORMAL as NORMAL_TYPE
from scenarios.xray.images_file import Xrays
from scenarios.xray.patient_split import child_key
from scenarios.xray.traffic.picture_files import DICOM, JPEG, PNG, data_url

# The files have no dates. Fixed ones make a second publication equal to the first, byte for byte.
FIRST_DAY = datetime(2026, 7, 6, tzinfo=UTC)
DAYS = 42
FIRST_STUDY_ID = 1_000_000
_OPENS_HOUR, _OPEN_HOURS = 7, 11
# Every tenth study is a JPEG, every twenty-fifth a DICOM file.
_JPEG_EVERY, _DICOM_EVERY = 10, 25
_CAUSES = (None, BACTERIAL, VIRAL)  # by type


def patient_id(patient: str) -> str:
    """A pseudonym of the child: the file's own names say who is ill."""
    digest = hashlib.blake2b(child_key(patient).encode(), digest_size=4, person=b"xray-patient")
    return f"P{int.from_bytes(digest.digest(), 'big'):010d}"


def media_type(study_id: int) -> str:
    """In which kind of file the study is sent."""
    if study_id % _DICOM_EVERY == 0:
        return DICOM
    return JPEG if study_id % _JPEG_EVERY == 1 else PNG


def study_event(*, patient: str, event_time: str, study_id: int, image: str) -> dict[str, Any]:
    """A study as it is published."""
    return {
        "type": "study",
        "patient_id": patient,
        "event_time": event_time,
        "study_id": study_id,
        "image": image,
    }


def finding_event(
    *, patient: str, event_time: str, study_id: int, image_type: int
) -> dict[str, Any]:
    """A finding as it is published; the cause of a pneumonia is known."""
    cause = _CAUSES[image_type]
    return {
        "type": "finding",
        "patient_id": patient,
        "event_time": event_time,
        "study_id": study_id,
        "finding": NORMAL if image_type == NORMAL_TYPE else PNEUMONIA,
        **({} if cause is None else {"cause": cause}),
    }


@dataclass(frozen=True)
class _Planned:
    """One record to come: study `row`, or its finding."""

    at: datetime
    is_finding: bool
    row: int


@dataclass(frozen=True, kw_only=True)
class History(Sequence[Record]):
    """Studies in order of time and, when `has_findings`, each finding at its own time.

    A sequence, so that its length is known; records are made when they are asked for.
    """

    xrays: Xrays
    has_findings: bool

    def __len__(self) -> int:
        return len(self._planned)

    def __iter__(self) -> Iterator[Record]:
        return map(self._record, self._planned)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        """The record at `index`, or the records of a slice."""
        if isinstance(index, slice):
            return [self._record(planned) for planned in self._planned[index]]
        return self._record(self._planned[index])

    @cached_property
    def _planned(self) -> list[_Planned]:
        count = len(self.xrays)
        random = np.random.default_rng(0)
        days = random.integers(0, DAYS, count)
        seconds = (random.random(count) * _OPEN_HOURS + _OPENS_HOUR) * 3_600
        delays = random.uniform(2.0, 5.0, count)
        planned = []
        for row in range(count):
            taken = FIRST_DAY + timedelta(days=int(days[row]), seconds=round(seconds[row]))
            planned.append(_Planned(taken, False, row))
            if self.has_findings:
                at = taken + timedelta(seconds=round(float(delays[row]) * 86_400))
                planned.append(_Planned(at, True, row))
        return sorted(planned, key=lambda entry: (entry.at, entry.is_finding, entry.row))

    def _record(self, planned: _Planned) -> Record:
        row, xrays = planned.row, self.xrays
        patient, study_id = patient_id(str(xrays.patients[row])), FIRST_STUDY_ID + row
        at = iso_time(planned.at)
        if planned.is_finding:
            kind = int(xrays.types[row])
            event = finding_event(
                patient=patient, event_time=at, study_id=study_id, image_type=kind
            )
            return record_of(event, key=patient, topic_kind=LABELS)
        image = data_url(xrays.images[row], media_type(study_id))
        event = study_event(patient=patient, event_time=at, study_id=study_id, image=image)
        return record_of(event, key=patient)
