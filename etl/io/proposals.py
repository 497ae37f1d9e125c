"""What a contract of a live board or table would say: its columns, types, lengths, key and nulls.

A proposal is made of :class:`~etl.contracts.describe.ContractColumn`, as every contract is. The
metadata says where a column comes from and of which type it was, so that a later look can tell
what has changed: ``board_column`` and ``board_type``, or ``source_type`` of a table's column.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.contracts.describe import ContractColumn
from etl.errors import ContractError
from etl.io.monday.cells import ITEM_COLUMNS
from etl.io.monday.column_types import column_type
from etl.io.monday.pages import FORMULA_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from etl.io.databases.columns import Column
    from etl.io.monday.boards import Board, BoardColumn
    from etl.io.monday.column_types import Kind

__all__ = ["Proposal", "board_column", "board_proposal", "source_type", "table_proposal"]

_UTC: Final = pl.Datetime("us", "UTC")
_DTYPES: Final[Mapping[Kind, pl.DataType]] = {
    "text": pl.String(),
    "number": pl.Float64(),
    "integer": pl.Int64(),
    "flag": pl.Boolean(),
    "time": pl.Time(),
    "date": pl.Date(),
    "datetime": _UTC,
    "moment": _UTC,  # a Date would lose the time of day, which monday's date columns may have
    "names": pl.String(),
    "ids": pl.String(),
}
# 255 is monday's limit for names and labels, 2000 its limit for text, and 4000 the widest that SQL
# Server keeps inside the row. Types that are not here hold text of any length.
_LENGTHS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("status", "phone", "country", "world_clock", "color_picker", "progress"), 255),
    **dict.fromkeys(("text", "dropdown", "tags", "people", "team", "email"), 2000),
    **dict.fromkeys(("link", "location"), 4000),
}
_NAME: Final = 255
# The item's name is read anyway; a button holds nothing.
_NO_COLUMN: Final = ("name", "button")
_NAME_LENGTH: Final = 60


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A contract's columns for a live source, and what of the source they leave out."""

    columns: tuple[ContractColumn, ...]
    notes: tuple[str, ...] = ()


def board_proposal(board: Board) -> Proposal:
    """Columns for all of a board that can be read: the item's own, then the board's.

    A column is called as the board's column is titled, as far as that makes a plain name; the id
    is what it is known by. A date column is a time in UTC, since a cell may have one.

    Examples
    --------
    >>> from etl.io.monday.boards import Board, BoardColumn
    >>> run = BoardColumn(id="run7", title="Production", type="timeline", archived=False)
    >>> found = board_proposal(Board(id="1", name="Plan", items_count=0, columns=(run,)))
    >>> [(column.name, str(column.dtype)) for column in found.columns[-2:]]
    [('production_from', 'Date'), ('production_to', 'Date')]
    """
    columns = [
        ContractColumn(
            name=name,
            dtype=dtype,
            nullable=name not in ("item_id", "item_name"),
            max_length=_NAME if dtype == pl.String else None,
            primary_key=name == "item_id",
            metadata=MappingProxyType({}),
        )
        for name, dtype in ITEM_COLUMNS.items()
    ]
    taken = {column.name for column in columns}
    left_out: list[str] = []
    formulas = 0
    for column in board.columns:
        formulas += column.type == "formula" and not column.archived
        known = column_type(column.type)
        if column.archived or column.type in _NO_COLUMN:
            continue
        if not known.delivered or (column.type == "formula" and formulas > FORMULA_COLUMNS):
            left_out.append(f"{column.id} ({column.title}, {column.type})")
            continue
        proposed = board_column(column, taken)
        taken |= {one.name for one in proposed}
        columns += proposed
    note = f"board columns that monday.com does not give, or not so many of: {', '.join(left_out)}"
    return Proposal(columns=tuple(columns), notes=(note,) if left_out else ())


