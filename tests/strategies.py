"""Hypothesis strategies for the data that the tests make, derived from the contracts.

polars' own strategies give text of at most 8 characters below code point 1000: no emoji, no
Chinese, no line breaks. The texts here have all of those, and the words that stand for null.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
from hypothesis import strategies as st
from polars.testing.parametric import column, dataframes

from etl.contracts.describe import ContractColumn, describe

if TYPE_CHECKING:
    import dataframely as dy
    from hypothesis.strategies import SearchStrategy

__all__ = [
    "NULL_WORDS",
    "cut",
    "date_texts",
    "dates",
    "items",
    "number_texts",
    "rows_of",
    "texts",
    "utc_times",
]

UTC_TIME = pl.Datetime("us", "UTC")
NULL_WORDS = ["", " ", "None", "none", "nan", " NaN ", "null", "NULL", "NaT", "\tnull\n", "\u3000"]
_PIECES = [
    "👕", "👩🏽‍🔧", "棉衫", "e\u0301", "Ünal", "\n", "\r\n", "\t", " ", ",", "'", '"', ";", "=", "\\",
    "\u00a0", "\u200b", "\ufeff", "İ", "ß", "None", "nan", "12", "A-1", "%", "_", "[", "]", "\u2028",
]  # fmt: skip
_EDGE_DATES = [
    dt.date(1, 1, 1), dt.date(1752, 12, 31), dt.date(1753, 1, 1), dt.date(1969, 12, 31),
    dt.date(1970, 1, 1), dt.date(2024, 2, 29), dt.date(2024, 3, 10), dt.date(9999, 12, 31),
]  # fmt: skip


def texts(max_length: int = 40) -> SearchStrategy[str]:
    """Texts as people and systems write them, up to some 40 UTF-16 units unless told."""
    pieces = st.lists(st.sampled_from(_PIECES), max_size=6).map("".join)
    free = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
    wild = st.one_of(st.sampled_from(NULL_WORDS), pieces, free)
    return wild.map(lambda text: cut(text, max_length))


def cut(text: str, max_length: int) -> str:
    """Cut a text to a length in UTF-16 units, between characters."""
    while len(text.encode("utf-16-le")) // 2 > max_length:
        text = text[:-1]
    return text


def number_texts() -> SearchStrategy[str]:
    """Numbers as text: plain, signed, with commas, points and space around; and what is none."""
    plain = st.one_of(
        st.integers(-(10**6), 10**6).map(str),
        st.integers(-(10**9), 10**9).map("{:,}".format),
        st.decimals(-9999, 9999, places=2).map("{:,.2f}".format),
        st.sampled_from(["+5", "0", "-0", "007", "5.", ".5", "12.0", "9223372036854775808"]),
    )
    spaced = st.tuples(
        st.sampled_from(["", " ", "\t", "\u00a0"]), plain, st.sampled_from(["", "  "])
    )
    junk = [
        "12 pcs",
        "1,2",
        "1e3",
        "٣",
        "1 000",
        "--1",
        "0x10",
        "½",
        "1,234,56",
        "-",
        "n/a",
        "1\n2",
    ]
    return st.one_of(spaced.map("".join), st.sampled_from(junk), texts(20))


def dates(first: int = 1, last: int = 9999) -> SearchStrategy[dt.date]:
    """Dates of these years, those at the edges of calendars and tables often."""
    edges = [day for day in _EDGE_DATES if first <= day.year <= last]
    return st.one_of(st.sampled_from(edges), st.dates(dt.date(first, 1, 1), dt.date(last, 12, 31)))


def utc_times(first: int = 1, last: int = 9999) -> SearchStrategy[dt.datetime]:
    """Aware times in UTC, many near midnight, where a date depends on the zone."""
    near = st.sampled_from([dt.time(0), dt.time(23, 59, 59, 999999), dt.time(4, 30)])
    return st.builds(
        lambda day, time: dt.datetime.combine(day, time, tzinfo=dt.UTC),
        dates(first, last),
        st.one_of(near, st.times()),
    )


def date_texts() -> SearchStrategy[str]:
    """Dates and times as text: those of monday, those out of the calendar, those that are none."""
    junk = ["0000-00-00", "20240-01-01", "-0044-03-15", "2024-02-30", "soon", "2024-1-5", "today"]
    return st.one_of(
        dates().map(dt.date.isoformat),
        utc_times().map(lambda time: time.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")),
        utc_times(1000).map(lambda time: time.strftime("%Y-%m-%d %H:%M:%S")),
        st.sampled_from(junk),
        texts(12),
    )


def valid_values(of: ContractColumn) -> SearchStrategy[Any]:
    """Values that a contract's column takes, its own bounds apart from length left aside."""
    dtype = of.dtype
    if isinstance(dtype, pl.Decimal):
        limit = Decimal(10) ** (dtype.precision - dtype.scale) - 1
        return st.decimals(-limit, limit, places=dtype.scale)
    if isinstance(dtype, pl.Datetime):
        times = utc_times(1753) if dtype.time_unit != "ns" else utc_times(1753, 2200)
        return times if dtype.time_zone else times.map(lambda time: time.replace(tzinfo=None))
    if dtype.is_integer():
        # Of eight bytes no more than a double holds: numpy has no other number with gaps.
        bits = int(str(dtype).lstrip("UInt")) - (not str(dtype).startswith("U"))
        return st.integers(0, min(2**bits - 1, 2**53))
    plain: dict[type[pl.DataType], SearchStrategy[Any]] = {
        pl.String: texts(of.max_length or 60),
        pl.Boolean: st.booleans(),
        pl.Date: dates(1753),
        pl.Time: st.times(),
        pl.Float32: st.floats(-90, 90, width=32),
        pl.Float64: st.floats(-90, 90),
        pl.Binary: st.binary(max_size=20),
        pl.Duration: st.timedeltas(dt.timedelta(days=-9), dt.timedelta(days=9)),
    }
    return plain[type(dtype)]


