"""Spark's Python daemon, with the heavy imports done once before it forks its workers.

A worker that starts cold pays seconds for scikit-learn, shap and numba; forked from a warm daemon
it pays none. Set by `spark.python.daemon.module`.
"""

import gc

import msgspec  # noqa: F401
import numpy  # noqa: F401
import pyarrow  # noqa: F401
import shap  # noqa: F401
import sklearn.calibration
import sklearn.ensemble  # noqa: F401
import skops.io  # noqa: F401
from pyspark import daemon

from streaming.worker import shared_memory

if __name__ == "__main__":
    shared_memory()  # made before the fork: all workers see the same
    # Frozen objects are never traversed by the collector, nor copied on write after the fork.
    gc.collect()
    gc.freeze()
    daemon.manager()
