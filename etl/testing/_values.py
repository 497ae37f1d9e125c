"""Values that a contract's column takes, as Hypothesis makes them, those at the edges often.

polars' own strategies give text of at most 8 characters below code point 1000: no emoji, no
Chinese, no line breaks. The texts here have all of those, and the words that stand for null.
"""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Literal

import dataframely as dy
import polars as pl
from hypothesis import strategies as st

from etl.contracts.calendar import FIRST_DATE, LAST_DATE
from etl.contracts.text import Text
from etl.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

__all__ = ["FLOATS", "INTEGERS", "NULL_WORDS", "cut", "dates", "texts", "utc_times", "values_of"]

NULL_WORDS: Final = ("", " ", "None", "none", "nan", " NaN ", "null", "NULL", "NaT", "\tnull\n", "\u3000")  # fmt: skip
"""Texts that other systems write where they have nothing."""

_PIECES: Final = (
    "👕", "👩🏽‍🔧", "棉衫", "e\u0301", "Ünal", "\n", "\r\n", "\t", " ", ",", "'", '"', ";", "=", "\\",
    "\u00a0", "\u200b", "\ufeff", "İ", "ß", "None", "nan", "12", "A-1", "%", "_", "[", "]", "\u2028",
)  # fmt: skip
_EDGE_DATES: Final = (
    dt.date(1, 1, 1), dt.date(1752, 12, 31), FIRST_DATE, dt.date(1969, 12, 31),
    dt.date(1970, 1, 1), dt.date(2024, 2, 29), dt.date(2024, 3, 10), LAST_DATE,
)  # fmt: skip
_EDGE_TIMES: Final = (dt.time(0), dt.time(23, 59, 59, 999999), dt.time(4, 30))
FLOATS: Final = (dy.Float, dy.Float32, dy.Float64)
INTEGERS: Final = (
    dy.Integer, dy.Int8, dy.Int16, dy.Int32, dy.Int64, dy.UInt8, dy.UInt16, dy.UInt32, dy.UInt64,
)  # fmt: skip
_WHOLE: Final = 2**53
"""Up to here a float holds every whole number, which is what pandas makes of one with gaps."""
_FLOAT: Final = 1e6
_TEXT_LENGTH: Final = 60
_NANOSECONDS: Final = (FIRST_DATE, dt.date(2200, 1, 1))
"""Of times in nanoseconds: eight bytes hold no more."""


def texts(max_length: int = 40) -> SearchStrategy[str]:
    """Texts as people and systems write them.

    Emoji of several code points, Chinese, combining marks, line breaks, quotes, invisible
    characters, and words such as ``None``.

    Parameters
    ----------
    max_length
        In UTF-16 units, as SQL Server counts.
    """
    pieces = st.lists(st.sampled_from(_PIECES), max_size=6).map("".join)
    free = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
    wild = st.one_of(st.sampled_from(NULL_WORDS), pieces, free)
    return wild.map(lambda text: cut(text, max_length))


def cut(text: str, max_length: int, encoding: str = "utf-16-le") -> str:
    """Cut a text to a length in units of an encoding, between characters.

    >>> cut("a👕", 2), cut("a👕", 3), cut("é", 1, "utf-8")
    ('a', 'a👕', '')
    """
    while _units(text, encoding) > max_length:
        text = text[:-1]
    return text


def dates(first: int = 1, last: int = 9999) -> SearchStrategy[dt.date]:
    """Dates of these years, those at the edges of calendars and tables often."""
    return _dates(dt.date(first, 1, 1), dt.date(last, 12, 31))


def utc_times(first: int = 1, last: int = 9999) -> SearchStrategy[dt.datetime]:
    """Aware times in UTC, many near midnight, where a date depends on the zone."""
    return _times(dt.date(first, 1, 1), dt.date(last, 12, 31)).map(
        lambda time: time.replace(tzinfo=dt.UTC)
    )


def values_of(name: str, column: dy.Column, *, bounded: bool = True) -> SearchStrategy[Any]:
    """Values of one column: of its type, and within its bounds, lengths, pattern and list.

    Parameters
    ----------
    name
        What the column is called, for the error.
    column
        A column of a contract.
    bounded
        False for values of the type alone; of a text's length all the same.

    Raises
    ------
    ContractError
        There are no values of this type here.
    """
    makers: tuple[tuple[tuple[type[dy.Column], ...], Callable[..., SearchStrategy[Any]]], ...] = (
        ((dy.String,), _of_text),
        (INTEGERS, _of_integer),
        (FLOATS, _of_float),
        ((dy.Decimal,), _of_decimal),
        ((dy.Date,), _of_date),
        ((dy.Datetime,), _of_time),
    )
    for kinds, maker in makers:
        if isinstance(column, kinds):
            return maker(column, bounded=bounded)
    if isinstance(column, dy.Enum):
        return st.sampled_from(column.categories)
    plain: dict[type[dy.Column], SearchStrategy[Any]] = {
        dy.Bool: st.booleans(),
        dy.Time: st.one_of(st.sampled_from(_EDGE_TIMES), st.times()),
        dy.Binary: st.binary(max_size=20),
        dy.Duration: st.timedeltas(dt.timedelta(days=-9), dt.timedelta(days=9)),
    }
    if type(column) in plain:
        return plain[type(column)]
    raise ContractError(
        f"{name}: no values are made for a column of {type(column).__name__}; give a strategy for "
        f"it: frames(..., values={{{name!r}: ...}})"
    )


def _units(text: str, encoding: str) -> int:
    return len(text.encode(encoding)) // (2 if encoding == "utf-16-le" else 1)


