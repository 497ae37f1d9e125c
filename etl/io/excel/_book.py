"""One workbook as bytes: the same for the same frames, whenever and wherever it is made."""

from __future__ import annotations

import datetime as dt
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from etl.io.excel._cells import FORMULA_STARTS, cells_of
from etl.io.excel._names import sheet_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import polars as pl
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format as CellFormat
    from xlsxwriter.worksheet import Worksheet

    from etl.io.excel._layout import Chart, Column, Sheet

__all__ = ["MAX_ROWS", "write_book"]

MAX_ROWS: Final = 1_048_576
"""Of a sheet, its headings among them."""
_CREATED: Final = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - the file's format has no zones
_SAMPLE: Final = 500
_MIN_WIDTH, _MAX_WIDTH = 8, 48
_CHART_SIZE: Final = {"width": 560, "height": 320}
_ROW_PIXELS: Final = 20
_NUMBER_FORMATS: Final = {
    "text": "General",
    "whole": "#,##0",
    "number": "#,##0.0",
    "percent": '0.0"%"',
    "rate": "0.0%",
    "date": "yyyy-mm-dd",
    "datetime": "yyyy-mm-dd hh:mm:ss",
    "time": "hh:mm:ss",
}
_LEFT: Final = ("text", "date", "datetime", "time")
_HEADING: Final = {
    "bold": True,
    "text_wrap": True,
    "valign": "vcenter",
    "align": "center",
    "font_color": "#FFFFFF",
    "bg_color": "#1F3A5F",
    "border": 1,
    "border_color": "#FFFFFF",
}
_COLORS: Final = ("#1F77B4", "#F2A541", "#C44536", "#8D99AE", "#2A9D8F")


@dataclass
class _Written:
    """A sheet as it stands in the workbook: where each column is, and how many rows it has."""

    name: str
    places: dict[str, int]
    rows: int


def write_book(
    path: Path, sheets: Sequence[Sheet], frames: Mapping[str, pl.DataFrame], rows: int = MAX_ROWS
) -> None:
    """Write a workbook to a path.

    Parameters
    ----------
    path
        The file; it is overwritten.
    sheets
        What is on each sheet.
    frames
        Its rows, by the names that the sheets give.
    rows
        How many rows a sheet may have, its headings among them.
    """
    from xlsxwriter import Workbook

    book = Workbook(path, {"constant_memory": True, "strings_to_numbers": False})
    book.set_properties({"created": _CREATED})
    formats = _Formats(book)
    written: dict[str, _Written] = {}
    charted: list[tuple[Worksheet, Sheet]] = []
    for sheet in sheets:
        frame = frames[sheet.frame]
        parts = [frame[at : at + rows - 1] for at in range(0, max(frame.height, 1), rows - 1)]
        for number, part in enumerate(parts, start=1):
            called = sheet if number == 1 else replace(sheet, name=f"{sheet.name} {number}")
            name = sheet_name(called.name, [each.name for each in written.values()])
            page = book.add_worksheet(name)
            _write_sheet(page, called, part, formats)
            places = {column.name: at for at, column in enumerate(sheet.columns)}
            written[called.name] = _Written(name, places, part.height)
            if number == 1:
                charted.append((page, sheet))
    for page, sheet in charted:
        _insert_charts(book, page, sheet, written)
    book.close()


class _Formats:
    """The workbook's formats, each made once."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._made: dict[tuple[str, bool], CellFormat] = {}
        self.heading = book.add_format(dict(_HEADING))

    def get(self, name: str, *, quoted: bool = False) -> CellFormat:
        """The format of a kind of value; ``quoted`` text stays text when its cell is edited."""
        key = (name, quoted)
        if key not in self._made:
            told: dict[str, Any] = {"num_format": _NUMBER_FORMATS[name], "valign": "top"}
            if name in _LEFT:
                told["align"] = "left"
            if quoted:
                told["quote_prefix"] = True
            self._made[key] = self._book.add_format(told)
        return self._made[key]


def _write_sheet(page: Worksheet, sheet: Sheet, frame: pl.DataFrame, formats: _Formats) -> None:
    columns = [cells_of(frame[column.name]) for column in sheet.columns]
    kinds = [
        frame[column.format_in].to_list() if column.format_in else [column.format] * frame.height
        for column in sheet.columns
    ]
    for at, (column, cells) in enumerate(zip(sheet.columns, columns, strict=True)):
        page.set_column(at, at, column.width or _width(column, cells))
    page.set_row(0, 32)
    for at, column in enumerate(sheet.columns):
        page.write_string(0, at, column.title, formats.heading)
    for row, (values, named) in enumerate(
        zip(zip(*columns, strict=True), zip(*kinds, strict=True), strict=True), start=1
    ):
        for at, (value, kind) in enumerate(zip(values, named, strict=True)):
            if value is not None:
                _write_cell(page, row, at, value, kind, formats)
    page.freeze_panes(1, min(sheet.frozen_columns, len(sheet.columns) - 1))
    page.autofilter(0, 0, frame.height, len(sheet.columns) - 1)
    page.set_landscape()
    page.repeat_rows(0)
    page.fit_to_pages(1, 0)


def _write_cell(
    page: Worksheet, row: int, at: int, value: Any, kind: str, formats: _Formats
) -> None:
    """Write a value by what it is: never by what a text looks like."""
    if isinstance(value, str):
        page.write_string(row, at, value, formats.get("text", quoted=value[:1] in FORMULA_STARTS))
    elif isinstance(value, dt.datetime):
        page.write_datetime(row, at, value, formats.get("datetime"))
    elif isinstance(value, dt.date):
        page.write_datetime(row, at, dt.datetime.combine(value, dt.time.min), formats.get("date"))
    elif isinstance(value, dt.time):
        page.write_datetime(row, at, value, formats.get("time"))
    else:
        page.write_number(row, at, value, formats.get(kind))


def _width(column: Column, cells: list[Any]) -> int:
    """As wide as the values are, and as the longest word of the heading with its filter's button."""
    shown = [len_shown(cell) for cell in cells[:_SAMPLE] if cell is not None]
    # A heading may take two lines, and has the filter's button.
    words = [len_shown(word) + 3 for word in column.title.split()] or [0]
    two_lines = len_shown(column.title) // 2 + 4
    return max(_MIN_WIDTH, min(_MAX_WIDTH, max([*shown, *words, two_lines]) + 1))


