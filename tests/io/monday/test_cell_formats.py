"""How values are written: what monday makes of each is what was meant, and is seen as the same."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, get_args

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.config._settings import SampleType
from etl.io.monday._written_cells import BadValue, written_cell
from etl.io.monday.cell_formats import CELL_FORMATS, payload_kind
from etl.io.monday.cells import WantedColumn, decode_page, finish
from etl.io.monday.column_types import column_type
from etl.testing import texts

days = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
spans = st.tuples(days, days).map(sorted)
words = texts(40).filter(bool)
ids = st.lists(st.integers(1, 10**15), min_size=1, max_size=5, unique=True)
numbers = st.one_of(
    st.integers(-(10**15), 10**15),
    st.decimals(-(10**20), 10**20, places=6),
    st.floats(-1e15, 1e15),
)
VALUES: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("text", "text"): words,
    ("text", "number"): numbers,
    ("long_text", "text"): words,
    ("numbers", "number"): numbers,
    ("numbers", "text"): numbers.map(str),
    ("status", "text"): words,
    ("dropdown", "text"): words.filter(str.strip),
    ("dropdown", "names"): st.lists(words.filter(str.strip), min_size=1, max_size=4),
    ("tags", "ids"): ids,
    ("date", "date"): days,
    ("date", "datetime"): st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)).map(  # noqa: DTZ001
        lambda at: at.replace(microsecond=0, tzinfo=dt.UTC)
    ),
    ("timeline", "dates"): spans,
    ("week", "dates"): spans,
    ("hour", "time"): st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    ("checkbox", "flag"): st.booleans(),
    ("rating", "number"): st.integers(0, 10),
    ("people", "ids"): ids,
    ("email", "text"): st.just("ana@mill.example"),
    ("phone", "text"): st.sampled_from(["+351 22 000 0001 PT", "0049123456"]),
    ("link", "text"): st.just("https://specs.example/ü?a=b"),
    ("country", "names"): st.just(["PT", "Portugal"]),
    ("board_relation", "ids"): ids,
    ("dependency", "ids"): ids,
}


def test_every_way_to_write_is_tried() -> None:
    assert set(VALUES) == {(name, kind) for name, known in CELL_FORMATS.items() for kind in known.takes}  # fmt: skip
    assert set(get_args(SampleType)) <= set(CELL_FORMATS)


@pytest.mark.parametrize(("type_name", "kind"), VALUES)
@given(data=st.data())
def test_what_was_written_is_seen_as_the_same(
    type_name: str, kind: str, data: st.DataObject
) -> None:
    known = CELL_FORMATS[type_name]
    value = known.takes[kind](data.draw(VALUES[type_name, kind]))  # type: ignore[index]
    cell = written_cell(type_name, "c", value)
    assert known.live(cell) == value
    empty = written_cell(type_name, "c", known.empty)
    assert known.live(empty) == known.empty
    # The fields that are compared are among those that are asked for.
    asked = " ".join(fields for _, fields in known.selections(type_name))
    assert known.live({name: cell[name] for name in cell if name in asked}) == value


@pytest.mark.parametrize(
    ("type_name", "kind", "value", "read"),
    [
        ("numbers", "number", Decimal("12.50"), 12.5),
        ("numbers", "number", 1e-7, 1e-7),
        ("date", "date", dt.date(2026, 2, 3), dt.date(2026, 2, 3)),
        ("date", "datetime", dt.datetime(2026, 2, 3, 4, 5, 6, tzinfo=dt.UTC), dt.datetime(2026, 2, 3, 4, 5, 6, tzinfo=dt.UTC)),
        ("dropdown", "names", ["b", "a"], ["a", "b"]),
        ("checkbox", "flag", True, True),
        ("hour", "time", dt.time(6, 30), dt.time(6, 30)),
        ("country", "names", ["PT", "Portugal"], "Portugal"),
        ("text", "text", " Écru\n🌧️", " Écru\n🌧️"),
    ],
)  # fmt: skip
def test_what_was_written_is_what_the_reader_gives(
    type_name: str, kind: str, value: Any, read: Any
) -> None:
    part = column_type(type_name).main
    wanted = [WantedColumn(name="c", column_id="c", type=type_name, part=str(part))]
    item = {
        "id": "7", "name": "x", "group": None, "created_at": "2026-01-05T09:00:00Z",
        "updated_at": "2026-01-05T09:00:00Z",
        "column_values": [written_cell(type_name, "c", CELL_FORMATS[type_name].takes[kind](value))],  # type: ignore[index]
    }  # fmt: skip
    frame, _ = finish(decode_page([item], wanted), wanted)
    assert frame["c"].to_list() == [read]


@pytest.mark.parametrize(
    ("type_name", "kind", "value", "said"),
    [
        ("text", "text", "x" * 2001, "2001 characters"),
        ("numbers", "number", float("nan"), "nan is no number"),
        ("numbers", "text", "12 pcs", "'12 pcs' is no number"),
        ("numbers", "text", "Infinity", "is no number"),
        ("date", "datetime", dt.datetime(2026, 1, 1, microsecond=5, tzinfo=dt.UTC), "fractions of a second"),
        ("timeline", "dates", [dt.date(2026, 1, 2), None], "it takes two"),
        ("dropdown", "names", ["a", None], "a label that is empty"),
        ("people", "ids", [0], "an id that is none"),
        ("rating", "number", 2.5, "no whole number"),
        ("email", "text", "nobody", "no email address"),
        ("phone", "text", "call me", "no phone number"),
        ("link", "text", "specs", "no web address"),
        ("country", "names", ["Portugal", "PT"], "two capitals"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused_with_a_reason(
    type_name: str, kind: str, value: Any, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        CELL_FORMATS[type_name].takes[kind](value)  # type: ignore[index]


@pytest.mark.parametrize(
    ("type_name", "value"),
    [("numbers", "1e5"), ("numbers", 5), ("date", {"date": "2026-02-30"}), ("date", {"date": "soon"}),
     ("date", {"date": "2026-01-01", "time": "25:00"}), ("status", {"index": 1}), ("formula", "x"),
     ("text", 5), ("timeline", {"from": "2026-01-01"})],
)  # fmt: skip
def test_the_peer_refuses_what_monday_would(type_name: str, value: Any) -> None:
    with pytest.raises(BadValue):
        written_cell(type_name, "c", value)


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        (pl.String(), "text"), (pl.Categorical(), "text"), (pl.Enum(["a"]), "text"),
        (pl.Int8(), "number"), (pl.UInt64(), "number"), (pl.Float32(), "number"),
        (pl.Datetime("us", "Europe/Lisbon"), "datetime"), (pl.Datetime("us"), None),
        (pl.List(pl.Int32), "ids"), (pl.List(pl.Float64), None), (pl.List(pl.Date), "dates"),
        (pl.List(pl.String), "names"), (pl.List(pl.Null), "null"), (pl.List(pl.List(pl.String)), None),
        (pl.Binary(), None), (pl.Duration(), None), (pl.Struct({"a": pl.String}), None),
        (pl.Null(), "null"),
    ],
)  # fmt: skip
def test_kinds_of_payload_columns(dtype: pl.DataType, kind: str | None) -> None:
    assert payload_kind(dtype) == kind
