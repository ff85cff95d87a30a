"""Training with torch, on a handful of made-up images; skipped where torch is not installed."""

from pathlib import Path

import numpy as np
import pytest

from scenarios.xray.network.running import run_network
from scenarios.xray.network.torch_extra import INSTALL
from tests.unit.scenarios.xray.few_xrays import few_xrays, write_folder

pytest.importorskip("torch", reason=INSTALL)

import torch

from scenarios.xray.network.architecture import small_trunk
from scenarios.xray.network.augmentation import Strength, augmented
from scenarios.xray.network.export import (
    Calibrated,
    ExportDiffers,
    check_export,
    network_bytes,
)
from scenarios.xray.network.making import calibrated_trunk, made_network
from scenarios.xray.network.references.residual import residual_trunk
from scenarios.xray.network.training import Epoch, Plan, Trained, trained
from scenarios.xray.network.training_rows import Rows, rows_of

TINY = Plan(epochs=2, batch=8, most_minutes=1)


def few_rows() -> Rows:
    return rows_of(few_xrays(24), few_xrays(12, side=28))


def tiny_training(plan: Plan = TINY) -> Trained:
    rows = few_rows()
    return trained(small_trunk, rows, calibration=rows, plan=plan)


def tiny_network() -> Calibrated:
    rows = few_rows()
    return calibrated_trunk(tiny_training(), rows, calibration=rows)


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert network_bytes(tiny_network()) == network_bytes(tiny_network())


def test_another_seed_gives_other_weights() -> None:
    first, second = (
        tiny_training(Plan(epochs=1, batch=8, seed=seed)).trunk.tensors()[0] for seed in (1, 2)
    )
    assert not torch.equal(first, second)


def test_the_graph_computes_what_torch_computes() -> None:
    calibrated = tiny_network()
    content = network_bytes(calibrated)
    pixels = few_rows().pixels.numpy()
    assert check_export(content, calibrated, pixels) < 1e-4
    other = Calibrated(**{**vars(calibrated), "pneumonia_temperature": 0.01})
    with pytest.raises(ExportDiffers, match="output pneumonia of the graph is"):
        check_export(content, other, pixels)


def test_each_epoch_is_shown() -> None:
    epochs: list[Epoch] = []
    rows = few_rows()
    trained(small_trunk, rows, calibration=rows, plan=TINY, on_epoch=epochs.append)
    assert [epoch.number for epoch in epochs] == [1, 2]
    assert all(0 <= epoch.pneumonia_auroc <= 1 and epoch.loss > 0 for epoch in epochs)


def test_the_limit_ends_training_and_is_recorded() -> None:
    training = tiny_training(Plan(epochs=50, batch=8, most_minutes=0.0001))
    assert training.is_cut_short
    assert training.epochs == 1


def test_augmented_images_stay_images_and_come_again_with_the_seed() -> None:
    pixels = few_rows().pixels
    is_square = torch.zeros(len(pixels), dtype=torch.bool)
    once, again = (
        augmented(
            pixels,
            is_square=is_square,
            strength=Strength(),
            generator=torch.Generator().manual_seed(1),
        )
        for _ in range(2)
    )
    assert once.shape == pixels.shape
    assert torch.equal(once, again)
    assert not torch.equal(once, pixels)
    assert 0 <= once.min() <= once.max() <= 1


def test_a_child_with_many_images_counts_as_fewer() -> None:
    xrays = few_xrays(6)
    patients = np.array(["person1_b"] * 4 + ["person2_b", "person3_v"])
    rows = rows_of(type(xrays)(**{**vars(xrays), "patients": patients}), few_xrays(3, side=28))
    assert rows.weights[0] == pytest.approx(rows.weights[4] / 2)
    assert rows.weights[:6].mean() == pytest.approx(1)


def test_the_residual_network_is_trained_alike() -> None:
    rows = few_rows()
    trunk = trained(residual_trunk, rows, calibration=rows, plan=TINY).trunk
    assert trunk.logits(trunk.maps(rows.pixels)).shape == (36, 2)


def test_a_network_and_its_record_are_made_from_a_folder(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, 150)
    made = made_network(folder, TINY, on_epoch=lambda _: None, show=lambda _: None)
    assert '"split_salt"' in made.record
    assert str(tmp_path) not in made.record
    assert run_network(made.content, np.zeros((1, 1, 64, 64), np.float32))["maps"].any()
