"""Calls of MLflow: no notices, and no minutes of waiting for a server that is away."""

import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# A server that is away is reported within seconds; MLflow's own defaults try for four minutes.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
_UNANSWERED = re.compile(r"API request to (\S+?)/api/\S* failed")


class RegistryDown(RuntimeError):
    """The MLflow server does not answer."""

    exit_code = 3


@contextmanager
def quiet_mlflow() -> Iterator[None]:
    """Keep MLflow's and Alembic's notices and warnings away; errors still show.

    Raises `RegistryDown` in place of MLflow's error when its server does not answer.
    """
    for variable, value in _PATIENCE.items():
        os.environ.setdefault(variable, value)
    names = ("mlflow", "alembic", "urllib3.connectionpool")
    before = {name: logging.getLogger(name).level for name in names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        except Exception as error:
            unanswered = _UNANSWERED.search(str(error))
            if unanswered is None:
                raise
            raise RegistryDown(
                f"the MLflow server at {unanswered[1]} does not answer: start it, or set "
                "mlflow.tracking_uri to where it runs"
            ) from error
        finally:
            for name, level in before.items():
                logging.getLogger(name).setLevel(level)
