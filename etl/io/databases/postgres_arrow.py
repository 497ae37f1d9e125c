"""PostgreSQL's rows by Arrow: ADBC reads binary COPY, several times as fast as a cursor."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.io.databases.decode import check_names
from etl.io.databases.postgres_types import modifier
from etl.io.databases.server_url import server_url
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
    """Connections of its own, outside of any transaction of the caller's."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._first: Any = None
        self._lock = threading.Lock()

    def _connect(self) -> Any:
        """A clone of the first connection: that one has read the catalogue of types, once."""
        import adbc_driver_postgresql.dbapi as adbc

        with self._lock:
            if self._first is None:
                at = self._settings
                url = server_url(at, "postgresql", connect_timeout=str(at.connect_timeout))
                self._first = adbc.connect(
                    url.render_as_string(hide_password=False), autocommit=True
                )
            return self._first.adbc_clone()

    def close(self) -> None:
        """Close the connection that the others are cloned from."""
        with self._lock:
            if self._first is not None:
                self._first.close()
                self._first = None

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
        # It becomes a part of COPY (...), where neither a semicolon nor a comment may end it.
        sql = sql.rstrip().rstrip(";") + "\n"
        connection = self._connect()
        try:
            cursor = connection.cursor()
            if snapshot is not None:
                cursor.execute(f"BEGIN {SNAPSHOT_MODE}")
                cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            # Asked before it runs: a COPY that is under way would have to be read to its end.
            schema = cursor.adbc_execute_schema(sql)
            check_names(schema.names)
            dtypes = self.dtypes(schema)
        except BaseException:
            connection.close()
            raise
        if dtypes is None:
            connection.close()
            return None
        return self._read(connection, cursor, sql, dtypes, batch_rows)

    @staticmethod
    def _read(
        connection: Any, cursor: Any, sql: str, dtypes: list[pl.DataType], batch_rows: int | None
    ) -> Iterator[pl.DataFrame]:
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
        finally:
            cursor.close()
            connection.close()


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
        series.append(values if values.dtype == dtype else values.cast(dtype))
    return pl.DataFrame(series)
