"""From a planning board's items to the rows of ``dbo.board_planning``."""

from __future__ import annotations

from etl.contracts.board_planning import BoardPlanning
from etl.transforms.board_items import board_rows
from etl.transforms.portable import FrameT, on_any_engine

__all__ = ["planning_rows"]


def planning_rows(items: FrameT) -> FrameT:
    """Clean a board's items, one row an item.

    The result has exactly the columns of
    :class:`~etl.contracts.board_planning.BoardPlanning`, by name. Types are the contract's or such
    as the contract's check casts without loss: a number as text stays text, so that one that is
    none is set aside with what was written, and is not silently null.

    Parameters
    ----------
    items
        A pandas or polars frame, a LazyFrame, a pyarrow Table or a DuckDB relation with the
        columns ``item_id``, ``item_name``, ``group_title``, ``created_at``, ``updated_at`` and one
        column for each of the contract's board columns, under the contract's name. Others are
        left out.

    Returns
    -------
    the type of ``items``
        As many rows, in the same order where the engine keeps one.

    Raises
    ------
    ContractError
        A column is missing, or ``items`` is no dataframe.

    Notes
    -----
    The rules are those of :func:`~etl.transforms.board_items.board_rows`.

    Examples
    --------
    >>> import polars as pl
    >>> from etl.contracts.describe import describe
    >>> board = {c.name: [None] for c in describe(BoardPlanning) if c.name != "style_key"}
    >>> item = {"item_id": [7], "item_name": ["None"], "season": ["None"], "cut_qty": ["1,200"]}
    >>> rows = planning_rows(pl.DataFrame({**board, **item}))
    >>> rows.select("item_id", "style_key", "season", "cut_qty", "approved").rows()
    [(7, 'None', None, '1200', False)]
    """
    return on_any_engine(
        board_rows,
        items,
        contract=BoardPlanning,
        who="planning_rows",
        item_name="style_key",
    )
