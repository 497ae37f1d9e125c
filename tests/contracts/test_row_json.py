"""A rejected row is kept whole: what was written can be read back to the bit."""

from __future__ import annotations

import base64
import datetime as dt
import json
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_series_equal
from polars.testing.parametric import dataframes

from etl.contracts.row_json import json_values, rows_as_json
from etl.testing import texts

EPOCH_DAY = dt.date(1970, 1, 1).toordinal()
PER_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}


def storage(dtype: pl.DataType) -> pl.DataType:
    """The type that polars can build a column of from what the JSON says."""
    if isinstance(dtype, pl.List):
        return pl.List(storage(dtype.inner))
    if isinstance(dtype, pl.Array):
        return pl.Array(storage(dtype.inner), dtype.size)
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: storage(field.dtype) for field in dtype.fields})
    if isinstance(dtype, pl.Date):
        return pl.Int32()
    if dtype.is_temporal():
        return pl.Int64()
    return pl.String() if isinstance(dtype, pl.Categorical | pl.Enum) else dtype


def units(text: str, per_second: int) -> int:
    """Read seconds, or a clock's time, as whole units."""
    sign = -1 if text.startswith("-") else 1
    whole, _, fraction = text.removeprefix("-").partition(".")
    seconds = 0
    for part in whole.split(":"):
        seconds = seconds * 60 + int(part)
    return sign * (seconds * per_second + int(Decimal(f"0.{fraction or 0}") * per_second))


def decoded(value: Any, dtype: pl.DataType) -> Any:
    """Read a value back, written apart from the writer: by the tags of its docstring."""
    if value is None:
        return None
    if isinstance(dtype, pl.List | pl.Array):
        return [decoded(item, dtype.inner) for item in value]
    if isinstance(dtype, pl.Struct):
        names = [f"${f.name}" if f.name.startswith("$") else f.name for f in dtype.fields]
        assert list(value) == names
        return {
            f.name: decoded(value[n], f.dtype) for f, n in zip(dtype.fields, names, strict=True)
        }
    if not isinstance(value, dict):
        return value
    [(tag, text)] = value.items()
    if isinstance(text, int):
        return text
    if tag == "$date":
        return dt.date.fromisoformat(text).toordinal() - EPOCH_DAY
    if tag == "$datetime":
        assert isinstance(dtype, pl.Datetime)
        day, _, rest = text.partition("T")
        clock, _, zone = rest.partition("Z")
        assert zone == ("" if dtype.time_zone in {None, "UTC"} else f"[{dtype.time_zone}]")
        days = dt.date.fromisoformat(day).toordinal() - EPOCH_DAY
        per_second = PER_SECOND[dtype.time_unit]
        return days * 86_400 * per_second + units(clock, per_second)
    readers: dict[str, Any] = {
        "$time": lambda: units(text, 10**9),
        "$seconds": lambda: units(text, PER_SECOND[dtype.time_unit]),  # type: ignore[attr-defined]
        "$decimal": lambda: Decimal(text),
        "$bytes": lambda: base64.b64decode(text, validate=True),
        "$float": lambda: float(text),
    }
    return readers[tag]()


@given(frame=dataframes(max_cols=4, max_size=4, excluded_dtypes=[pl.Object]))
def test_any_row_can_be_read_back(frame: pl.DataFrame) -> None:
    rows = [json.loads(text) for text in rows_as_json(frame)]
    assert len(rows) == frame.height
    for column in frame:
        cells = [decoded(row[column.name], column.dtype) for row in rows]
        stored = pl.Series(column.name, cells, dtype=storage(column.dtype), strict=True)
        assert_series_equal(stored.cast(column.dtype), column, check_exact=True)


@given(frame=dataframes(max_cols=4, max_size=4, excluded_dtypes=[pl.Object]))
def test_the_same_row_gives_the_same_text(frame: pl.DataFrame) -> None:
    assert rows_as_json(frame.clone()) == rows_as_json(frame)
    assert rows_as_json(frame.reverse()) == rows_as_json(frame)[::-1]


@given(cells=st.lists(texts()), name=st.sampled_from(["note", "$note", "$$date", "订单"]))
def test_texts_are_as_they_were_and_columns_keep_their_names(cells: list[str], name: str) -> None:
    frame = pl.DataFrame({name: cells}, schema={name: pl.String})
    written = f"${name}" if name.startswith("$") else name
    assert [json.loads(text) for text in rows_as_json(frame)] == [{written: cell} for cell in cells]


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (pl.Series([2**31 - 1], dtype=pl.Int32).cast(pl.Date), {"$date": 2**31 - 1}),
        (pl.Series([-(2**63)]).cast(pl.Datetime("us")), {"$datetime": -(2**63)}),
        (pl.Series([-1]).cast(pl.Datetime("ns")), {"$datetime": "1969-12-31T23:59:59.999999999"}),
        (
            pl.Series([0]).cast(pl.Datetime("ms", "Asia/Tokyo")),
            {"$datetime": "1970-01-01T00:00:00Z[Asia/Tokyo]"},
        ),
        (pl.Series([-1_500]).cast(pl.Duration("ms")), {"$seconds": "-1.500"}),
        (pl.Series([Decimal("1.50")]), {"$decimal": "1.50"}),
        (pl.Series([b"\xff\x00"]), {"$bytes": "/wA="}),
        (pl.Series([float("-inf")]), {"$float": "-inf"}),
        (pl.Series([-0.0]), -0.0),
        (pl.Series([2**127 - 1], dtype=pl.Int128), 2**127 - 1),
        (pl.Series([{"$date": 1}]), {"$$date": 1}),
        (pl.Series([object], dtype=pl.Object), {"$object": "<class 'object'>"}),
    ],
)
def test_how_values_are_written(series: pl.Series, expected: Any) -> None:
    assert json.dumps(json_values(series)) == json.dumps([expected])
