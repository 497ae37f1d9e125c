"""Preflight: what an engine would round, cut or refuse is named before anything is sent."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.errors import ContractError
from etl.io.databases.columns import Column
from etl.io.databases.mssql import MssqlDatabase
from etl.io.preflight import Rules, conform

MSSQL = MssqlDatabase.rules


def column(kind: str, dtype: pl.DataType, **options: Any) -> Column:
    return Column(name="a", type=kind, dtype=dtype, **options)


def fit(values: Any, target: Column, rules: Rules = MSSQL, **options: Any) -> pl.Series:
    frame = (
        values.alias("a").to_frame()
        if isinstance(values, pl.Series)
        else pl.DataFrame({"a": values})
    )
    return conform(frame, [("a", target)], rules, table="t", **options)["a"]


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("kind", "fine", "rounded", "cut"),
    [
        (
            "datetime",
            "2026-01-01 00:00:00.997",
            "2026-01-01 00:00:00.999",
            "2026-01-01 00:00:00.997",
        ),
        (
            "datetime",
            "2026-01-01 00:00:00.003",
            "2026-01-01 00:00:00.006",
            "2026-01-01 00:00:00.003",
        ),
        (
            "datetime",
            "2026-01-01 00:00:00.010",
            "2026-01-01 00:00:00.0101",
            "2026-01-01 00:00:00.010",
        ),
        ("smalldatetime", "2026-01-01 00:01", "2026-01-01 00:01:59", "2026-01-01 00:01"),
    ],
)
def test_the_old_datetimes_of_sql_server_round(
    kind: str, fine: str, rounded: str, cut: str
) -> None:
    target = column(kind, pl.Datetime("us"), scale=3 if kind == "datetime" else 0)
    assert fit([moment(fine)], target).to_list() == [moment(fine)]
    with pytest.raises(ContractError, match="more digits of a second"):
        fit([moment(rounded)], target)
    assert fit([moment(rounded)], target, on_precision_loss="truncate").to_list() == [moment(cut)]


def test_a_datetime_of_sql_server_begins_in_1753() -> None:
    target = column("datetime", pl.Datetime("us"), scale=3)
    with pytest.raises(ContractError, match="outside the years 1753-9999"):
        fit([moment("1752-12-31")], target)


def test_unicode_into_varchar_turns_to_question_marks() -> None:
    assert fit(["ascii"], column("varchar", pl.String(), length=10)).to_list() == ["ascii"]
    with pytest.raises(ContractError, match=r"'é' .* make the column nvarchar"):
        fit(["é"], column("varchar", pl.String(), length=10))


def test_emoji_are_two_utf16_units() -> None:
    target = column("nvarchar", pl.String(), length=4)
    assert fit(["🎉🎉"], target).to_list() == ["🎉🎉"]
    with pytest.raises(ContractError, match=r"longer than 4 \(UTF-16 units\)"):
        fit(["🎉🎉x"], target)


def test_nan_and_infinity_have_no_value_in_sql_server() -> None:
    for value in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(ContractError, match=r"is NaN|is infinite"):
            fit([value], column("float", pl.Float64()))


def test_a_float_into_text_is_refused() -> None:
    with pytest.raises(ContractError, match="Float64 does not go into nvarchar"):
        fit([1.5], column("nvarchar", pl.String(), length=50))


def test_decimals_are_never_rounded() -> None:
    target = column("decimal", pl.Decimal(5, 2), precision=5, scale=2)
    wide = pl.Series([Decimal("1.25"), Decimal("99.995")])
    assert fit(wide.head(1), target).to_list() == [Decimal("1.25")]
    with pytest.raises(ContractError, match=r"1 value\(s\): 99\.995 does not fit decimal\(5, 2\)"):
        fit(wide, target)


def test_time_is_cut_only_when_asked() -> None:
    target = column("time", pl.Time(), scale=0)
    with pytest.raises(ContractError, match="more digits of a second"):
        fit([dt.time(1, 2, 3, 4)], target)
    assert fit([dt.time(1, 2, 3, 4)], target, on_precision_loss="truncate").to_list() == [
        dt.time(1, 2, 3)
    ]


INTEGERS = [pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64(), pl.UInt8(), pl.UInt16(), pl.UInt32()]


@given(
    values=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=6),
    target=st.sampled_from(INTEGERS),
)
def test_an_integer_fits_or_is_named(values: list[int | None], target: pl.DataType) -> None:
    low, high = target.min(), target.max()
    low, high = (pl.select(bound).item() for bound in (low, high))
    outside = [value for value in values if value is not None and not low <= value <= high]
    series = pl.Series(values, dtype=pl.Int64)
    if outside:
        with pytest.raises(ContractError, match=rf"a: {len(outside)} value\(s\)"):
            fit(series, column("any", target))
    else:
        assert fit(series, column("any", target)).to_list() == values
