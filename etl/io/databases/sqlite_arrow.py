"""Rows out of SQLite by ADBC, faster than by a cursor: through a scratch file of our own.

ADBC never opens the database itself; :mod:`etl.io.databases.sqlite_scratch` says why. Where the rows
are a whole table's, the file declares the columns as the table does, and SQLite copies whole records.
"""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import polars as pl

from etl.io.databases.sqlite_scratch import PREFIX, declared_type, opened
from etl.io.databases.sqlite_values import raw_dtype, typed
from etl.io.databases.stages import stage_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from etl.io.databases.decode import ResultColumn

__all__ = ["WholeTable", "read_by_adbc"]

_LEAST_ROWS: Final = 20_000
_MOST_PARTS: Final = 4
_PAGE_BYTES: Final = 65_536
_LAST: Final = 2**63 - 1

# Stored type -> affinity of the scratch column, and a value that tells ADBC the column's type: it
# goes by the first rows, where a column may be null.
_SHAPES: Final[dict[pl.DataType, tuple[str, str]]] = {
    pl.Int64(): ("INTEGER", "0"),
    pl.Float64(): ("REAL", "0.0"),
    pl.String(): ("", "''"),
    pl.Binary(): ("", "x'00'"),
}

_QUOTED: Final = '"(?:[^"]|"")+"'
_WHOLE: Final = re.compile(
    rf"\s*select\s+(?P<columns>\*|{_QUOTED}(?:, {_QUOTED})*)"
    rf"\s+from\s+(?P<name>[a-z_][a-z0-9_]*|{_QUOTED})\s*;?\s*",
    re.IGNORECASE | re.ASCII,
)


class WholeTable(NamedTuple):
    """A query for all rows of one table: the table and the columns as they stand in it."""

    table: str
    columns: str

    @classmethod
    def of(cls, sql: str) -> Self | None:
        """None for every other query.

        >>> WholeTable.of('SELECT "id", "note" FROM "t"')
        WholeTable(table='"t"', columns='"id", "note"')
        >>> WholeTable.of("select * from t where id = 1") is None
        True
        """
        match = _WHOLE.fullmatch(sql)
        return cls(match["name"], match["columns"]) if match else None

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table[1:-1].replace('""', '"') if self.table[0] == '"' else self.table


def read_by_adbc(
    connect: Callable[[], sqlite3.Connection],
    sql: str,
    values: Sequence[Any] | None,
    columns: Sequence[ResultColumn],
) -> list[pl.DataFrame] | None:
    """The rows of a query; None where the cursor has to read them, and to tell what is wrong.

    Parameters
    ----------
    connect
        Opens the database anew: the rows are those of one moment, now.
    sql, values
        A query, and the values that it binds.
    columns
        Its columns, with a type each.
    """
    dtypes = [column.dtype for column in columns]
    shapes = [_SHAPES.get(raw_dtype(dtype)) if dtype is not None else None for dtype in dtypes]
    known = [shape for shape in shapes if shape is not None]
    if not known or len(known) < len(shapes):
        return None
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as directory:
        path = Path(directory) / "r"
        try:
            parts = _copy(connect, path, sql, values, [shape for shape, _ in known])
        except sqlite3.Error:  # no SELECT, or no room for the copy
            return None
        examples = ", ".join(example for _, example in known)
        with ThreadPoolExecutor(len(parts)) as pool:
            frames = list(pool.map(partial(_part, path, columns, examples), parts))
    kept = [frame for frame in frames if frame is not None]
    return kept if kept and len(kept) == len(frames) else None


class _Part(NamedTuple):
    """Rows of the scratch file from one number on to another."""

    first: int
    after: int
    rows: int


def _copy(
    connect: Callable[[], sqlite3.Connection],
    path: Path,
    sql: str,
    values: Sequence[Any] | None,
    affinities: Sequence[str],
) -> list[_Part]:
    """Write a query's rows into a new file; gives the parts to read them in, at least one."""
    with closing(connect()) as raw:
        raw.execute(f"ATTACH ? AS {PREFIX}", (str(path),))
        for pragma in (f"page_size = {_PAGE_BYTES}", "journal_mode = OFF", "synchronous = OFF"):
            raw.execute(f"PRAGMA {PREFIX}.{pragma}").fetchall()
        raw.execute("BEGIN")
        whole = None if values else WholeTable.of(sql)
        declared = None if whole is None else _declared_alike(raw, whole)
        if whole is not None and declared is not None:
            sql = f"SELECT * FROM {whole.table}"  # this very form is what SQLite copies records for
        lines = zip(stage_columns(affinities), declared or affinities, strict=True)
        raw.execute(f"CREATE TABLE {PREFIX}.r ({', '.join(map(' '.join, lines))})")
        rows = raw.execute(f"INSERT INTO {PREFIX}.r {sql}", tuple(values or ())).rowcount
        parts = max(1, min(_MOST_PARTS, os.cpu_count() or 1, rows // _LEAST_ROWS))
        ends = [rows * part // parts for part in range(parts + 1)]
        number = f"SELECT rowid FROM {PREFIX}.r ORDER BY rowid LIMIT 1 OFFSET ?"
        # Of a table whose key numbers its rows, these are not 1, 2, 3 ...
        edges = [raw.execute(number, (at,)).fetchone() for at in ends]
        raw.execute("COMMIT")
    firsts = [edge[0] if edge else _LAST for edge in edges]
    return [
        _Part(first, after, end - start)
        for first, after, start, end in zip(firsts, firsts[1:], ends, ends[1:], strict=False)
    ]


def _declared_alike(raw: sqlite3.Connection, whole: WholeTable) -> list[str] | None:
    """A table's columns as it declares them, if a query picks all of them in its order."""
    columns = raw.execute(
        'SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?)', (whole.name,)
    ).fetchall()
    quoted = ['"' + column[0].replace('"', '""') + '"' for column in columns]
    picked = whole.columns in {"*", ", ".join(quoted)}
    if not picked or any(hidden for *_, hidden in columns):
        return None
    declared = [declared_type(text, notnull=bool(notnull)) for _, text, notnull, *_ in columns]
    keys = [n for n, column in enumerate(columns) if column[3]]
    if len(keys) == 1 and columns[keys[0]][1].upper() == "INTEGER":
        key = quoted[keys[0]]
        apart = f"SELECT 1 FROM {whole.table} WHERE rowid IS NOT {key} OR {key} IS NULL LIMIT 1"
        try:
            numbers = raw.execute(apart).fetchone() is None
        except sqlite3.OperationalError:  # a table without a rowid
            numbers = False
        if numbers:  # the key is the rows' number, which their records do not hold
            declared[keys[0]] += " PRIMARY KEY"
    return declared


def _part(
    path: Path, columns: Sequence[ResultColumn], examples: str, part: _Part
) -> pl.DataFrame | None:
    """The rows of a part; None where a value is not of its column's type."""
    import adbc_driver_manager as adbc
    import pyarrow as pa

    sql = (
        f"SELECT {examples} UNION ALL "
        f"SELECT * FROM r WHERE rowid >= {part.first} AND rowid < {part.after}"
    )
    try:
        with opened(path) as run:
            table = run(sql, batch_rows=part.rows + 1)
        table.validate(full=True)  # other tools may have stored text that is no UTF-8
    except (adbc.Error, pa.ArrowInvalid):
        return None
    series = []
    for column, data in zip(columns, table.columns, strict=True):
        raw = pl.Series(column.name, data)[1:]
        if column.dtype is None or raw.dtype != raw_dtype(column.dtype):
            return None
        series.append(typed(raw, column.dtype))
    return pl.DataFrame(series)
