"""What a writer of payloads is: something that takes a frame, and says of every row what became of it.

A table takes a frame as a whole or not at all (:mod:`etl.io.db_helper`). An API can't: rows are sent
in requests, any of which may fail. So a writer never raises for a row, and gives a row of results
for every payload; what ended the write early, if anything did, stands beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from etl.io.source import silent

if TYPE_CHECKING:
    import polars as pl

    from etl.config import Config
    from etl.errors import EtlError
    from etl.io.source import Progress

__all__ = ["WriteContext", "WriteReport", "Writer"]


@dataclass(frozen=True, kw_only=True)
class WriteContext:
    """What a writer may need from the run it is part of."""

    config: Config
    run_id: str = ""
    """The run's id, for the log."""
    progress: Progress = field(default=silent, repr=False)


@dataclass(frozen=True, kw_only=True)
class WriteReport:
    """What became of each payload, a row each in the payloads' order, and what was noticed.

    ``fatal`` is what ended the write before all rows were sent, None where nothing did:
    a :class:`~etl.errors.TransientError` if the same write can succeed later, any other
    :class:`~etl.errors.EtlError` if it can't. The results are complete all the same.
    """

    results: pl.DataFrame
    """The columns of :class:`etl.contracts.board_results.BoardResults`."""
    notes: tuple[str, ...] = ()
    fatal: EtlError | None = None


@runtime_checkable
class Writer(Protocol):
    """A target of payloads, such as a board."""

    def write(self, payloads: pl.DataFrame, context: WriteContext) -> WriteReport:
        """Write every payload that can be written.

        Raises
        ------
        ContractError
            The frame as a whole can't be written; nothing was sent.
        ConfigError
            The target is not configured; nothing was sent.
        """

    def plan(self, payloads: pl.DataFrame, context: WriteContext) -> WriteReport:
        """Say what :meth:`write` would do, and write nothing."""

    def describe(self) -> str:
        """Name the target in a few words, for messages and the catalogue."""
