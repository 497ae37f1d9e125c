"""Casts lose nothing: a value that gets through is the value that was there."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_series_equal
from polars.testing.parametric import series

from etl.contracts.casts import cast_lossless, problem
from etl.testing import texts
from tests.strategies import date_texts, number_texts

UTC = dt.UTC
TOKYO = dt.timezone(dt.timedelta(hours=9))
UTC_TIME = pl.Datetime("us", "UTC")
TARGETS = [
    pl.Int8(), pl.Int64(), pl.UInt16(), pl.Float32(), pl.Float64(), pl.Decimal(12, 2),
    pl.Decimal(38, 4), pl.Boolean(), pl.String(), pl.Date(), pl.Time(), pl.Binary(),
    pl.Datetime("us"), UTC_TIME, pl.Datetime("ns", "Asia/Tokyo"), pl.Duration("us"),
    pl.List(pl.Int64()), pl.Struct({"a": pl.Int64()}), pl.Enum(["a", "b"]), pl.Categorical(),
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS, ids=str)
@given(values=series(max_size=5, excluded_dtypes=[pl.Object]))
def test_any_column_can_be_cast_to_any_type(target: pl.DataType, values: pl.Series) -> None:
    cast = cast_lossless(values, target)
    assert (cast.dtype, len(cast), cast.name) == (target, len(values), values.name)
    assert not (values.is_null() & cast.is_not_null()).any()
    for value in values.filter(cast.is_null() & values.is_not_null()):
        assert problem(value, values.dtype, target)  # every failure can be put into words


@given(values=series(max_size=5, excluded_dtypes=[pl.Object]))
def test_a_column_of_the_type_stays_as_it_is(values: pl.Series) -> None:
    assert_series_equal(cast_lossless(values, values.dtype), values, check_exact=True)
    assert_series_equal(cast_lossless(values, pl.Null()), values, check_exact=True)


NUMBERS: dict[str, tuple[pl.DataType, st.SearchStrategy[Any]]] = {
    "text": (pl.String(), number_texts()),
    "float": (pl.Float64(), st.floats()),
    "cents": (pl.Float64(), st.integers(-(10**15), 10**15).map(lambda n: n / 100)),
    "integer": (pl.Int64(), st.integers(-(2**63), 2**63 - 1)),
    "decimal": (pl.Decimal(20, 4), st.decimals(-(10**15), 10**15, places=4)),
}


def exactly(value: Any) -> Fraction | None:
    """The number that a value means, or None; a double means its shortest digits."""
    if isinstance(value, float):
        return Fraction(repr(value)) if math.isfinite(value) else None
    if isinstance(value, str):
        body = value.lstrip("+-")
        is_number = (
            body.isascii() and body.replace(".", "", 1).isdigit() and len(value) - len(body) < 2
        )
        return Fraction(value) if is_number else None
    return Fraction(value)


@pytest.mark.parametrize("source", NUMBERS)
@pytest.mark.parametrize(
    "target", [pl.Int8(), pl.Int64(), pl.Decimal(12, 2), pl.Decimal(38, 6)], ids=str
)
@given(data=st.data())
def test_an_exact_type_takes_exactly_the_numbers_that_it_holds(
    source: str, target: pl.DataType, data: st.DataObject
) -> None:
    dtype, cells = NUMBERS[source]
    values = pl.Series(data.draw(st.lists(cells, min_size=1, max_size=8)), dtype=dtype)
    for before, after in zip(
        values.to_list(), cast_lossless(values, target).to_list(), strict=True
    ):
        number = exactly(before)
        if isinstance(target, pl.Decimal):
            scale, digits = target.scale, target.precision
            fits = (
                number is not None
                and (number * 10**scale).denominator == 1
                and abs(number * 10**scale) < 10**digits
            )
        else:
            # A whole number is compared with the double itself, not with its shortest digits.
            number = Fraction(before) if number is not None else None
            low, high = (-128, 127) if target == pl.Int8 else (-(2**63), 2**63 - 1)
            fits = number is not None and number.denominator == 1 and low <= number <= high
        assert (None if after is None else Fraction(after)) == (number if fits else None)


@given(cells=st.lists(number_texts(), min_size=1))
def test_a_text_becomes_the_nearest_double_and_keeps_whole_numbers(cells: list[str]) -> None:
    for before, after in zip(
        cells, cast_lossless(pl.Series(cells), pl.Float64()).to_list(), strict=True
    ):
        number = exactly(before)
        if number is not None and (number.denominator > 1 or Fraction(float(number)) == number):
            assert after == float(number)
        elif after is not None:
            assert after == float(before)  # an exponent, which exactly() does not read
            assert "e" in before.lower()


@pytest.mark.parametrize(
    ("value", "source", "target", "cast"),
    [
        ("1e3", pl.String(), pl.Float64(), 1000.0),
        ("1e400", pl.String(), pl.Float64(), None),
        ("inf", pl.String(), pl.Float64(), None),
        ("9007199254740993", pl.String(), pl.Float64(), None),
        ("1" + "0" * 50, pl.String(), pl.Float64(), None),
        (2**53 + 1, pl.Int64(), pl.Float64(), None),
        (0.1, pl.Float64(), pl.Float32(), None),
        (True, pl.Boolean(), pl.Int64(), None),
        (1, pl.Int8(), pl.Boolean(), True),
        (2, pl.Int8(), pl.Boolean(), None),
        ("true", pl.String(), pl.Boolean(), None),
        (12, pl.Int64(), pl.String(), "12"),
        (12.5, pl.Float64(), pl.String(), None),
        (dt.date(2024, 2, 29), pl.Date(), pl.String(), None),
        (dt.date(2024, 2, 29), pl.Date(), pl.Int64(), None),
        (b"a", pl.Binary(), pl.String(), None),
        ("a", pl.String(), pl.Enum(["a"]), "a"),
        ("b", pl.String(), pl.Enum(["a"]), None),
        ([1], pl.List(pl.Int8()), pl.List(pl.Int64()), [1]),
        ([300], pl.List(pl.Int64()), pl.List(pl.Int8()), None),
        ("0.00", pl.String(), pl.Decimal(12, 2), Decimal(0)),
        ("-.50", pl.String(), pl.Decimal(12, 2), Decimal("-0.5")),
        ("100", pl.String(), pl.Decimal(12, 2), Decimal(100)),
        ("1.50000", pl.String(), pl.Decimal(12, 2), Decimal("1.5")),
        ("007.000", pl.String(), pl.Decimal(12, 2), Decimal(7)),
        ("1.005", pl.String(), pl.Decimal(12, 2), None),
        ("99999999999", pl.String(), pl.Decimal(12, 2), None),
        (9999999999.999, pl.Float64(), pl.Decimal(12, 2), None),
    ],
)
def test_single_values(value: Any, source: pl.DataType, target: pl.DataType, cast: Any) -> None:
    assert cast_lossless(pl.Series([value], dtype=source), target).to_list() == [cast]


LATE = dt.datetime(2024, 2, 29, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "source", "target", "cast"),
    [
        (dt.datetime(2024, 2, 29), pl.Datetime("us"), pl.Date(), dt.date(2024, 2, 29)),  # noqa: DTZ001
        (LATE, UTC_TIME, pl.Date(), None),
        (
            LATE.replace(hour=15, minute=0).astimezone(TOKYO),
            pl.Datetime("us", "Asia/Tokyo"),
            pl.Date(),
            None,
        ),
        ("2024-02-29", pl.String(), pl.Date(), dt.date(2024, 2, 29)),
        ("2023-02-29", pl.String(), pl.Date(), None),
        ("2024-02-29 00:00", pl.String(), pl.Date(), None),
        ("20240229", pl.String(), pl.Date(), None),
        (dt.date(2024, 2, 29), pl.Date(), UTC_TIME, LATE.replace(hour=0, minute=0)),
        (LATE, UTC_TIME, pl.Datetime("us"), None),
        (LATE.replace(tzinfo=None), pl.Datetime("us"), UTC_TIME, None),
        ("2024-02-29T23:30:00Z", pl.String(), UTC_TIME, LATE),
        ("2024-03-01 01:30+02:00", pl.String(), UTC_TIME, LATE),
        ("2024-02-29 23:30:00", pl.String(), UTC_TIME, None),
        ("2024-02-29 23:30:00", pl.String(), pl.Datetime("us"), LATE.replace(tzinfo=None)),
        ("2024-02-29T23:30:00Z", pl.String(), pl.Datetime("us"), None),
        ("2024-02-29", pl.String(), UTC_TIME, LATE.replace(hour=0, minute=0)),
        ("0001-01-01T00:00:00+02:00", pl.String(), UTC_TIME, None),
        ("08:30", pl.String(), pl.Time(), dt.time(8, 30)),
        ("08:30:00.5", pl.String(), pl.Time(), dt.time(8, 30, 0, 500_000)),
        ("25:00", pl.String(), pl.Time(), None),
        ("8:30", pl.String(), pl.Time(), None),
        (LATE, UTC_TIME, pl.Time(), None),
    ],
)
def test_dates_and_times(value: Any, source: pl.DataType, target: pl.DataType, cast: Any) -> None:
    assert cast_lossless(pl.Series([value], dtype=source), target).to_list() == [cast]


def test_a_nanosecond_is_not_cut_off() -> None:
    values = pl.Series([1_000, 1_001]).cast(pl.Datetime("ns", "UTC"))
    cast = cast_lossless(values, UTC_TIME)
    assert cast.to_physical().to_list() == [1, None]
    assert problem(None, values.dtype, UTC_TIME).startswith("cannot be held exactly")


@given(cells=st.lists(st.one_of(date_texts(), texts()), min_size=1))
def test_only_real_dates_are_dates(cells: list[str]) -> None:
    for before, after in zip(
        cells, cast_lossless(pl.Series(cells), pl.Date()).to_list(), strict=True
    ):
        assert after is None or after.isoformat() == before


@pytest.mark.parametrize(
    ("value", "source", "target", "words"),
    [
        ("12 pcs", pl.String(), pl.Int64(), "is not a whole number"),
        (12.5, pl.Float64(), pl.Int64(), "is not a whole number"),
        (1e300, pl.Float64(), pl.Int64(), "is out of the range of Int64"),
        (300, pl.Int64(), pl.Int8(), "is out of the range of Int8"),
        ("x", pl.String(), pl.Float64(), "is not a number"),
        (2**53 + 1, pl.Int64(), pl.Float64(), "cannot be held exactly as Float64"),
        (1.255, pl.Float64(), pl.Decimal(12, 2), "at most 10 digits before and 2 after the point"),
        ("soon", pl.String(), pl.Date(), "is not a date (YYYY-MM-DD)"),
        (None, UTC_TIME, pl.Date(), "has a time of day"),
        ("soon", pl.String(), UTC_TIME, "is not a date and time"),
        (None, pl.Datetime("us"), UTC_TIME, "has no time zone"),
        ("2024-02-29 10:00", pl.String(), UTC_TIME, "has no time zone"),
        ("2024-02-30 10:00", pl.String(), UTC_TIME, "is not a date and time"),
        (None, UTC_TIME, pl.Datetime("us"), "has a time zone, the column has none"),
        (None, pl.Float64(), pl.String(), "is not text"),
        (None, pl.String(), pl.Boolean(), "is not true or false"),
        (None, pl.String(), pl.Time(), "is not a time of day (HH:MM:SS)"),
        (None, pl.String(), pl.Duration("us"), "is not of type Duration"),
    ],
)
def test_failures_in_words(
    value: Any, source: pl.DataType, target: pl.DataType, words: str
) -> None:
    assert words in problem(value, source, target)
