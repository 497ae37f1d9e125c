"""Rows out of SQLite by ADBC, twice as fast as by a cursor: through a scratch file of our own.

ADBC never opens the database itself; :mod:`etl.io.databases.sqlite_scratch` says why.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.io.databases.sqlite_scratch import PREFIX, opened
from etl.io.databases.sqlite_values import raw_dtype, typed
from etl.io.databases.stages import stage_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from etl.io.databases.decode import ResultColumn

__all__ = ["read_by_adbc"]

_LEAST_ROWS: Final = 20_000
_MOST_PARTS: Final = 4

# Stored type -> affinity of the scratch column, and a value that tells ADBC the column's type: it
# goes by the first rows, where a column may be null.
_SHAPES: Final[dict[pl.DataType, tuple[str, str]]] = {
    pl.Int64(): ("INTEGER", "0"),
    pl.Float64(): ("REAL", "0.0"),
    pl.String(): ("", "''"),
    pl.Binary(): ("", "x'00'"),
}


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
    if not shapes or None in shapes:
        return None
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as directory:
        path = Path(directory) / "r"
        try:
            rows = _copy(connect, path, sql, values, [shape for shape in shapes if shape])
        except sqlite3.Error:  # no SELECT, or no room for the copy
            return None
        parts = max(1, min(_MOST_PARTS, os.cpu_count() or 1, rows // _LEAST_ROWS))
        size = max(1, -(-rows // parts))
        with ThreadPoolExecutor(parts) as pool:
            found = pool.map(
                lambda start: _part(path, columns, start, start + size - 1),
                range(2, rows + 2, size),
            )
            frames = list(found)
    kept = [frame for frame in frames if frame is not None]
    return kept if kept and len(kept) == len(frames) else None


def _copy(
    connect: Callable[[], sqlite3.Connection],
    path: Path,
    sql: str,
    values: Sequence[Any] | None,
    shapes: Sequence[tuple[str, str]],
) -> int:
    """Write a query's rows into a new file, from the second row on; gives how many they are."""
    with closing(connect()) as raw:
        raw.execute(f"ATTACH ? AS {PREFIX}", (str(path),))
        for pragma in ("journal_mode = OFF", "synchronous = OFF"):
            raw.execute(f"PRAGMA {PREFIX}.{pragma}").fetchall()
        lines = zip(stage_columns(shapes), shapes, strict=True)
        raw.execute(
            f"CREATE TABLE {PREFIX}.r ({', '.join(f'{name} {kind}' for name, (kind, _) in lines)})"
        )
        raw.execute(f"INSERT INTO {PREFIX}.r VALUES ({', '.join(value for _, value in shapes)})")
        return int(raw.execute(f"INSERT INTO {PREFIX}.r {sql}", tuple(values or ())).rowcount)


def _part(
    path: Path, columns: Sequence[ResultColumn], first: int, last: int
) -> pl.DataFrame | None:
    """The rows from one number to another; None where a value is not of its column's type."""
    import adbc_driver_manager as adbc
    import pyarrow as pa

    sql = (
        "SELECT * FROM r WHERE rowid = 1 UNION ALL "
        f"SELECT * FROM r WHERE rowid BETWEEN {first} AND {last}"
    )
    try:
        with opened(path) as run:
            table = run(sql, batch_rows=last - first + 2)
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
