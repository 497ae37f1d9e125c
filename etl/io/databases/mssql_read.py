"""What comes back from SQL Server, as polars: by pyodbc's rows or by mssql-python's Arrow."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.io.databases.decode import ResultColumn, plain_series

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["arrow_frames", "decoded", "dtype_of"]

# pyodbc tells Python classes; the size tells which of SQL Server's types it was.
_BY_CLASS: Final[dict[type, pl.DataType]] = {
    bool: pl.Boolean(),
    bytearray: pl.Binary(),
    bytes: pl.Binary(),
    dt.date: pl.Date(),
    dt.time: pl.Time(),
    dt.datetime: pl.Datetime("us"),
}
_INTEGERS: Final = {3: pl.UInt8(), 5: pl.Int16(), 10: pl.Int32(), 19: pl.Int64()}
_REAL_BITS: Final = 24
_OFFSET_SIZE: Final = 26  # of a datetimeoffset(0), and of no other type that pyodbc calls str


def dtype_of(kind: type, precision: int | None, scale: int | None) -> pl.DataType | None:
    """The type of a result's column by pyodbc's description; None where its values tell."""
    if kind is int:
        return _INTEGERS.get(precision or 0, pl.Int64())
    if kind is float:
        return pl.Float32() if precision == _REAL_BITS else pl.Float64()
    if kind is str:
        # A datetimeoffset arrives through a converter, and so is called text; text has no scale.
        if scale:
            return pl.Datetime("us", "UTC")
        return None if precision == _OFFSET_SIZE else pl.String()
    if kind is Decimal and precision:
        return pl.Decimal(precision, scale or 0)
    return _BY_CLASS.get(kind)


def decoded(values: Sequence[Any], column: ResultColumn) -> pl.Series:
    """pyodbc's values as a series; aware datetimes in UTC, whatever their offsets were."""
    if any(isinstance(value, dt.datetime) and value.tzinfo is not None for value in values):
        utc = [None if value is None else value.astimezone(dt.UTC) for value in values]
        return plain_series(utc, ResultColumn(column.name, pl.Datetime("us", "UTC")))
    return plain_series(values, column)


def arrow_frames(cursor: Any, size: int) -> Iterator[pl.DataFrame]:
    """A result as mssql-python reads it, straight into Arrow; at least one frame."""
    with closing(cursor.arrow_reader(size)) as reader:
        empty = True
        for batch in reader:
            empty = False
            yield _unified(pl.DataFrame(batch))
        if empty:
            yield _unified(pl.DataFrame(reader.schema.empty_table()))


def _unified(frame: pl.DataFrame) -> pl.DataFrame:
    """The dtypes that pyodbc's path gives: datetimes to the microsecond, aware ones in UTC."""
    return frame.with_columns(
        pl.col(name).cast(pl.Datetime("us", "UTC" if dtype.time_zone else None))
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.Datetime)
    )
