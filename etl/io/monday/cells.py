"""From a page of items to typed columns.

Cells are read column by column, a page at a time, into plain polars columns (:func:`decode_page`);
the whole column gets its final type once all pages are there (:func:`finish`), because only then
is it known whether a date column holds times. A hundred thousand items never exist as Python
objects at once.

Types, by the kind of value: text String, number Float64, integer Int64, flag Boolean (a box that
was never ticked is false), time Time, date Date, datetime Datetime("us", "UTC"), names
List(String), ids List(Int64). A ``moment`` is a Date, or a Datetime if any cell has a time (the
others are then midnight UTC). Empty cells are null, empty lists too.

A column whose dates do not all lie in the years 1 to 9999, or are no dates at all, stays text,
exactly as monday sent it, and a note says so: nothing is lost, and whoever cleans the column
decides.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import polars as pl

from etl.errors import SourceError
from etl.io.monday.column_types import column_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from etl.io.monday.column_types import Kind, Part

__all__ = ["ITEM_COLUMNS", "WantedColumn", "decode_page", "finish"]

UTC_TIME: Final = pl.Datetime("us", "UTC")
ITEM_COLUMNS: Final[Mapping[str, pl.DataType]] = {
    "item_id": pl.Int64(),
    "item_name": pl.String(),
    "group_title": pl.String(),
    "created_at": UTC_TIME,
    "updated_at": UTC_TIME,
}
"""The fields of an item, which come first in every frame of items."""

# What a page is decoded to; dates and times stay text until the column is complete.
_RAW: Final[Mapping[str, pl.DataType]] = {
    "text": pl.String(),
    "number": pl.Float64(),
    "integer": pl.Int64(),
    "flag": pl.Boolean(),
    "time": pl.Time(),
    "date": pl.String(),
    "datetime": pl.String(),
    "moment": pl.String(),
    "names": pl.List(pl.String()),
    "ids": pl.List(pl.Int64()),
}
_TIME_FORMATS: Final = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
# What reading a cell of an unforeseen shape can raise: from Python, from JSON, from polars.
_SHAPE_ERRORS: Final = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,
    RecursionError,
    pl.exceptions.PolarsError,
)


@dataclass(frozen=True, kw_only=True)
class WantedColumn:
    """A column of the frame: which part of which board column it is.

    ``lists`` says how a list is given: as a list, as text joined by ", ", or as JSON text.
    """

    name: str
    column_id: str
    type: str
    part: str
    lists: Literal["list", "text", "json"] = "list"

    @property
    def source(self) -> Part:
        """The part, from the table of column types."""
        return column_type(self.type).parts[self.part]

    @property
    def asked(self) -> tuple[str | None, str]:
        """The GraphQL type and the fields to ask for."""
        return column_type(self.type).typename, self.source.selection

    @property
    def kind(self) -> Kind:
        """The kind of the values as they are in the frame."""
        return "text" if self.lists != "list" and self._is_list else self.source.kind

    @property
    def read(self) -> Callable[[Mapping[str, Any]], Any]:
        """From a cell to a value of that kind."""
        read = self.source.read
        if not self._is_list or self.lists == "list":
            return read
        as_text = _as_json if self.lists == "json" else _joined
        return lambda cell: as_text(read(cell))

    @property
    def _is_list(self) -> bool:
        return self.source.kind in ("names", "ids")


def _joined(values: Sequence[str | int] | None) -> str | None:
    if values is None:
        return None
    if not all(isinstance(value, str | int) for value in values):
        raise TypeError("a list of texts was expected")
    return ", ".join(map(str, values))


def _as_json(values: Sequence[str | int] | None) -> str | None:
    if values is None:
        return None
    if not all(isinstance(value, str | int) for value in values):
        raise TypeError("a list of texts was expected")
    return json.dumps(values, ensure_ascii=False)


def decode_page(
    items: object, wanted: Sequence[WantedColumn], *, parents: bool = False
) -> pl.DataFrame:
    """Decode a page's items to one row each, with :data:`ITEM_COLUMNS` and the wanted columns.

    Parameters
    ----------
    items
        The ``items`` of a page, as parsed from JSON.
    wanted
        The columns to read. Cells of other columns are ignored.
    parents
        The items are subitems: ``parent_item_id`` (Int64) comes first.

    Returns
    -------
    polars.DataFrame
        Dates and times are text still: see :func:`finish`.

    Raises
    ------
    SourceError
        An item or a cell has another shape than monday's schema gives it. The message names the
        item and the column.

    Examples
    --------
    >>> item = {
    ...     "id": "7", "name": "Linen shirt", "group": {"id": "topics", "title": "Spring"},
    ...     "created_at": "2026-01-05T09:00:00Z", "updated_at": "2026-01-06T09:00:00Z",
    ...     "column_values": [{"id": "qty", "number": 40}],
    ... }
    >>> qty = WantedColumn(name="quantity", column_id="qty", type="numbers", part="number")
    >>> decode_page([item], [qty]).select("item_id", "item_name", "quantity").rows()
    [(7, 'Linen shirt', 40.0)]
    """
    fields, cells = _split(items, with_cells=bool(wanted), parents=parents)
    series = [pl.Series(name, values) for name, values in fields.items()]
    for column in wanted:
        empty = False if column.kind == "flag" else None
        read, dtype, column_id = column.read, _RAW[column.kind], column.column_id
        try:
            values = [
                empty if (cell := of_item.get(column_id)) is None else read(cell)
                for of_item in cells
            ]
            found = pl.Series(column.name, values, dtype=dtype, strict=True)
        except _SHAPE_ERRORS:
            raise _culprit(fields["item_id"], cells, column) from None
        series.append(found.fill_null(value=False) if column.kind == "flag" else found)
    return pl.DataFrame(series)


def _split(
    items: object, *, with_cells: bool, parents: bool
) -> tuple[dict[str, pl.Series], list[dict[str, Any]]]:
    """Split items into their own fields, and their cells by column id."""
    columns = {"parent_item_id": pl.Int64(), **ITEM_COLUMNS} if parents else ITEM_COLUMNS
    values: dict[str, list[Any]] = {name: [] for name in columns}
    cells: list[dict[str, Any]] = []
    item: Any = None
    try:
        for item in items:  # type: ignore[attr-defined]
            group = item["group"]
            values["item_id"].append(int(item["id"]))
            values["item_name"].append(item["name"])
            values["group_title"].append(None if group is None else group["title"])
            values["created_at"].append(item["created_at"])
            values["updated_at"].append(item["updated_at"])
            if parents:
                parent = item["parent_item"]
                values["parent_item_id"].append(None if parent is None else int(parent["id"]))
            if with_cells:
                cells.append({cell["id"]: cell for cell in item["column_values"]})
        fields = {
            name: pl.Series(
                name, values[name], dtype=pl.String() if dtype == UTC_TIME else dtype, strict=True
            )
            for name, dtype in columns.items()
        }
    except _SHAPE_ERRORS as error:
        raise SourceError(
            f"monday.com sent an item of an unknown shape ({type(error).__name__}: "
            f"{error!s:.100}): {item!r:.200}. Nothing was read; is the URL that of the API?"
        ) from None
    return fields, cells


def _culprit(ids: pl.Series, cells: list[dict[str, Any]], column: WantedColumn) -> SourceError:
    """Find the cell that could not be read, and say which it is."""
    for item, of_item in zip(ids, cells, strict=True):
        cell = of_item.get(column.column_id)
        if cell is None:
            continue
        try:
            pl.Series([column.read(cell)], dtype=_RAW[column.kind], strict=True)
        except _SHAPE_ERRORS as error:
            return SourceError(
                f"monday.com, item {item}, board column {column.column_id!r}: this is no "
                f"{column.type} cell ({type(error).__name__}: {str(error).splitlines()[0]:.80}): "
                f"{cell!r:.200}. Map another part of the column (metadata `part`), for example "
                f"'text', or leave it out of the contract."
            )
    return SourceError(
        f"monday.com, board column {column.column_id!r}: the cells could not be read as "
        f"{column.type}."
    )


def finish(
    frame: pl.DataFrame, wanted: Sequence[WantedColumn]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Give the columns of a complete read their types.

    Parameters
    ----------
    frame
        All pages of :func:`decode_page`, one below the other.
    wanted
        The columns that they were decoded with.

    Returns
    -------
    frame, notes
        The typed frame, and a sentence for every date column that had to stay text.

    Raises
    ------
    SourceError
        An item's own ``created_at`` or ``updated_at`` is no time.
    """
    columns: list[pl.Series] = []
    notes: list[str] = []
    kinds = {column.name: column.kind for column in wanted}
    for series in frame:
        if series.name in ITEM_COLUMNS and series.name not in kinds:
            typed, odd = (
                _temporal(series, "datetime")
                if ITEM_COLUMNS[series.name] == UTC_TIME
                else (series, None)
            )
            if odd is not None:
                raise SourceError(f"monday.com: an item's {series.name} is no time: {odd!r}")
        elif kinds.get(series.name) in ("date", "datetime", "moment"):
            typed, odd = _temporal(series, kinds[series.name])
            if odd is not None:
                notes.append(
                    f"column {series.name!r} stays text: it holds a date that is none, or lies "
                    f"outside the years 1 to 9999, such as {odd!r}"
                )
        else:
            typed = series
        columns.append(typed)
    return pl.DataFrame(columns), tuple(notes)


