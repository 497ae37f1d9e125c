"""Casts that lose nothing: a value arrives as it was, or the cell is set aside.

polars' own casts are made for speed: 12.5 becomes 12, a third decimal is cut off, a text that is no
number becomes null. In a load each of these is a silent error, so a value passes here only when it
can be read back from what it became.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["cast_lossless", "problem"]

_INTEGER_TEXT: Final = r"^[+-]?[0-9]+(\.0*)?$"
_DECIMAL_TEXT: Final = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$"
_FLOAT_TEXT: Final = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_DATE_TEXT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME_TEXT: Final = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")
_DATETIME_TEXT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_NAIVE_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - what polars counts from
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_EXACT_DIGITS: Final = 15
"""A double holds every decimal number of this many digits."""


def cast_lossless(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Cast a column; a value that would change becomes null.

    Parameters
    ----------
    values
        A column of any type.
    dtype
        The type that the contract declares. polars' ``Null`` stands for any type.

    Returns
    -------
    polars.Series
        The same length, of type ``dtype``. A null that was a value before is a failure; ask
        :func:`problem` to put it into words.

    Notes
    -----
    A text becomes a Float64 as any reader of it would, to the nearest double; only a whole number
    that would become another one, and a number too large for any double, are failures. A Date
    becomes midnight (UTC for an aware column); a time of day is never cut off a Datetime.

    Examples
    --------
    >>> cast_lossless(pl.Series(["12", "12.0", "12.5", "12 pcs"]), pl.Int64()).to_list()
    [12, 12, None, None]
    >>> cast_lossless(pl.Series([1.25, 1.255]), pl.Decimal(12, 2)).to_list()
    [Decimal('1.25'), None]
    """
    source = values.dtype
    if dtype in (source, pl.Null):
        return values
    if source == pl.Null:
        return pl.Series(values.name, [None] * len(values), dtype=dtype)
    if isinstance(source, pl.Categorical | pl.Enum) and not isinstance(
        dtype, pl.Categorical | pl.Enum
    ):
        return cast_lossless(values.cast(pl.String), dtype)
    cast = _cast_for(dtype)(values, dtype)
    return _nulls(values, dtype) if cast is None else cast


def problem(value: Any, source: pl.DataType, dtype: pl.DataType) -> str:
    """Say why a value did not fit, as the end of a sentence that begins with the value.

    >>> problem("12 pcs", pl.String(), pl.Int64())
    'is not a whole number'
    >>> problem("99999999999999999999", pl.String(), pl.Int64())
    'is out of the range of Int64'
    """
    if dtype.is_integer():
        whole = (isinstance(value, int) and not isinstance(value, bool)) or (
            isinstance(value, str) and re.match(_INTEGER_TEXT, value) is not None
        )
        whole = whole or (isinstance(value, float) and value.is_integer())
        return f"is out of the range of {dtype}" if whole else "is not a whole number"
    if dtype.is_float():
        number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        number = number or (isinstance(value, str) and re.match(_FLOAT_TEXT, value) is not None)
        return f"cannot be held exactly as {dtype}" if number else "is not a number"
    if isinstance(dtype, pl.Decimal):
        before, after = dtype.precision - dtype.scale, dtype.scale
        return f"is not a number with at most {before} digits before and {after} after the point"
    if isinstance(dtype, pl.Date) and isinstance(source, pl.Datetime):
        return "has a time of day, the column has dates only"
    if isinstance(dtype, pl.Datetime):
        return _datetime_problem(value, source, dtype)
    return _NOUNS.get(type(dtype), f"is not of type {dtype}")


_NOUNS: Final = {
    pl.String: "is not text",
    pl.Boolean: "is not true or false",
    pl.Date: "is not a date (YYYY-MM-DD)",
    pl.Time: "is not a time of day (HH:MM:SS)",
    pl.Binary: "is not binary",
    pl.Enum: "is not one of the allowed values",
}