def _of_text(column: dy.String, *, bounded: bool) -> SearchStrategy[str]:
    # dataframely's own texts are measured in bytes of UTF-8.
    encoding = "utf-16-le" if isinstance(column, Text) else "utf-8"
    longest = _TEXT_LENGTH if column.max_length is None else column.max_length
    shortest = (column.min_length or 0) if bounded else 0
    if bounded and column.regex is not None:
        # Where Python's $ takes a line break after it, that of Rust does not.
        matching = st.from_regex(column.regex).filter(lambda text: not text.endswith("\n"))
        return matching.filter(lambda text: shortest <= _units(text, encoding) <= longest)

    def fitted(text: str) -> str:
        text = cut(text, longest, encoding)
        return text + "x" * (shortest - _units(text, encoding))

    return texts(longest).map(fitted)


def _within(column: Any, least: Any, most: Any, step: Any) -> tuple[Any, Any]:
    """The first and the last value that a column takes; ``least`` and ``most`` where it says none."""
    low, high = column.min, column.max
    if column.min_exclusive is not None:
        low = column.min_exclusive + step
    if column.max_exclusive is not None:
        high = column.max_exclusive - step
    if low is None:
        return (least if high is None else min(least, high)), (most if high is None else high)
    return low, (max(most, low) if high is None else high)


def _of_integer(column: Any, *, bounded: bool) -> SearchStrategy[int]:
    signed = not str(column.dtype).startswith("U")
    most = min(2 ** (int(str(column.dtype).lstrip("UInt")) - signed) - 1, _WHOLE)
    low, high = -most if signed else 0, most
    if bounded and column.is_in is not None:
        return st.sampled_from(list(column.is_in))
    if bounded:
        low, high = _within(column, low, high, 1)
    small = st.integers(max(low, min(-3, high)), min(high, max(40, low)))
    return st.one_of(small, st.integers(low, high))


def _of_float(column: Any, *, bounded: bool) -> SearchStrategy[float]:
    if not bounded:
        return st.floats(-_FLOAT, _FLOAT, width=_width(column))
    told = (column.min, column.min_exclusive, column.max, column.max_exclusive)
    most = max(_FLOAT, *(2 * abs(bound) for bound in told if bound is not None), 0)
    low, high = _within(column, -most, most, 0.0)
    inside = st.floats(
        low,
        high,
        exclude_min=column.min_exclusive is not None,
        exclude_max=column.max_exclusive is not None,
        width=_width(column),
    )
    first, last = math.floor(max(low, -99)) + 1, math.ceil(min(high, 99)) - 1
    return st.one_of(st.integers(first, last).map(float), inside) if first <= last else inside


def _width(column: Any) -> Literal[32, 64]:
    return 32 if column.dtype == pl.Float32 else 64


def _of_decimal(column: Any, *, bounded: bool) -> SearchStrategy[Decimal]:
    dtype = column.dtype
    step = Decimal(1).scaleb(-dtype.scale)
    most = Decimal(10) ** (dtype.precision - dtype.scale) - step
    low, high = _within(column, -most, most, step) if bounded else (-most, most)
    return st.decimals(low, high, places=dtype.scale)


def _of_date(column: dy.Date, *, bounded: bool) -> SearchStrategy[dt.date]:
    """Dates, but none of years that a database's type does not have."""
    first, last = FIRST_DATE, LAST_DATE
    if bounded:
        first, last = _within(column, first, last, dt.timedelta(days=1))
    return _truncated(_dates(first, last), column.resolution if bounded else None)


def _of_time(column: dy.Datetime, *, bounded: bool) -> SearchStrategy[dt.datetime]:
    dtype: Any = column.dtype
    first, last = _NANOSECONDS if dtype.time_unit == "ns" else (FIRST_DATE, LAST_DATE)
    low, high = dt.datetime.combine(first, dt.time()), dt.datetime.combine(last, dt.time.max)
    if bounded:
        low, high = _within(_naive(column), low, high, dt.timedelta(milliseconds=1))
    times = _times(low.date(), high.date()).map(lambda time: min(max(time, low), high))
    times = _truncated(times, column.resolution if bounded else None)
    if dtype.time_unit == "ms":
        times = times.map(lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000))
    return times if dtype.time_zone is None else times.map(lambda time: time.replace(tzinfo=dt.UTC))


def _truncated(times: SearchStrategy[Any], resolution: str | None) -> SearchStrategy[Any]:
    if resolution is None:
        return times
    return times.map(lambda time: pl.Series([time]).dt.truncate(resolution).item())


def _naive(column: dy.Datetime) -> SimpleNamespace:
    """A column's bounds as times of UTC without a zone."""
    bounds = ("min", "min_exclusive", "max", "max_exclusive")
    told = {name: getattr(column, name) for name in bounds}
    return SimpleNamespace(
        **{
            name: value if value is None or value.tzinfo is None
            else value.astimezone(dt.UTC).replace(tzinfo=None)
            for name, value in told.items()
        }
    )  # fmt: skip


def _dates(first: dt.date, last: dt.date) -> SearchStrategy[dt.date]:
    edges = {first, last, *(day for day in _EDGE_DATES if first <= day <= last)}
    return st.one_of(st.sampled_from(sorted(edges)), st.dates(first, last))


def _times(first: dt.date, last: dt.date) -> SearchStrategy[dt.datetime]:
    return st.builds(
        dt.datetime.combine,
        _dates(first, last),
        st.one_of(st.sampled_from(_EDGE_TIMES), st.times()),
    )
