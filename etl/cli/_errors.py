"""Every failure as one sentence on stderr and an exit code: 1 failed, 2 usage or configuration."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from etl.cli._signals import Signals, Terminated
from etl.errors import ConfigError, EtlError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["DONE", "FAILED", "INTERRUPTED", "TERMINATED", "USAGE", "Reporter", "exit_code"]  # fmt: skip

DONE, FAILED, USAGE, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143


def exit_code(error: BaseException) -> int:
    """The exit code that an error ends the command with.

    >>> exit_code(ConfigError("no such job")), exit_code(EtlError("the table is gone"))
    (2, 1)
    """
    if isinstance(error, KeyboardInterrupt):
        return TERMINATED if isinstance(error, Terminated) else INTERRUPTED
    return USAGE if isinstance(error, ConfigError) else FAILED


class Reporter:
    """A context that turns an error into a message on stderr and an exit code.

    Parameters
    ----------
    debug
        Show the traceback too. It holds no local variables: they may be secrets.
    on_error
        Called with the error's text, for the line that ``--json`` promises on failure too.
    """

    def __init__(
        self, *, debug: bool = False, on_error: Callable[[str], None] | None = None
    ) -> None:
        self.debug = debug
        self.on_error = on_error
        self.redact: Callable[[str], str] = str
        """Takes secrets out of a text; the configuration's, once there is one."""

        self._signals = Signals()

    def __enter__(self) -> Reporter:
        self._signals.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._signals.__exit__(kind, error, traceback)
        if error is None or isinstance(error, typer.Exit | SystemExit | GeneratorExit):
            return
        error = self.interrupted(error) or error
        self.show(error)
        if self.on_error is not None:
            self.on_error(self.text(error))
        raise typer.Exit(exit_code(error)) from None

    def interrupted(self, error: BaseException) -> KeyboardInterrupt | None:
        """The Ctrl-C or SIGTERM that an error stems from: libraries make other errors of it."""
        came = self._signals.came
        if came is not None and not isinstance(error, KeyboardInterrupt):
            came.__cause__ = error
        return came

    def text(self, error: BaseException) -> str:
        """The error in words."""
        text = str(error)
        if isinstance(error, KeyboardInterrupt):
            text = "interrupted: whatever was not complete has been undone"
        elif not isinstance(error, EtlError):
            text = f"unexpected {type(error).__name__}: {text}"
            text += "" if self.debug else " (--debug shows where)"
        return self.redact(text)

    def show(self, error: BaseException) -> None:
        """Write an error to stderr, with its traceback where that is asked for."""
        if self.debug:
            import traceback

            _write(self.redact("".join(traceback.format_exception(error)).rstrip()))
        else:
            _write(self.text(error))


def _write(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{text}\n")
