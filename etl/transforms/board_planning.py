"""From a planning board's items to the rows of ``dbo.board_planning``."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import narwhals as nw
import polars as pl

from etl.contracts.board_planning import FIRST_DATE, LAST_DATE, BoardPlanning
from etl.contracts.describe import ContractColumn, describe
from etl.transforms.cells import date_text, datetime_text, number_text, without_null_words
from etl.transforms.portable import FrameT, Lazy, on_any_engine, require, typed, utc_dates

__all__ = ["planning_rows"]

_COLUMNS: Final = describe(BoardPlanning)
_RENAMED: Final = {"style_key": "item_name"}
# Names are names: an item may well be called "None".
_NAMES: Final = ("style_key", "group_title")


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
    The rules: text that is empty or a word for null becomes null, and so does NaN; dates outside
    the years 1753-9999 become null; a number as text loses its thousands commas and surrounding
    space; a time in a date column becomes its UTC date; a box without an answer is not checked.

    Examples
    --------
    >>> board = {c.name: [None] for c in describe(BoardPlanning) if c.name != "style_key"}
    >>> item = {"item_id": [7], "item_name": ["None"], "season": ["None"], "cut_qty": ["1,200"]}
    >>> rows = planning_rows(pl.DataFrame({**board, **item}))
    >>> rows.select("item_id", "style_key", "season", "cut_qty", "approved").rows()
    [(7, 'None', None, '1200', False)]
    """
    return on_any_engine(_planning_rows, items)


def _planning_rows(items: Lazy) -> Lazy:
    sources = {column.name: _RENAMED.get(column.name, column.name) for column in _COLUMNS}
    require(items, sources.values(), "planning_rows")
    rows = items.select(nw.col(source).alias(name) for name, source in sources.items())
    rows = _plain_text(typed(rows, BoardPlanning))
    schema = rows.collect_schema()
    timed = [c.name for c in _COLUMNS if c.dtype == pl.Date and schema[c.name] == nw.Datetime]
    rows = utc_dates(rows, timed)
    schema = rows.collect_schema()
    return rows.with_columns(
        cell.alias(column.name)
        for column in _COLUMNS
        if (cell := _cleaned(column, schema[column.name])) is not None
    )


def _plain_text(rows: Lazy) -> Lazy:
    """Let categories (what pandas and DuckDB may hold repeated texts as) be the texts they are."""
    schema = rows.collect_schema()
    return rows.with_columns(
        nw.col(name).cast(nw.String)
        for name, dtype in schema.items()
        if dtype in (nw.Categorical, nw.Enum)
    )


def _cleaned(column: ContractColumn, dtype: Any) -> nw.Expr | None:
    """Choose the cleaning by the contract's type and the frame's; None where there is none."""
    cell = nw.col(column.name)
    if column.name in _NAMES:
        return None
    if dtype == nw.String:
        return _cleaned_text(without_null_words(cell), column.dtype)
    if dtype in (nw.Date, nw.Datetime):
        return nw.when(_in_calendar(cell, dtype)).then(cell)
    if dtype.is_float():
        return nw.when(~cell.is_nan()).then(cell)
    if dtype == nw.Boolean and column.dtype == pl.Boolean:
        return cell.fill_null(value=False)
    return None


def _cleaned_text(text: nw.Expr, target: pl.DataType) -> nw.Expr:
    if target.is_numeric():
        return number_text(text)
    if target == pl.Date:
        return date_text(text)
    return datetime_text(text) if target == pl.Datetime else text


def _in_calendar(cell: nw.Expr, dtype: Any) -> nw.Expr:
    if dtype == nw.Date:
        return (cell >= nw.lit(FIRST_DATE)) & (cell <= nw.lit(LAST_DATE))
    zone = None if dtype.time_zone is None else dt.UTC
    first = dt.datetime.combine(FIRST_DATE, dt.time.min, tzinfo=zone)
    last = dt.datetime.combine(LAST_DATE, dt.time.max, tzinfo=zone)
    return (cell >= nw.lit(first)) & (cell <= nw.lit(last))
