"""Turn a pickle that a person trusts into skops' format, in a process of its own.

A pickle runs whatever code it holds while it is read. So it is read once, by this program, after
somebody said that the file may be trusted; workers only ever see the skops file.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from models.errors import ModelCorrupt, ModelUntrusted

_LONGEST_SECONDS = 300


@dataclass(frozen=True)
class Unpickled:
    """skops' bytes of the estimator, and its own scores (n,) of the probe rows."""

    content: bytes
    scores: npt.NDArray[np.float64]


def unpickled(file: Path, rows: npt.NDArray[np.float64]) -> Unpickled:
    """The estimator in `file` and its scores of `rows` (n, k), by a process of its own.

    Raises `ModelCorrupt` with the last line of what went wrong there, `ModelUntrusted` when it
    holds types that skops' format may not.
    """
    with TemporaryDirectory(prefix="everscore-import-") as scratch:
        rows_file, model_file, scores_file = (
            Path(scratch) / name for name in ("rows.npy", "model.skops", "scores.npy")
        )
        np.save(rows_file, rows)
        command = [sys.executable, "-m", __name__]
        command += [str(path) for path in (file.resolve(), rows_file, model_file, scores_file)]
        checkout = Path(__file__).resolve().parents[2]
        try:
            ended = subprocess.run(
                command,
                capture_output=True,
                check=False,
                cwd=checkout,
                text=True,
                timeout=_LONGEST_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise ModelCorrupt(f"{file} was not read within {_LONGEST_SECONDS} s") from error
        if ended.returncode:
            last = (ended.stderr.strip() or f"exit code {ended.returncode}").splitlines()[-1]
            if last.startswith(f"{ModelUntrusted.__module__}.{ModelUntrusted.__name__}"):
                raise ModelUntrusted(last.partition(": ")[2])
            raise ModelCorrupt(f"cannot read {file}: {last}")
        return Unpickled(model_file.read_bytes(), np.load(scores_file, allow_pickle=False))


def _main(file: str, rows_file: str, model_file: str, scores_file: str) -> None:
    import joblib  # reads plain pickles, too

    from models.formats.skops import FORMAT, EstimatorScores

    estimator = joblib.load(file)
    if not hasattr(estimator, "predict_proba"):
        raise ModelCorrupt(
            f"it holds a {type(estimator).__qualname__}, expected a classifier with predict_proba"
        )
    rows = np.load(rows_file, allow_pickle=False)
    np.save(scores_file, EstimatorScores(estimator).scores(rows))
    Path(model_file).write_bytes(FORMAT.write(estimator))


if __name__ == "__main__":
    _main(*sys.argv[1:])
