"""Workbooks, opened again by another library: what stands in each cell is what stood in the frame."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.config import load_config
from etl.errors import ContractError, LoadError
from etl.io.excel import Book, Chart, Column, Sheet, Workbooks
from etl.io.excel._book import write_book
from etl.io.excel._names import MAX_SHEET_NAME, file_names, sheet_name
from etl.io.sink import WriteContext
from etl.testing import texts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMULAS = ["=1+1", "+49 30", "-7", "@SUM(A1)", "\t=1", "\r=1", "=cmd|'calc'!A0", "==", "=", "-"]
LINKS = [
    "http://a.example",
    "https://a.example/x y",
    "mailto:a@b.example",
    "ftp://x",
    "internal:A!1",
]
WILD = [*FORMULAS, *LINKS, "007", "1e5", "TRUE", "{=1}", "_x0041_", "a\x00b", "\x01", "\x0b",
        "\ufffe", "\uffff", " lead", "trail ", "a\r\nb", "<&>\"'", "👩🏽‍🔧" * 3]  # fmt: skip
CELLS = st.one_of(texts(), st.sampled_from(WILD), st.text(max_size=20))


@pytest.fixture
def context(tmp_path: Path) -> WriteContext:
    (tmp_path / "config.yaml").write_text("databases: {orders: {url: 'sqlite://'}}\n")
    return WriteContext(config=load_config(tmp_path / "config.yaml"))


def sheet(frame: pl.DataFrame, **more: Any) -> Sheet:
    """A sheet that shows every column of a frame."""
    columns = tuple(Column(name, name.title()) for name in frame.columns)
    return Sheet(**{"name": "Rows", "frame": "rows", "columns": columns, **more})


def opened(path: Path, shown: Sheet, *, rows: pl.DataFrame) -> Any:
    """Write a workbook of one sheet, and open it."""
    write_book(path, [shown], {"rows": rows})
    return openpyxl.load_workbook(path)


def values(page: Any) -> list[tuple[Any, ...]]:
    return [tuple(cell.value for cell in row) for row in page.iter_rows(min_row=2)]


def unescaped(text: str | None) -> str | None:
    """What the file's format writes for characters that XML has none for; openpyxl leaves it."""
    if text is None:
        return None
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text)


