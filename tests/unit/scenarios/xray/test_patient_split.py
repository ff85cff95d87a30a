"""No child is in two parts, and the parts are the same everywhere."""

import numpy as np
import pytest

from scenarios.xray.images_file import read_small_xrays, read_xrays, xray_folder
from scenarios.xray.patient_split import PARTS, child_key, is_in_part, part_of


def test_the_part_of_a_patient_never_changes() -> None:
    keys = ["person1_b", "person2_b", "person3_b", "IM-0115", "IM-0117", "IM-0119"]
    expected = ["network", "calibration", "network", "network", "calibration", "calibration"]
    assert [part_of(key) for key in keys] == expected
    assert [part_of(key, salt="another") for key in keys] != expected


def test_one_number_is_one_child() -> None:
    assert child_key("person12_b") == child_key("person12_v") == "person12"
    assert child_key("NORMAL2-IM-0383") == child_key("IM-0383") == "IM-0383"


def test_parts_have_their_shares_and_share_no_child() -> None:
    patients = np.array([f"person{number}_b" for number in range(5000)])
    rows = {part: is_in_part(patients, part) for part in PARTS}
    assert np.sum([*rows.values()], axis=0).tolist() == [1] * 5000
    shares = {part: float(mask.mean()) for part, mask in rows.items()}
    assert shares == pytest.approx({"network": 0.6, "calibration": 0.2, "held_out": 0.2}, abs=0.02)


def test_no_child_of_the_files_is_in_two_parts() -> None:
    folder = xray_folder()
    if not (folder / "chest_xray_64px.npz").is_file():
        pytest.skip(f"needs the X-ray files: none in {folder}; name theirs: EVERSCORE_XRAY_FOLDER")
    patients = np.concatenate([read_xrays(folder).patients, read_small_xrays(folder).patients])
    children = {
        part: {child_key(str(patient)) for patient in patients[is_in_part(patients, part)]}
        for part in PARTS
    }
    assert all(children.values())
    assert children["network"] & children["calibration"] == set()
    assert children["network"] & children["held_out"] == set()
    assert children["calibration"] & children["held_out"] == set()
