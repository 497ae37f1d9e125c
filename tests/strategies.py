"""Hypothesis strategies for what a board's reader gives: cells, and frames of items.

Frames that keep a contract are :func:`etl.testing.frames`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from hypothesis import strategies as st

from etl.contracts.describe import describe
from etl.testing import dates, texts, utc_times

if TYPE_CHECKING:
    import dataframely as dy
    from hypothesis.strategies import SearchStrategy

__all__ = ["date_texts", "items", "number_texts"]

UTC_TIME = pl.Datetime("us", "UTC")


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


def date_texts() -> SearchStrategy[str]:
    """Dates and times as text: those of monday, those out of the calendar, those that are none."""
    junk = ["0000-00-00", "20240-01-01", "-0044-03-15", "2024-02-30", "soon", "2024-1-5", "today"]
    return st.one_of(
        dates().map(lambda day: day.isoformat()),
        utc_times().map(lambda time: time.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")),
        utc_times(1000).map(lambda time: time.strftime("%Y-%m-%d %H:%M:%S")),
        st.sampled_from(junk),
        texts(12),
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
