"""Fill a SQL Server table fast: pyodbc's arrays of parameters, mssql-python's Arrow bulk copy.

Neither trusts its own count: the caller asks the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.errors import ContractError
from etl.io.databases.odbc import import_pyodbc
from etl.io.source import silent
from etl.io.sql_types import utf16_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.io.databases.columns import Column
    from etl.io.source import Progress

__all__ = ["Binding", "bindings", "bulk_copy", "drain", "fast_insert", "is_microsoft"]

CHUNK_BYTES: Final = 16 * 2**20
"""What one array of parameters may take; pyodbc allocates it, and the driver sends it, as a whole."""
_SLICE_ROWS: Final = 20_000
_INDICATOR_BYTES: Final = 8
_NVARCHAR_UNITS: Final = 4000
_VARBINARY_BYTES: Final = 8000
_FRACTION: Final = "%H:%M:%S%.6f"

# ODBC's numbers, so that binding needs no pyodbc: sql.h and sqlext.h.
_SQL_DECIMAL, _SQL_INTEGER, _SQL_SMALLINT, _SQL_FLOAT = 3, 4, 5, 6
_SQL_BIGINT, _SQL_BIT, _SQL_DATE, _SQL_TIMESTAMP = -5, -7, 91, 93
_SQL_WVARCHAR, _SQL_WLONGVARCHAR, _SQL_VARBINARY, _SQL_LONGVARBINARY = -9, -10, -3, -4


@dataclass(frozen=True)
class Binding:
    """How one column's values are bound: ``setinputsizes``' triple, and the bytes a row takes."""

    sql_type: int
    size: int
    digits: int
    row_bytes: int

    @property
    def inputsize(self) -> tuple[int, int, int]:
        """As pyodbc's ``setinputsizes`` takes it."""
        return self.sql_type, self.size, self.digits


# dtype -> its binding, where the data does not matter. A tinyint goes as a smallint: ODBC's
# SQL_TINYINT is signed, SQL Server's is not.
_FIXED: Final[dict[type[pl.DataType], Binding]] = {
    pl.Boolean: Binding(_SQL_BIT, 1, 0, 1),
    pl.UInt8: Binding(_SQL_SMALLINT, 5, 0, 8),
    pl.Int8: Binding(_SQL_SMALLINT, 5, 0, 8),
    pl.Int16: Binding(_SQL_SMALLINT, 5, 0, 8),
    pl.Int32: Binding(_SQL_INTEGER, 10, 0, 8),
    pl.Int64: Binding(_SQL_BIGINT, 19, 0, 8),
    pl.Float32: Binding(_SQL_FLOAT, 53, 0, 8),
    pl.Float64: Binding(_SQL_FLOAT, 53, 0, 8),
    pl.Date: Binding(_SQL_DATE, 10, 0, 6),
    # datetime2(7): fewer digits would cut microseconds (pyodbc issues 540, 1219).
    pl.Datetime: Binding(_SQL_TIMESTAMP, 27, 7, 16),
}


def bindings(frame: pl.DataFrame, *, microsoft: bool = True) -> list[Binding]:
    """How the columns of a frame are bound, one type each, sized from the data.

    Sizes of text and binary are rounded up to a power of two: chunks then share a prepared
    statement. Microsoft's driver takes a size of 0 for ``max``; others need the length.

    >>> frame = pl.DataFrame({"a": ["x", "🎉🎉🎉", None], "b": [1, 2, 3]})
    >>> [binding.inputsize for binding in bindings(frame)]
    [(-9, 8, 0), (-5, 19, 0)]
    """
    return [_binding(frame, name, dtype, microsoft) for name, dtype in frame.schema.items()]


def _binding(frame: pl.DataFrame, name: str, dtype: pl.DataType, microsoft: bool) -> Binding:
    if isinstance(dtype, pl.Decimal):
        return Binding(_SQL_DECIMAL, dtype.precision, dtype.scale, 19)
    if dtype == pl.String:
        units = frame.select(utf16_length(name).max()).item() or 0
        size = _rounded(units)
        if units > _NVARCHAR_UNITS:
            kind = (_SQL_WVARCHAR, 0) if microsoft else (_SQL_WLONGVARCHAR, size)
            return Binding(*kind, 0, 2 * units)
        return Binding(_SQL_WVARCHAR, min(size, _NVARCHAR_UNITS), 0, 2 * size)
    if dtype == pl.Binary:
        length = frame.select(pl.col(name).bin.size("b").max()).item() or 0
        size = _rounded(length)
        if length > _VARBINARY_BYTES:
            kind = (_SQL_VARBINARY, 0) if microsoft else (_SQL_LONGVARBINARY, size)
            return Binding(*kind, 0, length)
        return Binding(_SQL_VARBINARY, min(size, _VARBINARY_BYTES), 0, size)
    try:
        return _FIXED[dtype.base_type()]
    except KeyError:
        raise ContractError(
            f"{name}: {dtype} can't be bound; cast it to the column's type"
        ) from None


def _rounded(length: int) -> int:
    return 1 << max(0, length - 1).bit_length()


def is_microsoft(connection: Any) -> bool:
    """Whether a pyodbc connection goes through Microsoft's driver.

    Only that one is known to take ``fast_executemany``: FreeTDS and others crash or corrupt
    (pyodbc issues 381, 459).
    """
    name = str(connection.getinfo(import_pyodbc().SQL_DRIVER_NAME)).lower()
    return "msodbcsql" in name


