"""Which values a database can be trusted to compare with a column, and how closely."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.io.scan_engines import ENGINES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ScanColumn", "band", "bindable"]

_INT64: Final = 2**63
_LARGEST_FLOAT: Final = 1e300
_DECIMAL_DIGITS: Final = 38
_EXACT_TIMES: Final = frozenset({"datetime2", "datetimeoffset", "smalldatetime"})

_KINDS: Final[Mapping[type[pl.DataType], type]] = {
    **dict.fromkeys((pl.Int8, pl.Int16, pl.Int32, pl.Int64), int),
    **dict.fromkeys((pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64), int),
    pl.Float32: float,
    pl.Float64: float,
    pl.Decimal: Decimal,
    pl.String: str,
    pl.Binary: bytes,
    pl.Date: dt.date,
    pl.Datetime: dt.datetime,
    pl.Time: dt.time,
}


@dataclass(frozen=True, kw_only=True)
class ScanColumn:
    """A column as the database gives it, before a contract's types."""

    name: str
    dtype: pl.DataType
    type: str | None = None
    """The engine's base type, where a catalogue tells it."""
    exact: bool = True
    """Whether a decimal is read as it is stored, to the last digit."""


def bindable(
    dialect: str, column: ScanColumn, value: Any, dtype: pl.DataType, *, as_float: bool = False
) -> Any:
    """The value, if the engine can be trusted to compare the column with it; else None.

    >>> column = ScanColumn(name="at", dtype=pl.Float64())
    >>> bindable("postgresql", column, 1.5, pl.Float64()), bindable("mssql", column, math.nan, pl.Float64())
    (1.5, None)
    """
    target, engine = column.dtype, ENGINES[dialect]
    if as_float:
        fits = target.is_numeric() and isinstance(value, float) and abs(value) < _LARGEST_FLOAT
        return value if fits else None
    kind = _KINDS.get(type(target))
    if kind is None or not isinstance(value, kind) or isinstance(value, bool):
        return None
    if isinstance(value, (int, float, Decimal)):
        trusted = _number_fits(dialect, column, value)
    elif isinstance(value, dt.datetime):
        trusted = _moment_fits(target, value, dtype)
    elif isinstance(value, str):
        trusted = "\0" not in value
    elif isinstance(value, bytes):
        trusted = engine.binary
    else:
        trusted = engine.times or not isinstance(value, dt.time)
    return value if trusted else None


def _number_fits(dialect: str, column: ScanColumn, value: float | Decimal) -> bool:
    if isinstance(value, int):
        return -_INT64 <= value < _INT64
    if isinstance(value, float):
        if math.isnan(value):
            return ENGINES[dialect].nan
        return ENGINES[dialect].infinity or abs(value) < _LARGEST_FLOAT
    # DuckDB compares in one decimal type that has room for both, or fails.
    scale, precision = _digits(column.dtype)
    before = max(precision - scale, value.adjusted() + 2)
    after = max(scale, -int(value.as_tuple().exponent))
    return before + after <= _DECIMAL_DIGITS


def _moment_fits(target: pl.DataType, value: dt.datetime, dtype: pl.DataType) -> bool:
    if not isinstance(target, pl.Datetime) or not isinstance(dtype, pl.Datetime):
        return False
    # At the calendar's ends there is no value beside, and drivers have their own opinions.
    inner = dt.MINYEAR < value.year < dt.MAXYEAR
    return inner and target.time_unit == "us" and bool(dtype.time_zone) == bool(target.time_zone)


def _digits(dtype: pl.DataType) -> tuple[int, int]:
    return (dtype.scale, dtype.precision) if isinstance(dtype, pl.Decimal) else (0, 0)


def band(
    dialect: str, column: ScanColumn, value: Any, *, as_float: bool = False
) -> tuple[Any, Any] | None:
    """The range of stored values that may be read as this one; None where only itself is.

    SQLite keeps decimals as doubles, and SQL Server's drivers cut a tenth of a microsecond; a plan
    that compares a decimal with a float rounds it first. The range is wider than any of these.

    >>> band("sqlite", ScanColumn(name="m", dtype=pl.Decimal(9, 2), exact=False), Decimal("1.25"))
    (Decimal('1.22999999875'), Decimal('1.27000000125'))
    """
    if isinstance(value, float):
        if not as_float and dialect != "sqlite":
            return None
        width = abs(value) * 1e-6 + 1e-30
        return value - width, value + width
    if isinstance(value, Decimal) and not column.exact:
        with decimal.localcontext(prec=2 * _DECIMAL_DIGITS):
            step = Decimal(2).scaleb(-_digits(column.dtype)[0])
            step += abs(value) * Decimal("1e-9") if dialect == "sqlite" else 0
            return value - step, value + step
    if isinstance(value, dt.datetime) and dialect == "mssql":
        # A datetime counts in 1/300 s, and shows three digits of it.
        coarse = column.type not in _EXACT_TIMES
        gap = dt.timedelta(milliseconds=4) if coarse else dt.timedelta(microseconds=1)
        return value - gap, value + gap
    return None
