"""The committed network: its outputs, its record, its size and speed."""

import json

import numpy as np
import onnx
import pytest

from scenarios.xray.images_file import file_digests, xray_folder
from scenarios.xray.network.running import (
    NETWORK_FILE,
    OUTPUTS,
    network_session,
    run_network,
    session_outputs,
    shipped_network,
)
from scenarios.xray.patient_split import SALT

CONTENT = NETWORK_FILE.read_bytes()
RECORD = json.loads(NETWORK_FILE.with_suffix(".json").read_text(encoding="utf-8"))
PIXELS = np.random.default_rng(1).random((3, 1, 64, 64), dtype=np.float32)


def test_outputs_have_their_shapes() -> None:
    outputs = run_network(CONTENT, PIXELS)
    assert {name: values.shape for name, values in outputs.items()} == {
        "embedding": (3, 32),
        "pneumonia": (3,),
        "bacterial": (3,),
        "novelty": (3,),
        "maps": (3, 32, 8, 8),
    }
    assert outputs["embedding"] == pytest.approx(outputs["maps"].mean(axis=(2, 3)), abs=1e-5)


def test_the_network_is_read_as_a_part_of_the_packages() -> None:
    assert shipped_network() == CONTENT


def test_some_outputs_alone_are_the_same() -> None:
    outputs = run_network(CONTENT, PIXELS)
    session = network_session(CONTENT)
    for name in OUTPUTS:
        alone = session_outputs(session, PIXELS, (name,))
        assert alone[name] == pytest.approx(outputs[name], abs=1e-5)


def test_many_images_are_the_same_as_one_by_one() -> None:
    many = np.random.default_rng(2).random((70, 1, 64, 64), dtype=np.float32)
    session = network_session(CONTENT)
    logits = session_outputs(session, many, ("pneumonia",))["pneumonia"]
    singles = [session_outputs(session, many[i : i + 1])["pneumonia"][0] for i in (0, 63, 64, 69)]
    assert logits[[0, 63, 64, 69]] == pytest.approx(singles, abs=1e-4)


def test_an_empty_image_has_finite_outputs_and_noise_is_novel() -> None:
    empty = run_network(CONTENT, np.zeros((1, 1, 64, 64), np.float32))
    assert all(np.isfinite(values).all() for values in empty.values())
    assert run_network(CONTENT, PIXELS)["novelty"].min() > 1


def test_exposure_changes_little() -> None:
    darker = run_network(CONTENT, PIXELS * 0.5 + 0.1)["pneumonia"]
    assert darker == pytest.approx(run_network(CONTENT, PIXELS)["pneumonia"], abs=0.5)


def test_the_file_is_small_and_holds_no_trace_of_the_machine() -> None:
    assert len(CONTENT) < 1_000_000
    model = onnx.load_model_from_string(CONTENT)
    assert model.opset_import[0].version == 18
    assert model.doc_string == ""
    assert not model.metadata_props
    assert all(not node.doc_string for node in model.graph.node)


def test_the_record_is_that_of_the_file() -> None:
    assert RECORD["bytes"] == len(CONTENT)
    assert RECORD["split_salt"] == SALT
    assert RECORD["cpu_seconds"] <= 15 * 60
    assert not RECORD["is_cut_short"]
    folder = xray_folder()
    if not (folder / "chest_xray_64px.npz").is_file():
        pytest.skip(f"needs the X-ray files: none in {folder}; name theirs: EVERSCORE_XRAY_FOLDER")
    assert RECORD["data_sha256"] == file_digests(folder)