@settings(max_examples=20)
@given(cells=st.lists(CELLS, min_size=1, max_size=8))
def test_text_is_text_whatever_it_looks_like(
    cells: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    frame = pl.DataFrame({"text": cells}, schema={"text": pl.String})
    path = tmp_path_factory.mktemp("book") / "a.xlsx"
    page = opened(path, sheet(frame), rows=frame)["Rows"]
    for cell, written in zip(page["A"][1:], cells, strict=True):
        if written == "":
            assert cell.value in (None, "")
            continue
        # XML has one line end, and no character 0xFFFE and 0xFFFF.
        assert cell.data_type in ("s", "inlineStr")
        assert cell.hyperlink is None
        read = unescaped(cell.value)
        assert read is not None
        assert read.replace("\r\n", "\n").replace("\r", "\n") == written.replace("\r\n", "\n").replace("\r", "\n")  # fmt: skip
        assert cell.quotePrefix == written.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_numbers_dates_and_times_are_values_where_excel_has_them(tmp_path: Path) -> None:
    aware = dt.datetime(2024, 3, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    cases: list[tuple[Any, pl.Series]] = [
        (12, pl.Series([12])),
        ("9007199254740993", pl.Series([2**53 + 1])),
        (-3, pl.Series([-3])),
        (0.5, pl.Series([0.5])),
        ("nan", pl.Series([float("nan")])),
        ("-inf", pl.Series([float("-inf")])),
        (12.5, pl.Series([Decimal("12.50")])),
        ("12345678901234567.50", pl.Series([Decimal("12345678901234567.50")])),
        (dt.datetime(2024, 2, 29), pl.Series([dt.date(2024, 2, 29)])),  # noqa: DTZ001
        ("1899-12-31", pl.Series([dt.date(1899, 12, 31)])),
        ("0001-01-01 00:00:00", pl.Series([dt.datetime(1, 1, 1)])),  # noqa: DTZ001
        (dt.datetime(1900, 3, 1), pl.Series([dt.date(1900, 3, 1)])),  # noqa: DTZ001
        (dt.datetime(2024, 2, 29, 17), pl.Series([aware], dtype=pl.Datetime("us", "Asia/Tokyo"))),  # noqa: DTZ001
        (dt.time(8, 30), pl.Series([dt.time(8, 30)])),
        ("yes", pl.Series([True])),
        ("no", pl.Series([False])),
        (None, pl.Series([None], dtype=pl.Int64)),
        ("[1, 2]", pl.Series([[1, 2]])),
    ]
    frame = pl.DataFrame([values.alias(f"c{at}") for at, (_, values) in enumerate(cases)])
    [row] = values(opened(tmp_path / "a.xlsx", sheet(frame), rows=frame)["Rows"])
    assert list(row) == [expected for expected, _ in cases]


def test_a_cell_holds_as_much_as_excel_takes(tmp_path: Path) -> None:
    long = ["x" * 32_767, "x" * 32_768, "👕" * 16_384, "=" * 40_000]
    frame = pl.DataFrame({"text": long})
    [*read] = [row[0] for row in values(opened(tmp_path / "a.xlsx", sheet(frame), rows=frame)["Rows"])]  # fmt: skip
    assert read[0] == long[0]
    for cell, written in zip(read[1:], long[1:], strict=True):
        assert len(cell.encode("utf-16-le")) // 2 <= 32_767
        assert cell.endswith("…")
        assert written.startswith(cell[:-1])


def test_headings_are_frozen_and_filtered_and_formats_are_the_columns(tmp_path: Path) -> None:
    frame = pl.DataFrame({"po": ["a", "b"], "qty": [1200, 3], "share": [0.5, 1.0], "off": [2.5, 0]})
    columns = (
        Column("po", "PO"),
        Column("qty", "Quantity", "whole"),
        Column("share", "Share", "rate"),
        Column("off", "Off by", "percent", width=30),
    )
    page = opened(tmp_path / "a.xlsx", sheet(frame, columns=columns), rows=frame)["Rows"]
    assert [cell.value for cell in page[1]] == ["PO", "Quantity", "Share", "Off by"]
    assert page.freeze_panes == "B2"
    assert page.auto_filter.ref == "A1:D3"
    assert [cell.number_format for cell in page[2]] == ["General", "#,##0", "0.0%", '0.0"%"']
    assert page.column_dimensions["D"].width == pytest.approx(30, abs=1)
    assert page[1][0].font.b


def test_a_format_may_stand_in_the_rows(tmp_path: Path) -> None:
    frame = pl.DataFrame({"value": [0.5, 1200.0], "kind": ["rate", "whole"]})
    columns = (Column("value", "Value", format_in="kind"),)
    page = opened(tmp_path / "a.xlsx", sheet(frame, columns=columns), rows=frame)["Rows"]
    assert [cell.number_format for cell in page["A"][1:]] == ["0.0%", "#,##0"]


@pytest.mark.parametrize(("height", "parts"), [(0, [0]), (4, [4]), (5, [4, 1]), (9, [4, 4, 1])])
def test_rows_that_a_sheet_has_no_room_for_go_on_in_the_next(
    tmp_path: Path, height: int, parts: list[int]
) -> None:
    frame = pl.DataFrame({"n": pl.int_range(height, eager=True)})
    write_book(tmp_path / "a.xlsx", [sheet(frame)], {"rows": frame}, rows=5)
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    names = ["Rows", *(f"Rows {number}" for number in range(2, len(parts) + 1))]
    assert book.sheetnames == names
    read = [values(book[name]) for name in names]
    assert [len(rows) for rows in read] == parts
    assert [row[0] for rows in read for row in rows] == frame["n"].to_list()
    assert all(book[name].freeze_panes == "A2" for name in names)


def test_a_chart_is_a_native_one_of_the_sheets_own_cells(tmp_path: Path) -> None:
    frame = pl.DataFrame({"po": ["=A", "B", "C"], "qty": [3, 2, 1]})
    charts = [
        Chart(kind=kind, title=kind, categories="po", values=("qty",), rows=(1, 5))
        for kind in ("column", "bar", "pie", "doughnut")
    ]
    page = opened(tmp_path / "a.xlsx", sheet(frame, charts=tuple(charts)), rows=frame)["Rows"]
    assert [type(chart).__name__ for chart in page._charts] == [
        "BarChart", "BarChart", "PieChart", "DoughnutChart"
    ]  # fmt: skip
    [series] = page._charts[0].series
    assert series.val.numRef.f == "Rows!$B$3:$B$4"
    assert (series.cat.strRef or series.cat.numRef).f == "Rows!$A$3:$A$4"
    empty = opened(tmp_path / "b.xlsx", sheet(frame, charts=tuple(charts)), rows=frame.clear())
    assert empty["Rows"]._charts == []


def test_the_same_frames_give_the_same_bytes(tmp_path: Path, monkeypatch: Any) -> None:
    frame = pl.DataFrame({"po": FORMULAS, "at": [dt.datetime(2024, 1, 1)] * len(FORMULAS)})  # noqa: DTZ001
    chart = Chart(kind="bar", title="t", categories="po", values=("at",))
    made = []
    for zone in ("UTC", "Asia/Tokyo"):
        monkeypatch.setenv("TZ", zone)
        write_book(tmp_path / f"{zone[:2]}.xlsx", [sheet(frame, charts=(chart,))], {"rows": frame})
        made.append((tmp_path / f"{zone[:2]}.xlsx").read_bytes())
    assert made[0] == made[1]


@given(names=st.lists(st.one_of(texts(60), st.sampled_from(["con", "CON.x", "a/b", "A/B", "a_b", "..", ".", " ", "", "x" * 300, "é", "e\u0301", "NUL", "lpt1.txt"])), max_size=8))  # fmt: skip
def test_file_names_are_safe_and_no_two_are_one(names: list[str]) -> None:
    made = file_names(names)
    assert set(made) == set(names)
    assert len({name.casefold() for name in made.values()}) == len(set(names))
    for name in made.values():
        assert not re.search(r'[<>:"/\\|?*\x00-\x1f]', name)
        assert name == name.rstrip(". ")
        assert len(name.encode()) <= 180
        assert name.partition(".")[0].casefold() not in {"con", "nul", "lpt1"}
    # A name does not depend on who else is there, unless they would be one file.
    for value in names:
        alone = file_names([value])[value]
        assert made[value].startswith(alone) or len({v.casefold() for v in names}) < len(names)


@given(names=st.lists(st.one_of(texts(60), st.sampled_from(["Summary", "summary", "History", "'x'", "[a]:*?/\\", "", "x" * 40])), max_size=6))  # fmt: skip
def test_sheet_names_are_excels_and_no_two_are_one(names: list[str]) -> None:
    made: list[str] = []
    for name in names:
        made.append(sheet_name(name, made))
    assert len({name.casefold() for name in made}) == len(names)
    for name in made:
        assert 1 <= len(name.encode("utf-16-le")) // 2 <= MAX_SHEET_NAME
        assert not re.search(r"[\[\]:*?/\\]", name)
        assert not name.startswith("'")
        assert not name.endswith("'")
        assert name.casefold() != "history"


ROWS = pl.DataFrame({"customer": ["A/B", "東京", "A/B"], "qty": [1, 2, 3]})
SINK = Workbooks(
    directory="data/reports",
    books=(
        Book(file="all", sheets=(sheet(ROWS),)),
        Book(file="one - {}", per="customer", sheets=(sheet(ROWS),)),
    ),
)


def books(context: WriteContext) -> Iterator[Path]:
    yield from sorted((context.config.path.parent / "data" / "reports").glob("*"))


def test_one_of_all_and_one_for_each_and_again_nothing_changes(context: WriteContext) -> None:
    first = SINK.write({"rows": ROWS}, context)
    files = {path: path.stat().st_mtime_ns for path in books(context)}
    assert sorted(first.written) == list(files)
    assert len(files) == 3
    [own] = [path for path in files if "A_B" in path.name]
    assert values(openpyxl.load_workbook(own)["Rows"]) == [("A/B", 1), ("A/B", 3)]
    again = SINK.write({"rows": ROWS}, context)
    assert (again.written, sorted(again.unchanged)) == ((), list(files))
    assert {path: path.stat().st_mtime_ns for path in books(context)} == files
    changed = ROWS.with_columns(qty=pl.col("qty") + (pl.col("customer") == "東京").cast(pl.Int64))
    third = SINK.write({"rows": changed}, context)
    assert (len(third.written), third.unchanged) == (2, (own,))


def test_a_workbook_that_can_not_be_written_stays_as_it_was(
    context: WriteContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    SINK.write({"rows": ROWS}, context)
    before = {path: path.read_bytes() for path in books(context)}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(LoadError, match=r"all\.xlsx can't be written .*No space left.* as it was"):
        SINK.write({"rows": ROWS.with_columns(qty=0)}, context)
    assert {path: path.read_bytes() for path in books(context)} == before


def test_what_a_sheet_shows_must_be_there(context: WriteContext) -> None:
    with pytest.raises(ContractError, match="the sheet 'Rows' shows the frame 'rows'; there are x"):
        SINK.write({"x": ROWS}, context)
    with pytest.raises(ContractError, match="shows customer, which the frame 'rows' lacks"):
        SINK.write({"rows": ROWS.drop("customer")}, context)
    assert list(books(context)) == []
    assert dataclasses.replace(SINK, books=()).write({}, context).written == ()
