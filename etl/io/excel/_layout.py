"""What a workbook looks like, as values: books of sheets, sheets of columns and charts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Book", "Chart", "Column", "Format", "Sheet"]

Format = Literal["text", "whole", "number", "percent", "rate", "date", "datetime"]
"""How values show: ``percent`` of numbers such as 12.5, ``rate`` of parts of one."""


@dataclass(frozen=True)
class Column:
    """A column of a sheet: the frame's name for it, its heading, and how values show.

    With ``format_in`` each value shows as the word in that column of the frame says.
    """

    name: str
    title: str
    format: Format = "text"
    format_in: str | None = None
    width: int | None = None
    """In characters; by the values when left out."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A native chart of a sheet's rows.

    Parameters
    ----------
    kind
        ``column``, ``bar``, ``pie`` or ``doughnut``.
    title
        Its heading.
    categories, values
        Columns of the sheet; one series for each of ``values``.
    sheet
        The sheet that holds them; the chart's own when left out.
    rows
        The first row and how many at most.
    stacked
        Series on top of each other.
    percent
        The axis shows parts of one as per cent.
    colors
        One for each series; of a pie, for each row.
    """

    kind: Literal["column", "bar", "pie", "doughnut"]
    title: str
    categories: str
    values: tuple[str, ...]
    sheet: str | None = None
    rows: tuple[int, int] = (0, 10)
    stacked: bool = False
    percent: bool = False
    colors: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A sheet of one frame: its columns under frozen headings with filters, and charts beside them.

    A frame with more rows than a sheet takes goes on in sheets with a number behind their name.
    """

    name: str
    frame: str
    columns: tuple[Column, ...]
    charts: tuple[Chart, ...] = ()
    frozen_columns: int = 1


@dataclass(frozen=True, kw_only=True)
class Book:
    """A workbook, or one for each value of a column.

    ``file`` is the file's name without its ending; ``{}`` in it is the value of the column ``per``,
    made safe for a file's name.
    """

    file: str
    sheets: tuple[Sheet, ...]
    per: str | None = None
