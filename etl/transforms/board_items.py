"""From the items of any board to the rows of the contract that maps it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl

from etl.contracts.calendar import FIRST_DATE, LAST_DATE
from etl.contracts.describe import ContractColumn, describe
from etl.transforms.cells import date_text, datetime_text, number_text, without_null_words
from etl.transforms.portable import Lazy, require, typed, utc_dates

if TYPE_CHECKING:
    import dataframely as dy

__all__ = ["board_rows"]


def board_rows(
    items: Lazy, *, contract: type[dy.Schema], who: str, item_name: str = "item_name"
) -> Lazy:
    """Clean a board's items, one row an item, for :func:`~etl.transforms.portable.on_any_engine`.

    Parameters
    ----------
    items
        The columns ``item_id``, ``item_name``, ``group_title``, ``created_at``, ``updated_at`` as
        far as the contract has them, and one for each of the contract's board columns, under the
        contract's name. Others are left out.
    contract
        The contract that maps the board's columns. The result has exactly its columns; types are
        the contract's or such as its check casts without loss: a number as text stays text, so
        that one that is none is set aside with what was written, and is not silently null.
    who
        Whose input it is, for messages.
    item_name
        What the contract calls the item's name.

    Raises
    ------
    ContractError
        A column is missing.

    Notes
    -----
    The rules: text that is empty or a word for null becomes null, and so does NaN, but names are
    names: an item may well be called "None". Dates outside the years 1753-9999 become null; a
    number as text loses its thousands commas and surrounding space; a time in a date column
    becomes its UTC date; a box without an answer is not checked.

    Examples
    --------
    >>> from etl.contracts.board_groups import BoardGroups
    >>> items = pl.LazyFrame({c.name: ["null"] for c in describe(BoardGroups)})
    >>> rows = board_rows(nw.from_native(items), contract=BoardGroups, who="", item_name="title")
    Traceback (most recent call last):
    etl.errors.ContractError: : the frame has no column item_name; it has ...
    """
    columns = describe(contract)
    sources = {c.name: "item_name" if c.name == item_name else c.name for c in columns}
    require(items, sources.values(), who)
    rows = items.select(nw.col(source).alias(name) for name, source in sources.items())
    rows = _plain_text(typed(rows, contract))
    schema = rows.collect_schema()
    timed = [c.name for c in columns if c.dtype == pl.Date and schema[c.name] == nw.Datetime]
    rows = utc_dates(rows, timed)
    schema = rows.collect_schema()
    return rows.with_columns(
        cell.alias(column.name)
        for column in columns
        if column.name not in (item_name, "group_title")
        and (cell := _cleaned(column, schema[column.name])) is not None
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
