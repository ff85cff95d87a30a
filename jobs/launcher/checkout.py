"""The checkout that this code is: where it lies, which commit it is, what differs from it."""

import os
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "batch",
    "conf",
    "features",
    "jobs",
    "lifecycle",
    "local",
    "models",
    "monitoring",
    "reports",
    "scenarios",
    "serving",
    "stores",
    "streaming",
)
_FOLDERS = tuple(f"{package}/" for package in PACKAGES)
# Another user's checkout, as in a container: Git refuses to read it, since its settings could name
# programs to run. Whoever runs a job runs all of the checkout's code anyway.
_GIT = ("git", "-c", "safe.directory=*")


class CheckoutUnreadable(RuntimeError):
    """Git is installed and its folder exists, but it fails; the message quotes it."""

    exit_code = 2


def git(*arguments: str, checkout: Path = CHECKOUT) -> str | None:
    """What `git ARGUMENTS` prints about the checkout; None without git, or outside of a repository.

    Raises `CheckoutUnreadable` when git refuses: a record without a commit would look the same.
    """
    if not (checkout / ".git").exists():
        return None
    command = [*_GIT, "-C", str(checkout), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False, env=_environment())
    except FileNotFoundError:
        return None
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip().splitlines()
        raise CheckoutUnreadable(
            f"git cannot read the checkout {checkout}: {reason[0] if reason else done.returncode}; "
            f"to see more: git -C '{checkout}' status"
        )
    return done.stdout.decode(errors="surrogateescape")


def changed_files(checkout: Path = CHECKOUT) -> list[str]:
    """Files whose content is not that of the commit: changed ones, and new ones of our packages."""
    status = git(
        "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", checkout=checkout
    )
    entries = [(line[:2], line[3:]) for line in (status or "").split("\0") if line]
    return [name for state, name in entries if state != "??" or name.startswith(_FOLDERS)]


def _environment() -> dict[str, str]:
    """Without the variables by which a hook of another repository names that one."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
