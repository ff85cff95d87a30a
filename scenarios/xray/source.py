"""Where studies come from: X-rays of a folder, of children that the network has never seen.

The children of the calibration part are the history, with their findings; those of the held-out
part come afterwards.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from scenarios.simulation.records import Record
from scenarios.xray.images_file import Xrays, read_xrays, xray_folder
from scenarios.xray.patient_split import is_in_part
from scenarios.xray.traffic.simulator import FollowUps
from scenarios.xray.traffic.studies import History, patient_id


@dataclass(frozen=True)
class XraySource:
    """Studies of `past` with findings, then studies drawn from `coming`."""

    past: Xrays
    coming: Xrays

    def history(self, *, with_labels: bool) -> Sequence[Record]:
        """The studies in order of time and, `with_labels`, the findings; the same bytes always."""
        return History(xrays=self.past, has_findings=with_labels)

    def follow_ups(
        self, *, seed: int, now: Callable[[], datetime], bad_share: float, too_large_bytes: int
    ) -> Iterable[Record]:
        """Endless simulated studies; see `FollowUps`."""
        return FollowUps(
            xrays=self.coming,
            seed=seed,
            now=now,
            bad_share=bad_share,
            too_large_bytes=too_large_bytes,
        )


def open_source(file: Path | None, limit: int | None) -> XraySource:
    """The source for the first `limit` patients of each part; raises `XrayFileError`.

    file: the folder of the X-rays, by default that of the setting EVERSCORE_XRAY_FOLDER
    """
    xrays = read_xrays(file or xray_folder())
    past = xrays.rows(is_in_part(xrays.patients, "calibration"))
    coming = xrays.rows(is_in_part(xrays.patients, "held_out"))
    return XraySource(of_first_patients(past, limit), of_first_patients(coming, limit))


def of_first_patients(xrays: Xrays, limit: int | None) -> Xrays:
    """The X-rays of the `limit` patients with the lowest pseudonyms: ill and healthy ones mixed."""
    if limit is None:
        return xrays
    patients = np.array([patient_id(str(patient)) for patient in xrays.patients])
    return xrays.rows(np.isin(patients, np.unique(patients)[:limit]))
