"""Turn what ended a job into an exit code and one clear line.

0 done; 1 unexpected; 2 wrong usage or settings; 3 a service is down; 4 refused for safety; 130 and
143 stopped by SIGINT and SIGTERM; 141 whoever read the output went away. An exception class of any
package joins in by having `exit_code`.
"""

import errno
import os
import select
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from jobs.launcher.signals import Stopped, stopping_on_signals
from reports.terminal import message_of, one_line

UNEXPECTED = 1
_REFUSALS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENAMETOOLONG,
)
OUTPUT_CLOSED = 141  # 128 + SIGPIPE, as other commands end in `COMMAND | head`


def exit_code_of(error: BaseException) -> int | None:
    """The exit code that the error's class declares; None for an unexpected error."""
    code = getattr(error, "exit_code", None)
    return code if isinstance(code, int) else None


@contextmanager
def ending_with_exit_code(console: Console, *, verbose: bool) -> Iterator[None]:
    """End the process by SystemExit with the code of what happens inside; say why in a line."""
    with stopping_on_signals() as stop:
        try:
            yield
        except (typer.Exit, typer.Abort):
            raise
        except Stopped as stopped:
            _print(console, "stopped")
            raise SystemExit(stopped.code) from None
        except Exception as error:
            if isinstance(error, BrokenPipeError) and is_output_closed():
                silence_output()
                raise SystemExit(OUTPUT_CLOSED) from None
            # A signal takes precedence over the errors that follow from it.
            code = stop.exit_code or exit_code_of(error)
            if verbose or (code is None and not is_refused_by_system(error)):
                _print(console, "".join(traceback.format_exception(error)))
            if stop.exit_code is not None:
                _print(console, "stopped")
            else:
                _print(console, f"error: {one_line(_sentence(error, code))}")
            raise SystemExit(UNEXPECTED if code is None else code) from None


def is_refused_by_system(error: BaseException) -> bool:
    """A full disk, or a file that may not be read or written: nothing that a traceback explains."""
    return isinstance(error, OSError) and error.errno in _REFUSALS and error.filename is not None


def _sentence(error: Exception, code: int | None) -> str:
    if isinstance(error, OSError) and is_refused_by_system(error):
        return f"{os.fsdecode(error.filename)}: {os.strerror(error.errno or 0)}"
    message = message_of(error)
    return message if code is not None else f"{type(error).__name__}: {message}"


def is_output_closed() -> bool:
    """Whether the reader of stdout or stderr is gone; a broken pipe may also be a connection's."""
    streams = select.poll()
    for descriptor in (1, 2):
        streams.register(descriptor, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in streams.poll(0))


def silence_output() -> None:
    """Discard what is still in Python's buffers, instead of failing at the very end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _print(console: Console, text: str) -> None:
    """Print without markup or wrapping: a message may hold brackets and long lines."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)
