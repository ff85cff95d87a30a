"""Three parts of the X-rays, such that no child's X-rays are in two of them."""

import hashlib
from typing import Literal

import numpy as np
import numpy.typing as npt

Part = Literal["network", "calibration", "held_out"]
PARTS: tuple[Part, ...] = ("network", "calibration", "held_out")
SALT = "everscore-xray-1"

_UNTIL = {"network": 0.6, "calibration": 0.8, "held_out": 1.0}


def child_key(patient: str) -> str:
    """The key that decides: a number counts once, with bacterial, viral and both normal series.

    808 numbers occur as `person123_b` and `person123_v`, 211 as `IM-0115` and `NORMAL2-IM-0115`;
    whether they are one child is not documented, so they stay together.
    """
    return patient.removesuffix("_b").removesuffix("_v").removeprefix("NORMAL2-")


def part_of(patient: str, *, salt: str = SALT) -> Part:
    """network (60 % of the keys) trains the network; calibration (20 %) sets its temperatures.

    The calibration part is also the training set of the decision model on top; held_out (20 %) is
    for figures only. The same key and salt give the same part on every machine (BLAKE2b).
    """
    digest = hashlib.blake2b(f"{salt}:{child_key(patient)}".encode(), digest_size=8).digest()
    share = int.from_bytes(digest, "big") / 2**64
    return next(part for part in PARTS if share < _UNTIL[part])


def is_in_part(
    patients: npt.NDArray[np.str_], part: Part, *, salt: str = SALT
) -> npt.NDArray[np.bool_]:
    """Whether the patient of a row is in `part`, (n,)."""
    return np.array([part_of(str(patient), salt=salt) == part for patient in patients], dtype=bool)