def _datetime_problem(value: Any, source: pl.DataType, dtype: pl.Datetime) -> str:
    aware = getattr(source, "time_zone", None) is not None
    is_time = isinstance(source, pl.Datetime)
    if isinstance(value, str) and (match := _DATETIME_TEXT.fullmatch(value)):
        is_time, aware = _datetime_of(value) is not None, match["zone"] is not None
    if is_time and not aware and dtype.time_zone is not None:
        return "has no time zone"
    if is_time and aware and dtype.time_zone is None:
        return "has a time zone, the column has none"
    if isinstance(source, pl.Datetime):
        return f"cannot be held exactly as {dtype}"
    return "is not a date and time (YYYY-MM-DD HH:MM:SS)"


def _cast_for(dtype: pl.DataType) -> Callable[[pl.Series, Any], pl.Series | None]:
    """Choose the cast for a target; a cast answers None when no value of the source can fit."""
    if dtype.is_integer():
        return _to_integer
    if dtype.is_float():
        return _to_float
    casts: dict[type[pl.DataType], Callable[[pl.Series, Any], pl.Series | None]] = {
        pl.Decimal: _to_decimal,
        pl.Boolean: _to_boolean,
        pl.String: _to_text,
        pl.Date: _to_date,
        pl.Datetime: _to_datetime,
        pl.Time: _to_time,
        pl.Enum: _to_category,
        pl.Categorical: _to_category,
    }
    return casts.get(type(dtype), _to_same_kind)


