"""Training of a trunk: augmented X-rays, two losses, averaged weights; reproducible by seed."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import roc_auc_score
from torch.nn import functional

from scenarios.xray.network.architecture import Trunk
from scenarios.xray.network.augmentation import Strength, augmented
from scenarios.xray.network.training_rows import Rows


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a trunk is trained.

    `averaging` is the share of the old average that an update leaves (Polyak averaging);
    `bacterial_share` weighs the second logit's loss; `smoothing` moves targets towards 0.5.
    """

    epochs: int = 30
    batch: int = 64
    learning_rate: float = 4e-3
    weight_decay: float = 0.02
    averaging: float = 0.998
    bacterial_share: float = 0.6
    smoothing: float = 0.02
    seed: int = 1
    most_minutes: float = 15.0
    strength: Strength = field(default_factory=Strength)


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What a finished epoch shows: mean loss, AUROC on the calibration part."""

    number: int
    loss: float
    pneumonia_auroc: float
    bacterial_auroc: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The averaged trunk; `cpu_seconds` of this process, `epochs` that were finished."""

    trunk: Trunk
    cpu_seconds: float
    epochs: int
    is_cut_short: bool


def trained(
    new_trunk: Callable[[], Trunk],
    rows: Rows,
    *,
    calibration: Rows,
    plan: Plan,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> Trained:
    """Train with AdamW and a one-cycle rate (Smith and Topin 2019) on one thread.

    The same rows, plan and torch version give the same weights, unless `most_minutes` of CPU time
    end the training before its last epoch: then it is cut short, with the average so far.
    """
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(plan.seed)
    generator = torch.Generator().manual_seed(plan.seed)
    trunk, start = new_trunk(), time.process_time()
    average = copy.deepcopy(trunk)
    weights = [*trunk.features.parameters(), *trunk.heads.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=plan.learning_rate, weight_decay=plan.weight_decay)
    steps = len(rows) // plan.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=plan.learning_rate, total_steps=max(plan.epochs * steps, 2), pct_start=0.2
    )
    update, done = 0, 0
    for number in range(1, plan.epochs + 1):
        trunk.train(True)
        losses = []
        order = torch.randperm(len(rows), generator=generator)
        for batch in order[: steps * plan.batch].view(steps, plan.batch):
            loss = _loss(trunk, rows, batch, plan=plan, generator=generator)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 2.0)
            optimizer.step()
            schedule.step()
            update += 1
            # The first averages forget quickly, as the first weights are random.
            _average(average, trunk, old=min(plan.averaging, update / (update + 10)))
            losses.append(loss.item())
        done, seconds = number, time.process_time() - start
        auroc = aurocs(average, calibration)
        on_epoch(
            Epoch(
                number=number,
                loss=float(np.mean(losses)),
                pneumonia_auroc=auroc[0],
                bacterial_auroc=auroc[1],
                seconds=seconds,
            )
        )
        if seconds + seconds / number > plan.most_minutes * 60:
            break
    average.train(False)
    return Trained(
        trunk=average,
        cpu_seconds=time.process_time() - start,
        epochs=done,
        is_cut_short=done < plan.epochs,
    )


def outputs(trunk: Trunk, pixels: Any) -> tuple[Any, Any]:
    """Embeddings (n, 32) and raw logits (n, 2) of `pixels`, in batches, without gradients."""
    trunk.train(False)
    with torch.no_grad():
        maps = [trunk.maps(batch) for batch in pixels.split(256)]
        embeddings = torch.cat([batch.mean(dim=(2, 3)) for batch in maps])
        return embeddings, torch.cat([trunk.logits(batch) for batch in maps])


def aurocs(trunk: Trunk, rows: Rows) -> tuple[float, float]:
    """AUROC of pneumonia, and of bacterial against viral among pneumonia."""
    scores: npt.NDArray[np.float32] = outputs(trunk, rows.pixels)[1].numpy()
    is_ill = rows.has_pneumonia.numpy() == 1
    return (
        float(roc_auc_score(is_ill, scores[:, 0])),
        float(roc_auc_score(rows.is_bacterial.numpy()[is_ill], scores[is_ill, 1])),
    )


def _loss(trunk: Trunk, rows: Rows, batch: Any, *, plan: Plan, generator: Any) -> Any:
    """Weighted binary cross-entropies; bacterial against viral counts where there is pneumonia."""
    pixels = augmented(
        rows.pixels[batch],
        is_square=rows.is_square[batch],
        strength=plan.strength,
        generator=generator,
    )
    logits = trunk.logits(trunk.maps(pixels))
    weights, is_ill = rows.weights[batch], rows.has_pneumonia[batch]
    pneumonia = functional.binary_cross_entropy_with_logits(
        logits[:, 0], _smooth(is_ill, plan.smoothing), weight=weights
    )
    bacterial = functional.binary_cross_entropy_with_logits(
        logits[:, 1], _smooth(rows.is_bacterial[batch], plan.smoothing), weight=weights * is_ill
    )
    return pneumonia + plan.bacterial_share * bacterial


def _smooth(targets: Any, smoothing: float) -> Any:
    return targets * (1 - smoothing) + smoothing / 2


def _average(average: Trunk, trunk: Trunk, *, old: float) -> None:
    with torch.no_grad():
        for mean, new in zip(average.tensors(), trunk.tensors(), strict=True):
            mean.lerp_(new, 1 - old)
