"""PostgreSQL's rows by Arrow: ADBC reads binary COPY, several times as fast as a cursor."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.errors import LoadError
from etl.io.databases.decode import check_names
from etl.io.databases.postgres_types import modifier, postgres_url
from etl.io.sql_types import read_dtype

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.config import DatabaseSettings

__all__ = ["SNAPSHOT_MODE", "ArrowReader"]

SNAPSHOT_MODE: Final = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
"""Of a transaction that others can see the same rows as."""

# Types that arrive by Arrow as the type table has them. Others (arrays, intervals, addresses, a
# numeric without a scale) take the cursor, whose text forms are complete.
_EXACT: Final = frozenset(
    [
        "bool",
        "int2",
        "int4",
        "int8",
        "float4",
        "float8",
        "text",
        "varchar",
        "bpchar",
        "name",
        "json",
        "jsonb",
        "bytea",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "numeric",
    ]
)


class ArrowReader:
    """Connections of its own, outside of any transaction of the caller's.

    The first reads the catalogue of types, and stays open: reads one after the other use it, and
    those at the same time a clone each.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._first: Any = None
        self._free = False
        self._lock = threading.Lock()

    def _take(self, *, new: bool = False) -> tuple[Any, bool]:
        """A connection, and whether it was used before, so that it may be lost by now."""
        import adbc_driver_postgresql.dbapi as adbc

        with self._lock:
            if self._first is None:
                at = self._settings
                url = postgres_url(at, "postgresql", connect_timeout=str(at.connect_timeout))
                self._first = adbc.connect(
                    url.render_as_string(hide_password=False), autocommit=True
                )
                return self._first, False
            if self._free and not new:
                self._free = False
                return self._first, True
            return self._first.adbc_clone(), False

    def _give_back(self, connection: Any, *, fit: bool) -> None:
        """Keep the first connection if it is fit for another read; close all others."""
        with self._lock:
            first = connection is self._first
            if first and fit:
                self._free = True
                return
            if first:
                self._first, self._free = None, False
        connection.close()

    def close(self) -> None:
        """Close the connection that the others are cloned from."""
        with self._lock:
            first, self._first, self._free = self._first, None, False
        if first is not None:
            first.close()

    def dtypes(self, schema: Any) -> list[pl.DataType] | None:
        """The columns' types; None where one does not arrive exactly by Arrow."""
        found: list[pl.DataType] = []
        for field in schema:
            metadata = field.metadata or {}
            name = metadata.get(b"POSTGRESQL:type", b"").decode()
            typmod = int(metadata.get(b"POSTGRESQL:typmod", b"-1"))
            _, precision, scale = modifier(name, typmod)
            dtype = read_dtype(name, "postgresql", precision=precision, scale=scale)
            if name not in _EXACT or dtype is None or not _holds(dtype):
                return None
            found.append(dtype)
        return found

    def frames(
        self, sql: str, *, batch_rows: int | None, snapshot: str | None = None
    ) -> Iterator[pl.DataFrame] | None:
        """The rows of a statement without parameters; None where the cursor has to read them.

        ``snapshot`` is the name of one that an open transaction has exported.
        """
        import adbc_driver_manager as adbc

        # It becomes a part of COPY (...), where neither a semicolon nor a comment may end it.
        sql = sql.rstrip().rstrip(";") + "\n"
        connection, used = self._take(new=snapshot is not None)
        try:
            found = self._prepared(connection, sql, snapshot)
        except BaseException as error:
            self._give_back(connection, fit=False)
            # Lost while it lay idle: the server was restarted, say. Its errors have a SQLSTATE.
            if used and isinstance(error, adbc.Error) and not error.sqlstate:
                return self.frames(sql, batch_rows=batch_rows, snapshot=snapshot)
            raise
        if found is None:
            self._give_back(connection, fit=snapshot is None)
            return None
        return self._read(connection, *found, batch_rows=batch_rows, again=snapshot is None)

    def _prepared(
        self, connection: Any, sql: str, snapshot: str | None
    ) -> tuple[Any, str, list[pl.DataType]] | None:
        """A cursor, what it is to run, and the types of the columns."""
        cursor = connection.cursor()
        if snapshot is not None:
            cursor.execute(f"BEGIN {SNAPSHOT_MODE}")
            cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        # Asked before it runs: a COPY that is under way would have to be read to its end.
        schema = cursor.adbc_execute_schema(sql)
        check_names(schema.names)
        dtypes = self.dtypes(schema)
        if dtypes is None:
            cursor.close()
            return None
        return cursor, _with_text(cursor, sql, schema.names, dtypes), dtypes

    def _read(
        self,
        connection: Any,
        cursor: Any,
        sql: str,
        dtypes: list[pl.DataType],
        *,
        batch_rows: int | None,
        again: bool,
    ) -> Iterator[pl.DataFrame]:
        whole = False
        try:
            cursor.execute(sql)
            reader = cursor.fetch_record_batch()
            empty = True
            for batch in reader:
                frame = _typed(batch, dtypes)
                for part in frame.iter_slices(batch_rows) if batch_rows else [frame]:
                    empty = False
                    yield part
            if empty:
                yield _typed(reader.schema.empty_table(), dtypes)
            whole = True
        finally:
            cursor.close()
            # What was not read to its end is still under way on that connection.
            self._give_back(connection, fit=whole and again)


def _with_text(cursor: Any, sql: str, names: list[str], dtypes: list[pl.DataType]) -> str:
    """The query with its numerics as the server's text: ADBC takes five times as long to make it.

    As it is where it can't stand in FROM: an INSERT ... RETURNING, say.
    """
    if not any(isinstance(dtype, pl.Decimal) for dtype in dtypes):
        return sql
    import adbc_driver_manager as adbc

    picked = []
    for name, dtype in zip(names, dtypes, strict=True):
        column = '"' + name.replace('"', '""') + '"'
        picked.append(f"{column}::text" if isinstance(dtype, pl.Decimal) else column)
    wrapped = f"SELECT {', '.join(picked)} FROM (\n{sql}) AS q"
    try:
        cursor.adbc_execute_schema(wrapped)
    except adbc.Error:
        return sql
    return wrapped


def _holds(dtype: pl.DataType) -> bool:
    return not isinstance(dtype, pl.Decimal) or (dtype.precision <= 38 and dtype.scale >= 0)


def _extends(arrow_type: Any) -> bool:
    return hasattr(arrow_type, "storage_type")


def _typed(data: Any, dtypes: list[pl.DataType]) -> pl.DataFrame:
    """Arrow's columns in the type table's types: a numeric arrives as text within an extension."""
    series = []
    for name, column, dtype in zip(data.schema.names, data.columns, dtypes, strict=True):
        plain = column.cast(column.type.storage_type) if _extends(column.type) else column
        values = pl.Series(name, plain)
        series.append(values if values.dtype == dtype else _cast(values, dtype))
    return pl.DataFrame(series)


def _cast(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    try:
        return values.cast(dtype)
    except pl.exceptions.PolarsError as error:  # a numeric may be NaN or infinite
        raise LoadError(
            f"column {values.name!r} is a {dtype}, and a value does not fit: "
            f"{str(error).splitlines()[0]}; cast it in the query"
        ) from error
