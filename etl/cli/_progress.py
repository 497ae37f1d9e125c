"""Progress bars, on a terminal only."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from etl.io.source import silent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.io.source import Progress

__all__ = ["progress_bars"]


@contextmanager
def progress_bars(*, wanted: bool = True) -> Iterator[Progress]:
    """Give the progress that draws a bar for each label on stderr, or none where nobody looks."""
    if not wanted or sys.stderr is None or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def advance(label: str, done: int, total: int | None) -> None:
            if label not in tasks:
                tasks[label] = bars.add_task(label, total=total)
            bars.update(tasks[label], completed=done, total=total)

        yield advance
