"""Values as SQLite stores them, which knows neither dates nor decimals, and back."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from etl.errors import LoadError
from etl.io.databases.decode import ResultColumn, plain_series

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["loaded", "raw_dtype", "stored", "stored_value", "typed"]


def stored_value(value: Any) -> Any:
    """One value as SQLite stores it; :func:`stored` is the same for columns.

    >>> stored_value(dt.datetime(2026, 1, 2, 3, 4)), stored_value(dt.date(2026, 1, 2))
    ('2026-01-02 03:04:00.000000', '2026-01-02')
    """
    if isinstance(value, dt.datetime):
        aware = value.astimezone(dt.UTC) if value.tzinfo else value
        return aware.isoformat(" ", "microseconds")
    if isinstance(value, dt.time):
        return value.isoformat("microseconds")
    if isinstance(value, dt.date):
        return value.isoformat()
    return float(value) if isinstance(value, decimal.Decimal) else value


def stored(frame: pl.DataFrame) -> pl.DataFrame:
    """The values as SQLite stores them."""
    changes = []
    for name, dtype in frame.schema.items():
        column = pl.col(name)
        if dtype == pl.Boolean:
            changes.append(column.cast(pl.Int8))
        elif dtype == pl.Date:
            changes.append(column.dt.to_string("%Y-%m-%d"))
        elif isinstance(dtype, pl.Datetime):
            zone = "+00:00" if dtype.time_zone else ""
            changes.append(column.dt.to_string(f"%Y-%m-%d %H:%M:%S%.6f{zone}"))
        elif dtype == pl.Time:
            changes.append(column.dt.to_string("%H:%M:%S%.6f"))
        elif isinstance(dtype, pl.Decimal):
            changes.append(column.cast(pl.Float64))
    return frame.with_columns(changes) if changes else frame


def loaded(values: Sequence[Any], column: ResultColumn) -> pl.Series:
    """Stored values as a series of the declared type; a value of another kind is an error."""
    dtype = column.dtype
    if dtype is None:
        return plain_series(values, column)
    return typed(plain_series(values, ResultColumn(column.name, raw_dtype(dtype))), dtype)


def raw_dtype(dtype: pl.DataType) -> pl.DataType:
    """The type of the stored values of a column: SQLite has four.

    >>> [raw_dtype(t) for t in (pl.Int16(), pl.Decimal(9, 2), pl.Date(), pl.Binary())]
    [Int64, Float64, String, Binary]
    """
    if dtype == pl.Boolean or dtype.is_integer():
        return pl.Int64()
    if dtype.is_float() or isinstance(dtype, pl.Decimal):
        return pl.Float64()
    return pl.String() if dtype.is_temporal() else dtype


def typed(raw: pl.Series, dtype: pl.DataType) -> pl.Series:
    """A series of stored values (:func:`raw_dtype`) in the declared type."""
    if dtype.is_temporal():
        return _temporal(raw, dtype)
    if raw.dtype == dtype:
        return raw
    return _kept(raw, raw.cast(dtype, strict=False), dtype)


def _temporal(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Dates and times from their text: as :func:`stored` writes it, or as other tools do."""
    made = _parsed(text, dtype)
    if made.null_count() == text.null_count():
        return made
    iso = text.str.replace("T", " ", literal=True).str.replace(r"Z$", "+00:00")
    made = made.zip_with(made.is_not_null(), _parsed(iso, dtype))
    if dtype == pl.Date:  # other tools write a date as its midnight
        midnight = iso.str.replace(r" 00:00:00(\.0+)?$", "")
        made = made.zip_with(made.is_not_null(), _parsed(midnight, dtype))
    elif isinstance(dtype, pl.Datetime) and dtype.time_zone is None:
        made = made.zip_with(made.is_not_null(), _parsed(iso, pl.Date()).cast(dtype))
    return _kept(text, made, dtype)


def _parsed(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    if dtype == pl.Time:
        return text.str.to_time("%H:%M:%S%.f", strict=False)
    if dtype == pl.Date:
        return text.str.to_date("%Y-%m-%d", strict=False)
    zone = "%:z" if dtype.time_zone else ""  # type: ignore[attr-defined]
    return text.str.to_datetime(f"%Y-%m-%d %H:%M:%S%.f{zone}", time_unit="us", strict=False)


def _kept(raw: pl.Series, made: pl.Series, dtype: pl.DataType) -> pl.Series:
    lost = raw.filter(raw.is_not_null() & made.is_null())
    if lost.len():
        raise LoadError(
            f"column {raw.name!r} is declared {dtype}, but holds {lost[0]!r}"
            f" ({lost.len()} such value(s)); cast it in the query"
        )
    return made
