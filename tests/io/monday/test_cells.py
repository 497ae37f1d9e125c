"""Cells of every column type: the right value, and never anything but a SourceError."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.errors import SourceError
from etl.io.monday.cells import ITEM_COLUMNS, WantedColumn, decode_page, finish
from etl.io.monday.column_types import COLUMN_TYPES

UTC = dt.UTC


def item(cell: dict[str, Any] | None, **fields: Any) -> dict[str, Any]:
    return {
        "id": "7",
        "name": "Linen shirt",
        "group": {"id": "g", "title": "Spring"},
        "created_at": "2026-01-05T09:00:00Z",
        "updated_at": "2026-01-06T09:30:00Z",
        "column_values": [] if cell is None else [{**cell, "id": "c"}],
        **fields,
    }


def column(type_name: str, part: str | None = None, **options: Any) -> WantedColumn:
    known = COLUMN_TYPES.get(type_name)
    main = part or (known.main if known else "text")
    assert main is not None
    return WantedColumn(name="out", column_id="c", type=type_name, part=main, **options)


def read(cells: list[dict[str, Any] | None], wanted: WantedColumn) -> pl.Series:
    frame, _ = finish(decode_page([item(cell) for cell in cells], [wanted]), [wanted])
    return frame["out"]


def value(**fields: Any) -> str:
    return json.dumps(fields)


TYPED: list[tuple[str, str | None, dict[str, Any], Any, Any]] = [
    ("text", None, {"text": " kept 🧵 "}, " kept 🧵 ", pl.String),
    ("text", None, {"text": ""}, None, pl.String),
    ("text", None, {"text": "None"}, "None", pl.String),  # cleaning is the transform's
    ("long_text", None, {"text": "a\nb"}, "a\nb", pl.String),
    ("numbers", None, {"number": 12.5}, 12.5, pl.Float64),
    ("numbers", None, {"number": 12}, 12.0, pl.Float64),
    ("numbers", None, {"number": None}, None, pl.Float64),
    ("numbers", "text", {"text": "12.50"}, "12.50", pl.String),
    ("numbers", "symbol", {"symbol": "€"}, "€", pl.String),
    ("status", None, {"label": "Done"}, "Done", pl.String),
    ("status", None, {"label": None}, None, pl.String),
    ("status", "index", {"index": 2}, 2, pl.Int64),
    ("status", "is_done", {"is_done": True}, True, pl.Boolean),
    ("dropdown", None, {"values": [{"label": "a"}, {"label": "b, c"}]}, ["a", "b, c"], pl.List(pl.String)),
    ("dropdown", None, {"values": []}, None, pl.List(pl.String)),
    ("dropdown", "ids", {"values": [{"id": "4"}]}, [4], pl.List(pl.Int64)),
    ("tags", None, {"tags": [{"name": "🧥"}]}, ["🧥"], pl.List(pl.String)),
    ("date", None, {"value": value(date="2026-05-01", time=None), "date": "", "time": ""}, dt.date(2026, 5, 1), pl.Date),
    ("date", None, {"value": value(date="2026-05-01", time="22:15:00")}, dt.datetime(2026, 5, 1, 22, 15, tzinfo=UTC), pl.Datetime("us", "UTC")),
    ("date", None, {"value": {"date": "2026-05-01", "time": ""}}, dt.date(2026, 5, 1), pl.Date),
    ("date", None, {"value": None, "date": "2026-05-01", "time": "10:00:00"}, dt.datetime(2026, 5, 1, 10, tzinfo=UTC), pl.Datetime("us", "UTC")),
    ("date", None, {"value": value(changed_at="2026-05-01T10:00:00Z"), "date": ""}, None, pl.Date),
    ("date", "changed_at", {"value": value(changed_at="2026-05-01T23:30:00.417Z")}, dt.datetime(2026, 5, 1, 23, 30, 0, 417000, tzinfo=UTC), pl.Datetime("us", "UTC")),
    ("date", "changed_at", {"value": None}, None, pl.Datetime("us", "UTC")),
    ("timeline", "from", {"from": "2026-05-01T00:00:00+00:00"}, dt.date(2026, 5, 1), pl.Date),
    ("timeline", "to", {"to": "2026-05-09"}, dt.date(2026, 5, 9), pl.Date),
    ("timeline", "to", {"to": None}, None, pl.Date),
    ("week", "from", {"start_date": "2026-05-04"}, dt.date(2026, 5, 4), pl.Date),
    ("week", "to", {"end_date": "2026-05-10"}, dt.date(2026, 5, 10), pl.Date),
    ("hour", None, {"hour": 13, "minute": 5}, dt.time(13, 5), pl.Time),
    ("hour", None, {"hour": 0, "minute": None}, dt.time(0, 0), pl.Time),
    ("hour", None, {"hour": None, "minute": None}, None, pl.Time),
    ("checkbox", None, {"checked": True}, True, pl.Boolean),
    ("checkbox", None, {"checked": None}, False, pl.Boolean),
    ("rating", None, {"rating": 4}, 4, pl.Int64),
    ("vote", None, {"vote_count": 0}, 0, pl.Int64),
    ("people", None, {"text": "Ana, 李"}, "Ana, 李", pl.String),
    ("people", "entities", {"persons_and_teams": [{"id": "5", "kind": "team"}]}, '[{"id": "5", "kind": "team"}]', pl.String),
    ("team", None, {"text": "QA", "team_id": 4}, "QA", pl.String),
    ("team", None, {"text": "", "team_id": 4}, "4", pl.String),
    ("email", None, {"email": "a@b.example"}, "a@b.example", pl.String),
    ("phone", "country", {"country_short_name": "PT"}, "PT", pl.String),
    ("link", None, {"url": "https://x.example"}, "https://x.example", pl.String),
    ("link", "label", {"url_text": "spec"}, "spec", pl.String),
    ("country", None, {"country": {"code": "JP", "name": "Japan"}}, "Japan", pl.String),
    ("country", "code", {"country": {"code": "JP", "name": "Japan"}}, "JP", pl.String),
    ("country", None, {"country": None}, None, pl.String),
    ("location", None, {"address": "Porto"}, "Porto", pl.String),
    ("location", "lat", {"lat": -41.25}, -41.25, pl.Float64),
    ("file", None, {"files": [{"name": "é.pdf"}]}, '[{"name": "é.pdf"}]', pl.String),
    ("file", None, {"files": []}, None, pl.String),
    ("item_id", None, {"item_id": "9007199254740993"}, 9007199254740993, pl.Int64),
    ("creation_log", None, {"created_at": "2026-05-01T10:00:00Z"}, dt.datetime(2026, 5, 1, 10, tzinfo=UTC), pl.Datetime("us", "UTC")),
    ("last_updated", None, {"updated_at": "2026-05-01T10:00:00+02:00"}, dt.datetime(2026, 5, 1, 8, tzinfo=UTC), pl.Datetime("us", "UTC")),
    ("time_tracking", None, {"duration": 90061}, 90061, pl.Int64),
    ("board_relation", None, {"display_value": "PO 1, PO 2"}, "PO 1, PO 2", pl.String),
    ("board_relation", "ids", {"linked_item_ids": ["1", "2"]}, [1, 2], pl.List(pl.Int64)),
    ("dependency", None, {"display_value": ""}, None, pl.String),
    ("mirror", None, {"display_value": "Open"}, "Open", pl.String),
    ("formula", None, {"display_value": "12.5"}, "12.5", pl.String),
    ("subtasks", None, {"subitems_ids": ["11", "12"]}, [11, 12], pl.List(pl.Int64)),
    ("subtasks", "names", {"display_value": "S, M"}, "S, M", pl.String),
    ("world_clock", None, {"timezone": "Asia/Tokyo"}, "Asia/Tokyo", pl.String),
    ("button", None, {"label": "Go"}, "Go", pl.String),
    ("color_picker", None, {"color": "#ff642e"}, "#ff642e", pl.String),
    ("progress", None, {"text": "40%"}, "40%", pl.String),
    ("auto_number", None, {"text": "4"}, None, pl.Int64),
    ("hologram", None, {"text": "shimmer"}, "shimmer", pl.String),
    ("hologram", "value", {"value": '{"a": 1}'}, '{"a": 1}', pl.String),
]  # fmt: skip


@pytest.mark.parametrize(("type_name", "part", "cell", "expected", "dtype"), TYPED)
def test_typed_values(
    type_name: str, part: str | None, cell: dict[str, Any], expected: Any, dtype: Any
) -> None:
    found = read([cell], column(type_name, part))
    assert found.dtype == dtype
    assert found.to_list() == [expected]
    assert type(found.to_list()[0]) is type(expected)


def test_the_table_of_cases_names_every_type() -> None:
    assert set(COLUMN_TYPES) <= {case[0] for case in TYPED}


@pytest.mark.parametrize("type_name", COLUMN_TYPES)
def test_an_item_without_the_cell_is_null_and_an_untouched_box_is_false(type_name: str) -> None:
    known = COLUMN_TYPES[type_name]
    for part in known.default.values():
        empty = False if known.parts[part].kind == "flag" else None
        assert read([None], column(type_name, part)).to_list() == [empty]


def test_one_time_makes_the_whole_column_times() -> None:
    cells = [
        {"value": value(date="2026-05-01")},
        {"value": value(date="2026-05-02", time="10:00:00")},
    ]
    found = read([*cells, {"value": None}], column("date"))
    assert found.dtype == pl.Datetime("us", "UTC")
    assert found.to_list() == [
        dt.datetime(2026, 5, 1, tzinfo=UTC),
        dt.datetime(2026, 5, 2, 10, tzinfo=UTC),
        None,
    ]


@pytest.mark.parametrize("day", ["0001-01-01", "1752-09-14", "9999-12-31"])
def test_the_ends_of_the_calendar_are_dates(day: str) -> None:
    found = read([{"value": value(date=day)}], column("date"))
    assert found.to_list() == [dt.date.fromisoformat(day)]


@pytest.mark.parametrize("day", ["0000-00-00", "10000-01-01", "2026-02-30", "soon", "+12026-01-01"])
def test_a_date_that_is_none_leaves_the_column_as_text_and_says_so(day: str) -> None:
    wanted = column("date")
    cells = [{"value": value(date="2026-05-01")}, {"value": value(date=day, time="10:00:00")}]
    frame, notes = finish(decode_page([item(cell) for cell in cells], [wanted]), [wanted])
    assert frame["out"].to_list() == ["2026-05-01", f"{day} 10:00:00"]
    assert len(notes) == 1
    assert day in notes[0]


def test_lists_as_text_and_as_json() -> None:
    cell = {"values": [{"label": "a"}, {"label": "b, ç"}]}
    assert read([cell], column("dropdown", lists="text")).to_list() == ["a, b, ç"]
    assert read([cell], column("dropdown", lists="json")).to_list() == ['["a", "b, ç"]']
    ids = {"subitems_ids": ["11", "12"]}
    assert read([ids], column("subtasks", lists="json")).to_list() == ["[11, 12]"]
    for lists in ("text", "json"):
        empty = read([{"values": []}], column("dropdown", lists=lists))
        assert empty.dtype == pl.String
        assert empty.to_list() == [None]


def test_an_items_own_fields() -> None:
    frame, _ = finish(decode_page([item(None), item(None, group=None)], []), [])
    assert frame.schema == pl.Schema(ITEM_COLUMNS)
    assert frame.row(0) == (
        7,
        "Linen shirt",
        "Spring",
        dt.datetime(2026, 1, 5, 9, tzinfo=UTC),
        dt.datetime(2026, 1, 6, 9, 30, tzinfo=UTC),
    )
    assert frame["group_title"].to_list() == ["Spring", None]


def test_a_cell_of_another_shape_names_item_and_column() -> None:
    cells = [{"number": 1}, {"number": "12 pcs"}]
    with pytest.raises(
        SourceError, match=r"item 7, board column 'c': this is no numbers cell.*12 pcs"
    ):
        read(cells, column("numbers"))
    with pytest.raises(SourceError, match="KeyError: 'label'"):
        read([{"text": "asked for something else"}], column("status"))


# Anything that JSON can hold, in the places where monday puts its values.
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ["", "None", "2026-05-01", '{"date": 3}', '{"date": "x", "time": []}', "[]", "7"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["label", "name", "id", "code", "date", "time", "changed_at", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=4,
)
PARTS = [
    (type_name, part) for type_name, known in COLUMN_TYPES.items() for part in sorted(known.parts)
]
FIELDS = sorted(
    {
        word
        for known in COLUMN_TYPES.values()
        for part in known.parts.values()
        for word in part.selection.replace("{", " ").split()
        if word.isidentifier()
    }
)


@settings(max_examples=150)
@given(
    which=st.sampled_from(PARTS),
    lists=st.sampled_from(["list", "text", "json"]),
    shared=JSON,
    fields=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3),
)
def test_any_cell_is_read_or_refused_in_a_sentence(
    which: tuple[str, str], lists: Any, shared: Any, fields: dict[str, Any]
) -> None:
    wanted = column(*which, lists=lists)
    cell = {**dict.fromkeys(FIELDS, shared), **fields}
    refused = None
    try:
        found = read([cell], wanted)
    except SourceError as error:
        refused = str(error)
    if refused is None:
        assert len(found.to_list()) == 1  # a value that Python has, too
    else:
        assert "item 7, board column 'c'" in refused


@settings(max_examples=80)
@given(items=JSON | st.lists(st.fixed_dictionaries({}, optional={
    "id": JSON, "name": JSON, "group": JSON, "created_at": JSON, "updated_at": JSON,
    "column_values": JSON,
}), max_size=2))  # fmt: skip
def test_any_page_is_read_or_refused_in_a_sentence(items: Any) -> None:
    wanted = [column("text")]
    try:
        frame, _ = finish(decode_page(items, wanted), wanted)
    except SourceError:
        return
    frame.rows()


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@settings(max_examples=40)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | TEXTS,
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.lists(TEXTS, max_size=3),
            st.none() | st.datetimes(timezones=st.just(UTC)),
            st.none() | st.dates(),
            st.booleans(),
        ),
        max_size=5,
    )
)
def test_what_monday_holds_comes_back_typed(rows: list[tuple[Any, ...]]) -> None:
    def cells(text: Any, number: Any, labels: Any, moment: Any, day: Any, box: Any) -> list[Any]:
        dated = None if moment is None else value(
            date=f"{moment.year:04}-{moment:%m-%d}", time=f"{moment:%H:%M:%S}"
        )  # fmt: skip
        return [
            {"id": "t", "text": text or ""},
            {"id": "n", "number": number},
            {"id": "l", "values": [{"label": label} for label in labels]},
            {"id": "d", "value": dated},
            {"id": "w", "start_date": None if day is None else day.isoformat()},
            {"id": "b", "checked": box or None},
        ]

    wanted = [
        WantedColumn(name=name, column_id=name, type=type_name, part=part)
        for name, type_name, part in (
            ("t", "text", "text"),
            ("n", "numbers", "number"),
            ("l", "dropdown", "labels"),
            ("d", "date", "date"),
            ("w", "week", "from"),
            ("b", "checkbox", "checked"),
        )
    ]
    page = [item(None, column_values=cells(*row)) for row in rows]
    frame, notes = finish(decode_page(page, wanted), wanted)
    assert notes == ()
    assert frame.select("t", "n", "l", "w", "b").rows() == [
        (text, number, labels or None, day, box) for text, number, labels, _, day, box in rows
    ]
    moments = [row[3] and row[3].replace(microsecond=0) for row in rows]
    assert frame["d"].to_list() == moments
