"""Folders as people write them: with `~`, relative, from the environment."""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path


class FolderUnknown(ValueError):
    """A folder that does not say where it is; the message says what to write instead."""

    exit_code = 2


def folder_named(text: str, environ: Mapping[str, str] = os.environ) -> Path:
    """The absolute path that `text` means: `~` and `~user` are home folders.

    Raises `FolderUnknown` for a user that does not exist.
    """
    first, _, _ = text.partition("/")
    if not first.startswith("~"):
        return Path(text).resolve()
    home = home_folder(environ) if first == "~" else _home_of(first[1:], text)
    return (home / text[len(first) :].lstrip("/")).resolve()


def home_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """`HOME`, else the system's entry of this user; raises `FolderUnknown`."""
    if home := environ.get("HOME"):
        return Path(home)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        raise FolderUnknown(
            f"HOME is not set, and the system knows no home folder of user {os.getuid()}: set HOME"
        ) from None


def _home_of(user: str, text: str) -> Path:
    try:
        return Path(pwd.getpwnam(user).pw_dir)
    except KeyError:
        raise FolderUnknown(
            f"{text!r} begins with the home folder of a user {user!r}, which this machine does not "
            "have; write the path in full"
        ) from None