def len_shown(value: Any) -> int:
    """How many characters wide a cell is, those of East Asia taking two.

    >>> len_shown("東京"), len_shown(1234567), len_shown(0.123456789)
    (4, 9, 5)
    """
    if isinstance(value, str):
        return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in value[:_MAX_WIDTH])
    if isinstance(value, int):
        return len(f"{value:,}")
    if isinstance(value, (dt.date, dt.time)):
        return 19 if isinstance(value, dt.datetime) else 10
    return len(f"{float(value):,.1f}") + 2


def _insert_charts(
    book: Workbook, page: Worksheet, sheet: Sheet, written: Mapping[str, _Written]
) -> None:
    """Put a sheet's charts to the right of its columns, two beside each other."""
    left = len(sheet.columns) + 1
    per_chart = _CHART_SIZE["height"] // _ROW_PIXELS + 1
    for at, chart in enumerate(sheet.charts):
        source = written[chart.sheet or sheet.name]
        first, most = chart.rows
        count = min(most, source.rows - first)
        if count > 0:
            made = _chart(book, chart, source, first, count)
            place = {"object_position": 3}
            page.insert_chart(1 + (at // 2) * per_chart, left + (at % 2) * 9, made, place)


def _chart(book: Workbook, chart: Chart, source: _Written, first: int, count: int) -> Any:
    kind: dict[str, Any] = {"type": chart.kind}
    if chart.stacked:
        kind["subtype"] = "stacked"
    made: Any = book.add_chart(kind)
    top, bottom = 1 + first, first + count
    round_ = chart.kind in ("pie", "doughnut")
    colors = chart.colors or _COLORS
    for at, name in enumerate(chart.values):
        place = source.places[name]
        series: dict[str, Any] = {
            "name": [source.name, 0, place],
            "categories": [source.name, top, source.places[chart.categories], bottom, source.places[chart.categories]],
            "values": [source.name, top, place, bottom, place],
        }  # fmt: skip
        if round_:
            series["points"] = [{"fill": {"color": colors[i % len(colors)]}} for i in range(count)]
            series["data_labels"] = {"percentage": True}
        else:
            series["fill"] = {"color": colors[at % len(colors)]}
            series["gap"] = 60
        made.add_series(series)
    made.set_title({"name": chart.title, "name_font": {"size": 12}, "overlay": False})
    made.set_size(dict(_CHART_SIZE))
    if not round_:
        _set_axes(made, chart)
    if len(chart.values) == 1 and not round_:
        made.set_legend({"none": True})
    else:
        made.set_legend({"position": "bottom"})
    return made


def _set_axes(made: Any, chart: Chart) -> None:
    values: dict[str, Any] = {"major_gridlines": {"visible": True, "line": {"color": "#E0E0E0"}}}
    values["num_format"] = "0%" if chart.percent else "#,##0"
    if chart.percent:
        values |= {"min": 0, "max": 1}
    names: dict[str, Any] = {"num_font": {"size": 9}, "label_position": "low", "interval_unit": 1}
    if chart.kind == "bar":
        # To XlsxWriter the x axis is the horizontal one. The first row goes to the top, and the
        # values, whose axis goes with it, stay below.
        made.set_y_axis({**names, "reverse": True})
        made.set_x_axis({**values, "label_position": "high"})
    else:
        made.set_x_axis(names)
        made.set_y_axis(values)