def fast_insert(
    cursor: Any,
    insert_sql: str,
    frame: pl.DataFrame,
    columns: Sequence[Column],
    *,
    progress: Progress = silent,
    chunk_bytes: int = CHUNK_BYTES,
    fast: bool | None = None,
) -> None:
    """Insert a frame's rows by pyodbc, a chunk of rows in one round trip.

    Parameters
    ----------
    cursor
        A pyodbc cursor of this load's own, with autocommit off; the caller commits, and counts.
    insert_sql
        ``INSERT`` with a ``?`` for each column.
    frame
        Any number of rows, each column of its :class:`Column`'s dtype.
    columns
        As many as the frame has, in its order.
    progress
        Called after each chunk with rows sent, and rows in all.
    chunk_bytes
        What one array of parameters may take in memory.
    fast
        ``fast_executemany`` on or off; None: on with Microsoft's driver.

    Raises
    ------
    ContractError
        A column is not of its type, or holds NaN or infinity. Nothing was sent.
    """
    _check(frame, columns)
    if frame.is_empty() or not columns:
        return  # executemany refuses an empty list
    microsoft = is_microsoft(cursor.connection)
    cursor.fast_executemany = microsoft if fast is None else fast
    sent = 0
    for part in frame.iter_slices(_SLICE_ROWS):
        ready = _bindable(part)
        bound = bindings(ready, microsoft=microsoft)
        # Always: without it, a None or another size of text begins a new batch, and a column of
        # nulls is described by asking the server.
        cursor.setinputsizes([binding.inputsize for binding in bound])
        row_bytes = sum(binding.row_bytes + _INDICATOR_BYTES for binding in bound)
        for chunk in ready.iter_slices(max(1, chunk_bytes // row_bytes)):
            rows = chunk.rows()  # a list: a generator would be sent row by row (pyodbc issue 500)
            cursor.executemany(insert_sql, rows)
            drain(cursor)
            sent += len(rows)
            progress("rows", sent, frame.height)


def _check(frame: pl.DataFrame, columns: Sequence[Column]) -> None:
    problems = []
    for column, (name, dtype) in zip(columns, frame.schema.items(), strict=True):
        if dtype != column.dtype:
            problems.append(f"{name}: {dtype}, and the column takes {column.dtype}")
        elif dtype.is_float() and not frame[name].is_finite().all():
            problems.append(f"{name}: NaN or infinity, which {column.type} has no value for")
    if problems:
        raise ContractError("the frame can't be sent:\n  " + "\n  ".join(problems))


def _bindable(frame: pl.DataFrame) -> pl.DataFrame:
    """Times and aware datetimes as ISO text: pyodbc drops an offset (issue 810) and binds a time by
    a type that only one driver knows; the server reads the text in any language setting.
    """
    changes = []
    for name, dtype in frame.schema.items():
        if dtype == pl.Time:
            changes.append(pl.col(name).dt.to_string(_FRACTION))
        elif isinstance(dtype, pl.Datetime) and dtype.time_zone:
            utc = pl.col(name).dt.convert_time_zone("UTC")
            changes.append(utc.dt.to_string(f"%Y-%m-%d {_FRACTION} +00:00"))
    return frame.with_columns(changes) if changes else frame


def drain(cursor: Any) -> list[Any]:
    """Go through all that a statement gave; gives the rows of the last result set.

    An error of a later row or statement shows only here (pyodbc issues 665, 1053).
    """
    rows: list[Any] = []
    while True:
        if cursor.description is not None:
            rows = list(cursor.fetchall())
        if not cursor.nextset():
            return rows


def bulk_copy(
    connection: Any,
    table: str,
    frame: pl.DataFrame,
    *,
    table_lock: bool = False,
    progress: Progress = silent,
) -> None:
    """Append a frame to a table by mssql-python's bulk copy.

    It opens a session of its own: the table has to be committed, and what it writes stays when
    the caller rolls back. So it fills staging tables only. After an error the table may hold a
    part: drop it, never continue by other means.

    Parameters
    ----------
    connection
        mssql-python's; says where to connect, and how to log in.
    table
        As it stands in a statement, one or two parts.
    frame
        Its columns are matched to the table's by name. Aware datetimes have to be in UTC:
        1.16 sends the local time with the offset, and the value would shift.
    table_lock
        Lock the table as a whole: a table without an index then takes several sessions at once,
        and the server may write its pages and not its rows into the log
        (learn.microsoft.com/sql/relational-databases/import-export/prerequisites-for-minimal-logging-in-bulk-import).
        Babelfish refuses it.
    progress
        Called at the end: the copy is one call.
    """
    for name, dtype in frame.schema.items():
        if isinstance(dtype, pl.Datetime) and dtype.time_zone not in (None, "UTC"):
            raise ContractError(f"{name}: {dtype} has to be converted to UTC first")
    if frame.is_empty():
        return
    cursor = connection.cursor()
    try:
        cursor.bulkcopy_arrow(
            table,
            # Polars' own string views are newer than what every Arrow reader takes.
            frame.to_arrow(compat_level=pl.CompatLevel.oldest()),
            timeout=0,  # its default ends a load after 30 seconds
            column_mappings=frame.columns,  # by name; its default is by position
            keep_nulls=True,  # else a null becomes the column's default
            table_lock=table_lock,
        )
    finally:
        cursor.close()
    progress("rows", frame.height, frame.height)
