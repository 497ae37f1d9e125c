"""What every reader is: something that gives a frame, and says what it noticed on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import polars as pl

    from etl.config import Config

__all__ = ["Progress", "Read", "ReadContext", "Reader", "silent"]


class Progress(Protocol):
    """Called as long work advances; the command line draws a bar from it on a terminal."""

    def __call__(self, label: str, done: int, total: int | None) -> None:
        """``done`` of ``total`` rows are through (``total`` is None while it is unknown)."""


def silent(label: str, done: int, total: int | None) -> None:
    """The progress that shows nothing: notebooks, tests and scheduled runs."""


@dataclass(frozen=True, kw_only=True)
class ReadContext:
    """What a reader may need from the run it is part of."""

    config: Config
    limit: int | None = None
    """Read at most this many rows (a preview)."""
    allow_empty: bool = False
    """An empty source is no error."""
    progress: Progress = field(default=silent, repr=False)


@dataclass(frozen=True, kw_only=True)
class Read:
    """A frame and what the reader noticed while it read."""

    frame: pl.DataFrame
    notes: tuple[str, ...] = ()
    """Sentences for the run's result, such as the board columns that no contract maps."""
    counts: bool = True
    """Its rows count as read; those that an earlier run has left, and rules, do not."""


@runtime_checkable
class Reader(Protocol):
    """A source of one frame: a board, a table, a query, a file."""

    def read(self, context: ReadContext) -> Read:
        """Read all of it, or raise :class:`~etl.errors.SourceError`: never a part in silence."""

    def describe(self) -> str:
        """Name the source in a few words, for messages and the catalogue."""