def _temporal(raw: pl.Series, kind: Kind) -> tuple[pl.Series, str | None]:
    """Parse dates and times; the second value is an example of what could not be parsed."""
    dates = raw.str.to_date("%Y-%m-%d", strict=False)
    timed = raw.filter(raw.is_not_null() & dates.is_null())
    if timed.is_empty() and kind != "datetime":
        odd = _outside(raw, dates)
        return (dates, None) if odd is None else (raw, odd)
    moments = pl.DataFrame({"text": raw}).select(_times()).to_series().alias(raw.name)
    odd = _outside(raw, moments)
    if odd is not None:
        return raw, odd
    return (moments.dt.date() if kind == "date" else moments), None


def _times() -> pl.Expr:
    # "2026-05-01 10:00:00", "2026-05-01T10:00:00Z", "2026-05-01 10:00:00 UTC": one spelling.
    text = (
        pl.col("text")
        .str.replace(r"^(\S{10,}) (\d)", "${1}T${2}")
        .str.replace(r" ?UTC$", "Z")
        .str.replace(r"Z$", "+00:00")
    )
    parsed = [
        text.str.to_datetime(_TIME_FORMATS[0], time_unit="us", time_zone="UTC", strict=False),
        *(
            text.str.to_datetime(form, time_unit="us", strict=False).dt.replace_time_zone("UTC")
            for form in _TIME_FORMATS[1:]
        ),
        text.str.to_date("%Y-%m-%d", strict=False).cast(UTC_TIME),
    ]
    return pl.coalesce(parsed)


def _outside(raw: pl.Series, parsed: pl.Series) -> str | None:
    """Find a text that is no date, or lies in a year that Python's dates do not have."""
    in_range = parsed.dt.year().is_between(1, 9999).fill_null(value=False)
    odd = raw.filter(raw.is_not_null() & ~in_range)
    return None if odd.is_empty() else str(odd[0])
