"""Ctrl-C and SIGTERM as an exception, raised where it can be caught, and again where it was swallowed."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType, TracebackType

__all__ = ["Interrupted", "Signals", "Terminated"]


class Interrupted(KeyboardInterrupt):
    """SIGINT, from Ctrl-C.

    A type of its own: CPython notes a plain KeyboardInterrupt that passes through ``exec``, as
    importing a dataclass does, and kills the process at exit even where it was caught.
    """


class Terminated(KeyboardInterrupt):
    """SIGTERM, from an orchestrator: the run ends as it does at Ctrl-C."""


_KINDS = {signal.SIGINT: Interrupted, signal.SIGTERM: Terminated}
_SOON, _LATER = 0.01, 0.25
"""Seconds until another look: while polars is at work, and after the exception was raised."""

_PATIENCE = 100
"""Looks at polars at work, before the exception is raised all the same."""


class Signals:
    """A context in which SIGINT and SIGTERM raise a KeyboardInterrupt of their own.

    polars builds its types by Python code that it calls from Rust, where an exception is a panic
    with a page of text, or is swallowed. So one waits until polars is done, for a second at most,
    and one that got lost (in a destructor, say) is raised again.
    """

    def __init__(self) -> None:
        self.came: KeyboardInterrupt | None = None
        """What the first signal was, whatever became of the exception."""

        self._handlers: dict[signal.Signals, Any] = {}
        self._patience = _PATIENCE

    def __enter__(self) -> Signals:
        for number in _KINDS:
            # One that is ignored stays so: `nohup`, a shell's background jobs.
            if _is_main_thread() and signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self.came is not None:
            _look_again(0)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.came is None:
            self.came = _KINDS[signal.Signals(number)]()
            if _HAS_TIMER:
                before = signal.signal(signal.SIGALRM, self._on_alarm)
                self._handlers[signal.SIGALRM] = before
        self._raise(self.came, frame)

    def _on_alarm(self, _number: int, frame: FrameType | None) -> None:
        if sys.exc_info()[0] is not None:  # it is on its way: things are being undone
            _look_again(_LATER)
        elif self.came is not None:
            self._raise(self.came, frame)

    def _raise(self, came: KeyboardInterrupt, frame: FrameType | None) -> None:
        if _HAS_TIMER and self._patience and _within_polars(frame):
            self._patience -= 1
            _look_again(_SOON)
            return
        _look_again(_LATER)
        raise came


_HAS_TIMER = hasattr(signal, "setitimer")  # not on Windows


def _look_again(seconds: float) -> None:
    if _HAS_TIMER:
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _within_polars(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] == "polars":
            return True
        frame = frame.f_back
    return False


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
