"""What a job names to write payloads to a board: each payload's item is there once, whatever happens.

The board is looked through by key first. Items that are not there are created, in the groups that
the payloads name; of items that are there the cells that differ are changed, and no others. A write
that is killed, or fails half way, is simply run again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from etl.errors import ConfigError
from etl.io.monday._write import BoardOptions, write_board
from etl.io.monday.reader import board_settings, connect, sample_note, subitem_settings

if TYPE_CHECKING:
    import polars as pl

    from etl.io.sink import WriteContext, WriteReport

__all__ = ["BoardOptions", "MondayBoard", "write_board"]

_log = logging.getLogger(__name__)

# The sample board has no budgets: larger requests are faster there, and there is no import.
_SAMPLE: Final = {"batch": 500, "lookup": 1000, "bulk_from": None}


@dataclass(frozen=True, kw_only=True)
class MondayBoard:
    """The items of a board, or its subitems, as a target of payloads.

    A frame of payloads has ``key`` (the business key, which the board's key column holds; not null
    and unique), ``item_name`` (1 to 255 characters), perhaps ``group`` (a group's title; null is
    the first group) and ``item_id`` (Int64; the item that is known to hold the payload, null while
    it is not known); for subitems no ``group``, but ``parent_item_id`` (Int64). Every other column
    is a board column, by its id or by the name that config.yaml gives it
    (``apis.monday.boards.<name>.columns``).

    A null leaves the cell alone, as an empty text or list does, unless ``clear`` is set. A group
    counts when an item is created; items are not moved.

    Parameters
    ----------
    board
        The board's name in config.yaml, where its ``key`` column stands.
    subitems
        Write its subitems.
    options
        How it is written.

    Examples
    --------
    >>> MondayBoard(board="schedule").describe()
    'items of the monday board "schedule"'
    """

    board: str
    subitems: bool = False
    options: BoardOptions = field(default_factory=BoardOptions)

    def write(self, payloads: pl.DataFrame, context: WriteContext) -> WriteReport:
        """Create or change the item of every payload.

        Returns
        -------
        WriteReport
            A row of :class:`etl.contracts.board_results.BoardResults` for each payload.

        Raises
        ------
        ContractError
            The frame can't be written: a column is missing, unknown, or of a type that the board's
            does not take; keys are null or repeat. Nothing was sent.
        ConfigError
            The board, its key column or the token is not configured. Nothing was sent.
        """
        return self._run(payloads, context, plan=False)

    def plan(self, payloads: pl.DataFrame, context: WriteContext) -> WriteReport:
        """Look up what :meth:`write` would do, and write nothing.

        What would be created or changed has its ``action`` and is ``skipped``; what is unchanged is
        ``done``.

        Raises
        ------
        ContractError, ConfigError
            As :meth:`write`.
        """
        return self._run(payloads, context, plan=True)

    def describe(self) -> str:
        """Name the target in a few words."""
        return f'{"sub" if self.subitems else ""}items of the monday board "{self.board}"'

    def _run(self, payloads: pl.DataFrame, context: WriteContext, *, plan: bool) -> WriteReport:
        settings, board = board_settings(context.config, self.board)
        where = f"apis.monday.boards.{self.board}"
        if self.subitems:
            where += ".subitems"
            board = subitem_settings(board, self.board)
        options = self.options
        if settings.sample:
            if not board.sample:
                raise ConfigError(
                    f"no token is set, and the sample board {self.board!r} is only read: set "
                    f"MONDAY_API_TOKEN, or give {where}.sample the columns of one that is written"
                )
            options = replace(options, **_SAMPLE)  # type: ignore[arg-type]
        with connect(settings, self.board) as client:
            report = write_board(
                client,
                board,
                payloads,
                subitems=self.subitems,
                options=options,
                plan=plan,
                progress=context.progress,
                where=where,
            )
        counts = report.results["action" if plan else "status"].value_counts(name="rows").rows()
        _log.info(
            "run %s, %s%s: %s",
            context.run_id or "-",
            self.describe(),
            " (plan)" if plan else "",
            ", ".join(f"{rows} {what or 'none'}" for what, rows in counts) or "no payloads",
        )
        return replace(report, notes=(*sample_note(settings, self.board), *report.notes))
