"""What a sink is: something that makes files of frames, such as workbooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import polars as pl

    from etl.io.sink import WriteContext

__all__ = ["Sink", "SinkReport"]


@dataclass(frozen=True, kw_only=True)
class SinkReport:
    """What became of the files: a file whose content stays the same is left untouched."""

    written: tuple[Path, ...] = ()
    unchanged: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


@runtime_checkable
class Sink(Protocol):
    """A target of files."""

    def write(self, frames: Mapping[str, pl.DataFrame], context: WriteContext) -> SinkReport:
        """Make the files of these frames; each is there as a whole or not at all.

        Raises
        ------
        LoadError
            A file could not be written.
        """

    def describe(self) -> str:
        """Name the target in a few words, for messages and the catalogue."""