def _nulls(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    return pl.Series(values.name, [None] * len(values), dtype=dtype)


def _where(keep: pl.Series, values: pl.Series) -> pl.Series:
    """Null out what is not kept."""
    return pl.select(pl.when(keep).then(values).alias(values.name)).to_series()


def _round_trip(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Cast, and keep what the way back restores."""
    cast = values.cast(dtype, strict=False)
    return _where(cast.cast(values.dtype, strict=False).eq_missing(values), cast)


def _to_integer(values: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    if values.dtype == pl.String:
        digits = _where(values.str.contains(_INTEGER_TEXT), values)
        digits = digits.str.replace(r"\..*$", "").str.strip_prefix("+")
        return digits.cast(dtype, strict=False)
    return _round_trip(values, dtype) if values.dtype.is_numeric() else None


def _to_float(values: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    if values.dtype == pl.String:
        cast = _where(values.str.contains(_FLOAT_TEXT), values).cast(dtype, strict=False)
        integer = values.str.contains(_INTEGER_TEXT)
        digits = _where(integer, values).str.replace(r"\..*$", "").str.strip_prefix("+")
        whole = digits.cast(pl.Int128, strict=False)
        exact = ~integer | (whole.is_not_null() & (cast.cast(pl.Int128, strict=False) == whole))
        return _where(cast.is_finite() & exact, cast)
    return _round_trip(values, dtype) if values.dtype.is_numeric() else None


def _to_decimal(values: pl.Series, dtype: pl.Decimal) -> pl.Series | None:
    if values.dtype == pl.String:
        return _decimal_of_text(values, dtype)
    if values.dtype.is_float():
        return _decimal_of_float(values, dtype)
    if isinstance(values.dtype, pl.Decimal) or values.dtype.is_integer():
        return _round_trip(values, dtype)
    return None


def _decimal_of_text(values: pl.Series, dtype: pl.Decimal) -> pl.Series:
    digits = values.str.strip_suffix(".")
    digits = _where(values.str.contains(_DECIMAL_TEXT), digits)
    # Zeros at the end of a fraction say nothing; with them gone its length is what counts.
    fractional = digits.str.contains(".", literal=True)
    short = digits.str.replace(r"0+$", "").str.strip_suffix(".")
    digits = pl.select(pl.when(fractional).then(short).otherwise(digits)).to_series()
    after = digits.str.extract(r"\.([0-9]+)$").str.len_chars().fill_null(0)
    digits = _where(after <= dtype.scale, digits).str.strip_prefix("+")
    # ".00" is the only number that this leaves without a digit.
    digits = digits.replace({"": "0", "-": "0"})
    return digits.cast(dtype, strict=False).alias(values.name)


def _decimal_of_float(values: pl.Series, dtype: pl.Decimal) -> pl.Series:
    if dtype.precision > _EXACT_DIGITS:
        # polars multiplies by a power of ten, which is exact for short numbers only; the shortest
        # text of a double is what everybody else takes it to be.
        texts = [None if v is None else _plain_text(v) for v in values.cast(pl.Float64).to_list()]
        return _decimal_of_text(pl.Series(values.name, texts, dtype=pl.String), dtype)
    limit = 10.0 ** (dtype.precision - dtype.scale)
    # Out of range polars raises, even when asked not to.
    number = _where(values.is_finite() & (values.abs() < limit), values)
    wide = number.cast(pl.Decimal(38, dtype.scale), strict=False)
    back = wide.cast(values.dtype, strict=False)
    return _where(back.eq_missing(number), wide).cast(dtype, strict=False)


def _plain_text(value: float) -> str:
    return format(Decimal(repr(value)), "f")


def _to_boolean(values: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    # SQLite and bit columns give 0 and 1.
    if not values.dtype.is_integer():
        return None
    return _where(values.is_in([0, 1]), values).cast(dtype)


def _to_text(values: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    return values.cast(dtype) if values.dtype.is_integer() else None


def _to_category(values: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    if not isinstance(values.dtype, pl.String | pl.Categorical | pl.Enum):
        return None
    return values.cast(pl.String).cast(dtype, strict=False)


def _to_date(values: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    if isinstance(values.dtype, pl.Datetime):
        naive = _utc_naive(values)
        return _round_trip(naive, dtype)
    if values.dtype == pl.String:
        return _parsed(values, _date_of).cast(dtype)
    return None


def _to_datetime(values: pl.Series, dtype: pl.Datetime) -> pl.Series | None:
    zone = dtype.time_zone
    if isinstance(values.dtype, pl.Datetime):
        if (values.dtype.time_zone is None) != (zone is None):
            return None
        naive = _utc_naive(values)
    elif values.dtype == pl.Date:
        naive = values
    elif values.dtype == pl.String:
        aware = values.str.contains(r"(Z|[+-][0-9]{2}:?[0-9]{2})$")
        timed = values.str.contains(":", literal=True)
        fits = (aware == (zone is not None)) | ~timed
        naive = _parsed(_where(fits, values), _datetime_of).cast(pl.Datetime("us"))
    else:
        return None
    cast = _round_trip(naive, pl.Datetime(dtype.time_unit))
    return cast if zone is None else cast.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)


def _to_time(values: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    return _parsed(values, _time_of).cast(dtype) if values.dtype == pl.String else None


def _to_same_kind(values: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    """Cast between widths of one kind: a List of Int8 to a List of Int64, a Duration's unit."""
    if type(values.dtype) is not type(dtype):
        return None
    try:
        return _round_trip(values, dtype)
    except pl.exceptions.PolarsError:
        return None  # no cast between these two types: every value is set aside


def _utc_naive(values: pl.Series) -> pl.Series:
    if getattr(values.dtype, "time_zone", None) is None:
        return values
    return values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def _parsed(values: pl.Series, parse: Callable[[str], int | None]) -> pl.Series:
    """Parse each distinct text once, to the integer that polars stores."""
    known = {text: parse(text) for text in values.unique().drop_nulls().to_list()}
    integers = [None if text is None else known[text] for text in values.to_list()]
    return pl.Series(values.name, integers, dtype=pl.Int64)


def _date_of(text: str) -> int | None:
    if _DATE_TEXT.fullmatch(text) is None:
        return None
    try:
        return dt.date.fromisoformat(text).toordinal() - _NAIVE_EPOCH.toordinal()
    except ValueError:
        return None  # the 30th of February; the caller sets the cell aside


def _datetime_of(text: str) -> int | None:
    if _DATETIME_TEXT.fullmatch(text) is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None  # the 30th of February, or a zone that leads out of the calendar
    return (moment - _NAIVE_EPOCH) // _MICROSECOND


def _time_of(text: str) -> int | None:
    if _TIME_TEXT.fullmatch(text) is None:
        return None
    try:
        time = dt.time.fromisoformat(text)
    except ValueError:
        return None  # 25:00; the caller sets the cell aside
    seconds = (time.hour * 60 + time.minute) * 60 + time.second
    return (seconds * 1_000_000 + time.microsecond) * 1_000
