"""Values of a frame's column as cells: what Excel can hold as such, and what it must have as text."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any, Final

from etl.contracts.text import cut_text

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

__all__ = ["FORMULA_STARTS", "MAX_CELL", "cells_of"]

MAX_CELL: Final = 32_767
"""UTF-16 units that a cell holds."""
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would compute, in whatever way the cell's text gets there."""
_EXACT: Final = 10**15
"""Excel's numbers have fifteen digits."""
_FIRST_DAY: Final = dt.date(1900, 1, 1)


def cells_of(values: pl.Series) -> list[Any]:
    """Give a column's values as Python values that a cell holds without loss, or as text.

    Text stays text, cut to what a cell holds. Numbers with more than fifteen digits, NaN and the
    infinities become text, and so do dates before 1900. A time with a zone is the time in UTC, and
    what is true or false is yes or no.

    Examples
    --------
    >>> import polars as pl
    >>> cells_of(pl.Series([1, 10**15, None])), cells_of(pl.Series([0.5, float("nan")]))
    ([1, '1000000000000000', None], [0.5, 'nan'])
    >>> cells_of(pl.Series([dt.date(1899, 12, 31), dt.date(1900, 1, 1)]))
    ['1899-12-31', datetime.date(1900, 1, 1)]
    """
    dtype: Any = values.dtype
    zone = getattr(dtype, "time_zone", None)
    if zone is not None:
        values = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    held = _held(dtype)
    return [None if value is None else held(value) for value in values.to_list()]


def _held(dtype: Any) -> Callable[[Any], Any]:
    import polars as pl

    if dtype.is_integer():
        return lambda value: value if -_EXACT < value < _EXACT else str(value)
    if dtype.is_decimal():
        return lambda value: value if len(value.as_tuple().digits) <= 15 else str(value)
    if dtype.is_float():
        return lambda value: value if math.isfinite(value) else str(value)
    held: dict[Any, Callable[[Any], Any]] = {
        # Programs show truth in words of their own language, or as 1; people filter by these.
        pl.Boolean: lambda value: "yes" if value else "no",
        pl.Date: lambda value: value if value >= _FIRST_DAY else value.isoformat(),
        pl.Datetime: _moment,
        pl.Time: lambda value: value,
    }
    return held.get(dtype.base_type(), lambda value: _text(str(value)))


def _moment(value: dt.datetime) -> dt.datetime | str:
    return value if value.date() >= _FIRST_DAY else value.isoformat(sep=" ", timespec="seconds")


def _text(value: str) -> str:
    if len(value) * 2 <= MAX_CELL:
        return value
    cut = cut_text(value, MAX_CELL)
    return cut if cut == value else f"{cut_text(value, MAX_CELL - 1)}…"