def rows_of(contract: type[dy.Schema], *, max_size: int = 5) -> SearchStrategy[pl.DataFrame]:
    """Frames of a contract's columns and types, of values that are mostly right."""
    return dataframes(
        [
            column(
                each.name, dtype=each.dtype, strategy=valid_values(each), allow_null=each.nullable
            )
            for each in describe(contract)
        ],
        max_size=max_size,
        allow_chunks=False,
        allow_masked_out=False,
    )


# What the board's reader gives for a contract's type: one of these for the whole column.
_AS_READ: dict[type[pl.DataType], list[tuple[pl.DataType, SearchStrategy[Any]]]] = {
    pl.String: [(pl.String(), texts())],
    pl.Boolean: [(pl.Boolean(), st.booleans())],
    pl.Time: [(pl.Time(), st.times())],
    pl.Date: [
        (pl.Date(), dates()),
        (UTC_TIME, utc_times()),
        (pl.String(), date_texts()),
    ],
    pl.Datetime: [(UTC_TIME, utc_times()), (pl.Date(), dates()), (pl.String(), date_texts())],
    pl.Int64: [
        (pl.Int64(), st.integers(-10, 2**53)),
        (pl.Float64(), st.sampled_from([0.0, 12.0, 12.5, -3.0, 1e15, 1e300])),
        (pl.String(), number_texts()),
    ],
    pl.Decimal: [
        (pl.Float64(), st.sampled_from([0.0, 12.5, 12.34, 12.345, -0.01, 1e12])),
        (pl.String(), number_texts()),
    ],
    pl.Float64: [
        (pl.Float64(), st.floats(-200, 200)),
        (pl.Float64(), st.sampled_from([float("nan"), float("inf"), -0.0])),
        (pl.String(), number_texts()),
    ],
}
_ALWAYS_TYPED = {"item_id": pl.Int64(), "pulse_id": pl.Int64()}


@st.composite
def items(draw: st.DrawFn, contract: type[dy.Schema], *, max_size: int = 4) -> pl.DataFrame:
    """Items of a board as a reader gives them, under the contract's names but for the item's own.

    Half of the columns are drawn cell by cell; the others are null throughout in this frame, which
    is what many columns of a real board are.
    """
    height = draw(st.integers(0, max_size))
    series = []
    for each in describe(contract):
        name = "item_name" if each.name == "style_key" else each.name
        dtype, values = draw(st.sampled_from(_AS_READ[type(each.dtype)]))
        if each.name in _ALWAYS_TYPED:
            dtype, values = _ALWAYS_TYPED[each.name], st.integers(1, 2**53)
        cells = [None] * height
        if each.primary_key or draw(st.booleans()):
            cell = values if each.primary_key else st.one_of(st.none(), values)
            cells = draw(st.lists(cell, min_size=height, max_size=height))
        series.append(pl.Series(name, cells, dtype=dtype))
    return pl.DataFrame(series)
