"""What is fitted on the calibration part: temperatures of the logits and the scale of novelty."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from sklearn.covariance import LedoitWolf

Floats = npt.NDArray[np.float64]
_QUANTILE = 0.999
_LOG_TEMPERATURES = (-3.0, 3.0)


@dataclass(frozen=True, kw_only=True)
class Novelty:
    """Distances to class means in whitened units: |(embedding - means[k]) @ whitening|^2.

    `means` (classes, 32), `whitening` (32, 32). Scaled so that 1.0 is the 99.9 % quantile of the
    X-rays it was calibrated on.
    """

    means: Floats
    whitening: Floats

    def values(self, embeddings: npt.ArrayLike) -> Floats:
        """Novelty (n,) of embeddings (n, 32): the least squared distance over the classes."""
        away = np.asarray(embeddings, dtype=np.float64)[:, np.newaxis, :] - self.means
        return np.asarray((((away @ self.whitening) ** 2).sum(axis=2)).min(axis=1))


def fitted_temperature(logits: npt.ArrayLike, is_positive: npt.ArrayLike) -> float:
    """The T > 0 with the least negative log-likelihood of logits / T (Guo et al. 2017)."""
    values = np.asarray(logits, dtype=np.float64)
    signs = np.where(np.asarray(is_positive, dtype=bool), -1.0, 1.0)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, signs * values / np.exp(log_temperature)).mean())

    best = minimize_scalar(loss, bounds=_LOG_TEMPERATURES, method="bounded")
    return float(np.exp(best.x))


def fitted_novelty(
    embeddings: npt.ArrayLike, types: npt.ArrayLike, *, calibration: npt.ArrayLike
) -> Novelty:
    """Class means and one covariance of the network part (Lee et al. 2018), scaled on calibration.

    The covariance is shrunk towards a multiple of the identity (Ledoit and Wolf 2004).
    `embeddings` (n, 32) with `types` (n,), `calibration` (m, 32).
    """
    points, labels = np.asarray(embeddings, dtype=np.float64), np.asarray(types)
    classes = np.unique(labels)
    means = np.stack([points[labels == label].mean(axis=0) for label in classes])
    residuals = points - means[np.searchsorted(classes, labels)]
    covariance = LedoitWolf(assume_centered=True).fit(residuals).covariance_
    whitening = np.linalg.cholesky(np.linalg.inv(covariance))
    raw = Novelty(means=means, whitening=whitening)
    quantile = float(np.quantile(raw.values(calibration), _QUANTILE))
    return Novelty(means=means, whitening=whitening / np.sqrt(quantile))
