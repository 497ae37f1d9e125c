"""A row as JSON text: everything that was in it, exactly, for the quarantine.

What JSON has, is JSON: texts, whole numbers, finite floats (as their shortest digits), booleans,
null, lists, and structs as objects. The rest is an object of one key that begins with ``$``::

    {"$decimal": "12.50"}      {"$float": "nan"}           {"$bytes": "3q2+7w=="}
    {"$date": "2024-02-29"}    {"$time": "08:30:00"}       {"$seconds": "90.5"}
    {"$datetime": "2024-02-29T23:30:00.000001Z"}           {"$object": "<repr>"}

An aware datetime is in UTC; its zone follows in brackets where it is another one. A date or time
outside the years 1-9999 is the number that polars stores. A name that begins with ``$`` gets one
more ``$``, so no text of the source can be taken for a tag.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from typing import TYPE_CHECKING, Any, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["json_values", "row_names", "rows_as_json", "rows_from_json"]

_EPOCH_DAY: Final = dt.date(1970, 1, 1).toordinal()
_PER_SECOND: Final = {"ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY: Final = 86_400
_PLAIN: Final = {bool: pl.Boolean, float: pl.Float64, int: pl.Int64, str: pl.String}


def rows_as_json(frame: pl.DataFrame) -> list[str]:
    """Write each row of a frame as a JSON object, its columns in the frame's order.

    Parameters
    ----------
    frame
        Any frame, of any types.

    Returns
    -------
    list of str
        One text a row, the same for the same row on every run.

    Examples
    --------
    >>> rows_as_json(pl.DataFrame({"po": ["A-1"], "day": [dt.date(2024, 2, 29)]}))
    ['{"po": "A-1", "day": {"$date": "2024-02-29"}}']
    """
    columns = [json_values(column) for column in frame.get_columns()]
    names = [_name(name) for name in frame.columns]
    return [
        json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, allow_nan=False)
        for row in zip(*columns, strict=True)
    ]


def rows_from_json(rows: Iterable[str]) -> pl.DataFrame:
    """Read rows that :func:`rows_as_json` wrote.

    Parameters
    ----------
    rows
        A JSON object each; they need not have the same names.

    Returns
    -------
    polars.DataFrame
        A column for each name, in the order they first come. A column whose values are all of one
        plain type has that type; what JSON has no form for, and what is mixed, is text as it
        stands in the JSON. So :func:`etl.contracts.check.split` can cast it to a contract's types.

    Examples
    --------
    >>> rows = rows_as_json(pl.DataFrame({"po": ["A-1"], "$n": [1], "day": [dt.date(2024, 2, 29)]}))
    >>> rows_from_json(rows).rows(named=True)
    [{'po': 'A-1', '$n': 1, 'day': '2024-02-29'}]
    """
    objects = [json.loads(row) for row in rows]
    names = list(dict.fromkeys(name for one in objects for name in one))
    return pl.DataFrame(
        [_series(_unnamed(name), [_untagged(one.get(name)) for one in objects]) for name in names]
    )


def row_names(row: str) -> list[str]:
    """The columns of a row that :func:`rows_as_json` wrote.

    >>> row_names('{"po": "A-1", "$$n": 1}')
    ['po', '$n']
    """
    return [_unnamed(name) for name in json.loads(row)]


def _unnamed(name: str) -> str:
    return name.removeprefix("$")


def _untagged(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        [(tag, inner)] = value.items()
        if tag.startswith("$") and not tag.startswith("$$"):
            return str(inner)
    return value


def _series(name: str, values: list[Any]) -> pl.Series:
    kinds = {type(value) for value in values if value is not None}
    dtype = _PLAIN.get(kinds.pop()) if len(kinds) == 1 else None
    if dtype == pl.Int64 and any(abs(value) >= 2**63 for value in values if value is not None):
        dtype = None
    if dtype is not None:
        return pl.Series(name, values, dtype=dtype)
    texts = [
        value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for value in values
    ]
    return pl.Series(name, texts, dtype=pl.String)


def json_values(values: pl.Series) -> list[Any]:
    """Turn a column into values that JSON can hold, losing nothing.

    >>> json_values(pl.Series([1.5, float("nan"), None]))
    [1.5, {'$float': 'nan'}, None]
    """
    dtype = values.dtype
    if isinstance(dtype, pl.List | pl.Array):
        return [None if item is None else json_values(item) for item in values]
    if isinstance(dtype, pl.Struct):
        return _structs(values, dtype)
    if dtype.is_temporal():
        convert = _temporal(dtype)
        return [None if v is None else convert(v) for v in values.to_physical().to_list()]
    return [None if v is None else _plain(v) for v in values.to_list()]


def _name(name: str) -> str:
    return f"${name}" if name.startswith("$") else name


def _structs(values: pl.Series, dtype: pl.Struct) -> list[Any]:
    fields = [json_values(values.struct.field(field.name)) for field in dtype.fields]
    names = [_name(field.name) for field in dtype.fields]
    return [
        None if null else {name: cells[row] for name, cells in zip(names, fields, strict=True)}
        for row, null in enumerate(values.is_null().to_list())
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": str(value)}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    # What is left is a Decimal, or a Python object of polars' Object type.
    return (
        {"$decimal": str(value)} if type(value).__name__ == "Decimal" else {"$object": repr(value)}
    )


def _temporal(dtype: pl.DataType) -> Callable[[int], dict[str, str | int]]:
    """Choose the text form for the integers behind a date, time, datetime or duration.

    Python's own types would lose nanoseconds, and polars' text form panics outside its calendar.
    """
    if isinstance(dtype, pl.Date):
        return lambda days: {"$date": _date(days) or days}
    if isinstance(dtype, pl.Time):
        return lambda count: {"$time": _clock(*divmod(count, 10**9), 9)}
    if isinstance(dtype, pl.Datetime):
        return lambda count: {"$datetime": _datetime(count, dtype)}
    per_second = _PER_SECOND[dtype.time_unit if isinstance(dtype, pl.Duration) else "ns"]
    return lambda count: {"$seconds": _seconds(count, per_second)}


def _date(days: int) -> str | None:
    ordinal = days + _EPOCH_DAY
    in_calendar = dt.date.min.toordinal() <= ordinal <= dt.date.max.toordinal()
    return dt.date.fromordinal(ordinal).isoformat() if in_calendar else None


def _datetime(count: int, dtype: pl.Datetime) -> str | int:
    per_second = _PER_SECOND[dtype.time_unit]
    seconds, fraction = divmod(count, per_second)
    days, second_of_day = divmod(seconds, _DAY)
    date = _date(days)
    if date is None:
        return count
    zone = dtype.time_zone
    suffix = "" if zone is None else "Z" if zone == "UTC" else f"Z[{zone}]"
    return f"{date}T{_clock(second_of_day, fraction, len(str(per_second)) - 1)}{suffix}"


def _clock(seconds: int, fraction: int, digits: int) -> str:
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    text = f"{hour:02}:{minute:02}:{second:02}"
    return f"{text}.{fraction:0{digits}}" if fraction else text


def _seconds(count: int, per_second: int) -> str:
    whole, fraction = divmod(abs(count), per_second)
    text = f"{'-' if count < 0 else ''}{whole}"
    return f"{text}.{fraction:0{len(str(per_second)) - 1}}" if fraction else text