def board_column(column: BoardColumn, taken: Collection[str]) -> list[ContractColumn]:
    """The contract's columns for one board column, under names that are not taken."""
    known = column_type(column.type)
    suffixes = list(known.default)
    base = _free_name(column, suffixes, taken)
    found = []
    for suffix, part in known.default.items():
        kind = known.parts[part].kind
        dtype = _DTYPES[kind]
        metadata: dict[str, Any] = {"board_column": column.id, "board_type": column.type}
        if part != known.main:
            metadata["part"] = part
        if kind == "ids":
            metadata["list"] = "json"
        if _slug(column.title) != column.title.lower().replace(" ", "_"):
            metadata["title"] = plain_text(column.title, _NAME_LENGTH)
        found.append(
            ContractColumn(
                name=base + suffix,
                dtype=dtype,
                # A box that was never ticked is not checked; nothing else is sure to be filled.
                nullable=dtype != pl.Boolean,
                max_length=_LENGTHS.get(column.type) if dtype == pl.String else None,
                primary_key=False,
                metadata=MappingProxyType(metadata),
            )
        )
    return found


def table_proposal(columns: Sequence[Column], key: Sequence[str]) -> Proposal:
    """Columns for a live table, under its own names.

    Raises
    ------
    ContractError
        A column has a name that no contract can have.

    Examples
    --------
    >>> from etl.io.databases.columns import Column
    >>> note = Column(name="note", type="nvarchar", dtype=pl.String(), length=50, nullable=False)
    >>> table_proposal([note], ["note"]).columns[0].metadata["source_type"]
    'nvarchar(50) not null'
    """
    names = [column.name for column in columns]
    folded = [name.casefold() for name in names]
    for name in names:
        # dataframely keeps this name for its own rule.
        if name == "primary_key" or folded.count(name.casefold()) > 1:
            raise ContractError(
                f"the source has a column {name!r}, which a contract can't have "
                "(taken by a rule, or twice but for case): read a view without it"
            )
    return Proposal(
        columns=tuple(
            ContractColumn(
                name=column.name,
                dtype=column.dtype,
                nullable=column.nullable and column.name not in key,
                max_length=column.length if column.dtype == pl.String else None,
                primary_key=column.name in key,
                metadata=MappingProxyType({"source_type": source_type(column)}),
            )
            for column in columns
        )
    )


def source_type(column: Column) -> str:
    """A live column's type in words, as the contract remembers it.

    >>> from etl.io.databases.columns import Column
    >>> source_type(Column(name="a", type="numeric", dtype=pl.Decimal(9, 2), precision=9, scale=2))
    'numeric(9, 2)'
    """
    text = column.type
    if column.length is not None:
        text += f"({column.length})"
    elif isinstance(column.dtype, pl.Decimal) and column.precision is not None:
        text += f"({column.precision}, {column.scale or 0})"
    return text if column.nullable else f"{text} not null"


def plain_text(text: str, length: int) -> str:
    r"""A title as it can stand in source text: printable, on one line, without quotes.

    >>> plain_text('5" pipe\n', 20)
    '5’ pipe'
    """
    clean = re.sub(r"[\"'`]", "’", "".join(c if c.isprintable() else " " for c in text))
    clean = " ".join(clean.replace("\\", "/").split())
    return clean if len(clean) <= length else f"{clean[: length - 1]}…"


def _free_name(column: BoardColumn, suffixes: Sequence[str], taken: Collection[str]) -> str:
    names = [name for name in (_slug(column.title), _slug(column.id)) if name]
    base = names[-1] if names else "column"
    names += [f"{base}_{number}" for number in range(2, 10_000)]
    return next(
        name
        for name in names
        # dataframely keeps this name for its own rule.
        if name != "primary_key" and not any(name + suffix in taken for suffix in suffixes)
    )


def _slug(text: str) -> str:
    """A name of ASCII letters, digits and underscores, or nothing where the text has none.

    >>> _slug("Größe (cm)"), _slug("2nd"), _slug("颜色")
    ('grosse_cm', 'column_2nd', '')
    """
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:_NAME_LENGTH].rstrip("_")
    return f"column_{name}" if name[:1].isdigit() else name
