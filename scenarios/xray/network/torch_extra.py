"""Whether torch is installed: only training needs it, so it is an optional extra."""

from importlib.util import find_spec

INSTALL = "needs torch: .venv/bin/pip install '.[xray]'"


class NeedsTorch(RuntimeError):
    """torch is not installed; the message says how to install it."""

    exit_code = 2


def require_torch() -> None:
    """Raise `NeedsTorch` where torch is not installed."""
    if find_spec("torch") is None:
        raise NeedsTorch(INSTALL)
