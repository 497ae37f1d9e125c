"""What SQLite's columns are declared as: it keeps any text as a type, and tells it of tables only."""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.io.databases.columns import Column
from etl.io.databases.decode import ResultColumn
from etl.io.sql import without_params
from etl.io.sql_types import read_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["declared_types", "live_column", "typed_columns"]

_DIALECT: Final = "sqlite"
_PROBE: Final = "_etl_probe"
_DECLARED: Final = re.compile(
    r"^\s*(?P<name>[^()]*?)\s*(?:\(\s*(?P<first>\d+)\s*(?:,\s*(?P<second>\d+)\s*)?\)\s*(?P<rest>.*))?$"
)


def live_column(row: Sequence[Any], *, keys: int) -> Column:
    """A table's column, from name, type, not null, default, place in the key, and hidden.

    Parameters
    ----------
    row
        Of ``pragma_table_xinfo``.
    keys
        How many columns the table's key has.
    """
    name, declared, notnull, default, pk, hidden = row
    base, first, second = _declared(declared)
    # SQLite numbers the rows itself where the only key is declared INTEGER.
    counted = bool(pk) and keys == 1 and base == "integer"
    dtype = read_dtype(base, _DIALECT, precision=first, scale=second)
    length = first if dtype in (pl.String, pl.Binary) else None
    return Column(
        name=name,
        type=base or "blob",  # no type at all has the affinity of a blob
        dtype=dtype if dtype is not None else pl.String(),
        length=length,
        precision=first,
        scale=second,
        nullable=not notnull and not counted,
        has_default=default is not None or counted,
        generated=hidden in (2, 3),
    )


def typed_columns(names: Sequence[str], declared: Sequence[str]) -> list[ResultColumn]:
    """A result's columns, with the types of :func:`declared_types` where it could tell them."""
    if len(declared) != len(names):
        declared = [""] * len(names)
    result = []
    for name, text in zip(names, declared, strict=True):
        base, first, second = _declared(text)
        dtype = read_dtype(base, _DIALECT, precision=first, scale=second) if base else None
        result.append(ResultColumn(name, dtype))
    return result


def declared_types(raw: Any, sql: str) -> list[str]:
    """The declared types of a query's columns, by way of a view: Python has no other."""
    body = without_params(sql, brackets=True)
    try:
        raw.execute(f"SAVEPOINT {_PROBE}")
        try:
            raw.execute(f"CREATE TEMP VIEW {_PROBE} AS {body}")
            rows = raw.execute(f"PRAGMA temp.table_xinfo({_PROBE})").fetchall()
        finally:
            raw.execute(f"ROLLBACK TO {_PROBE}")
            raw.execute(f"RELEASE {_PROBE}")
    except sqlite3.Error:  # a statement that no view can hold: its values tell the types
        return []
    return [row[2] for row in rows]


def _declared(text: str) -> tuple[str, int | None, int | None]:
    """The base name and the two numbers of a declared type.

    >>> _declared("DECIMAL(10, 2)"), _declared("Timestamp With Time Zone")
    (('decimal', 10, 2), ('timestamp with time zone', None, None))
    """
    match = _DECLARED.match(text or "")
    if match is None:
        return text.lower(), None, None
    name = " ".join(f"{match['name']} {match['rest'] or ''}".lower().split())
    first, second = match["first"], match["second"]
    return name, int(first) if first else None, int(second) if second else None
