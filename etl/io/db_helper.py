"""The one door to databases.

Every function takes the database's name in ``config.yaml``; a URL or
:class:`~etl.config.DatabaseSettings` does as well.

>>> from etl.io import db_helper as db
>>> import polars as pl
>>> result = db.write_frame(pl.DataFrame({"id": [1, 2]}), "door", "sqlite://", mode="replace")
>>> db.read_frame("select max(id) as top from door", "sqlite://")["top"].to_list()
[2]
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from etl.config import DatabaseSettings, get_config
from etl.io.databases import open_database
from etl.io.databases.connection import Connection
from etl.io.frames import to_backend
from etl.io.loading import LoadResult, load
from etl.io.names import parse_table_name
from etl.io.reading import as_contract, frames_of, statement
from etl.io.source import silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import dataframely as dy
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import sqlalchemy as sa

    from etl.io.databases.base import Database
    from etl.io.databases.columns import Column
    from etl.io.frames import Backend, DtypeBackend
    from etl.io.loading import Mode
    from etl.io.preflight import OnPrecisionLoss
    from etl.io.source import Progress
    from etl.io.sql import Params

    Frame: TypeAlias = pl.DataFrame | pd.DataFrame | pa.Table
    Source: TypeAlias = str | tuple[str, str] | Path | sa.Select[Any]
    DatabaseLike: TypeAlias = str | DatabaseSettings

__all__ = [
    "LoadResult",
    "Transaction",
    "execute",
    "get_connection",
    "get_engine",
    "read_frame",
    "run_query",
    "table_columns",
    "transaction",
    "write_frame",
]


def _database(database: DatabaseLike) -> Database:
    if isinstance(database, DatabaseSettings):
        return open_database(database)
    if "://" in database:
        return open_database(DatabaseSettings.from_url(database))
    return open_database(get_config().database(database))


def get_connection(database: DatabaseLike) -> Connection:
    """A DBAPI connection from the pool.

    As a context manager it commits on success, rolls back on any error and goes back to the
    pool; without ``with``, call ``commit()`` and ``close()``.

    Raises
    ------
    ConfigError
        The name is unknown, the driver is missing or the login is refused.
    TransientError
        The server can't be reached.

    Examples
    --------
    >>> with get_connection("sqlite://") as connection:
    ...     connection.cursor().execute("select 1").fetchone()
    (1,)
    """
    return Connection(_database(database))


def get_engine(database: DatabaseLike) -> sa.Engine:
    """The SQLAlchemy engine, with its pool; one for each database of the process.

    >>> get_engine("sqlite://").dialect.name
    'sqlite'
    """
    return _database(database).engine


def run_query(sql: str, database: DatabaseLike, params: Params = None) -> pd.DataFrame:
    """The rows of a query as a pandas frame with numpy dtypes, as colleagues' scripts expect.

    >>> run_query("select :a as a", "sqlite://", {"a": 5})["a"].tolist()
    [5]
    """
    return read_frame(sql, database, params=params, backend="pandas", dtype_backend="numpy")


def execute(
    sql: str,
    database: DatabaseLike,
    params: Params = None,
    *,
    dialect: Literal["tsql"] | None = None,
) -> int:
    """Run one statement in a transaction of its own.

    Parameters
    ----------
    sql
        The engine's own dialect; parameters are ``:name`` (a mapping) or ``?`` (a sequence).
    database
        A name in config.yaml, a URL, or settings.
    params
        The values to bind.
    dialect
        ``tsql`` for text that is to run on every engine.

    Returns
    -------
    int
        Rows affected, by the driver's count; -1 where it gives none.

    Raises
    ------
    LoadError
        The database refused; nothing was changed.

    Examples
    --------
    >>> execute("create table if not exists noted (a int)", "sqlite://")
    -1
    """
    with transaction(database) as tx:
        return tx.execute(sql, params, dialect=dialect)


def _given(
    frame: pl.DataFrame,
    backend: Backend,
    dtype_backend: DtypeBackend,
    contract: type[dy.Schema] | None,
) -> Any:
    typed = frame if contract is None else as_contract(frame, contract)
    return to_backend(typed, backend, dtype_backend)


class Transaction:
    """Reads and writes that are committed together; made by :func:`transaction`."""

    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._database = database
        self.connection = connection

    def read_frame(
        self,
        source: Source,
        *,
        params: Params = None,
        backend: Backend = "polars",
        dtype_backend: DtypeBackend = "pyarrow",
        contract: type[dy.Schema] | None = None,
        dialect: Literal["tsql"] | None = None,
    ) -> Any:
        """As :func:`read_frame`, seeing what this transaction has written."""
        import polars as pl

        with self._database.translated():
            frames = frames_of(
                self._database, self.connection, source, params=params, dialect=dialect
            )
            frame = pl.concat(frames, rechunk=False)
            return _given(frame, backend, dtype_backend, contract)

    def write_frame(
        self,
        frame: Any,
        table: str | tuple[str, str],
        *,
        mode: Mode = "append",
        key: str | Sequence[str] | None = None,
        contract: type[dy.Schema] | None = None,
        create: Literal["auto"] | bool = "auto",
        allow_empty: bool = False,
        on_precision_loss: OnPrecisionLoss = "error",
        progress: Progress = silent,
    ) -> LoadResult:
        """As :func:`write_frame`, committed with the rest of the transaction."""
        with self._database.translated():
            return load(
                self._database,
                self.connection,
                frame,
                table,
                mode=mode,
                key=key,
                contract=contract,
                create=create,
                allow_empty=allow_empty,
                on_precision_loss=on_precision_loss,
                progress=progress,
            )

    def execute(
        self, sql: str, params: Params = None, *, dialect: Literal["tsql"] | None = None
    ) -> int:
        """As :func:`execute`, committed with the rest of the transaction."""
        with self._database.translated():
            text, values = statement(self._database, self.connection, sql, params, dialect=dialect)
            cursor = self._database.run(self.connection, text, values)
            try:
                return int(cursor.rowcount)
            finally:
                cursor.close()

    def table_columns(self, table: str | tuple[str, str]) -> list[Column] | None:
        """As :func:`table_columns`."""
        with self._database.translated():
            name = self._database.resolve(self.connection, parse_table_name(table))
            return self._database.columns(self.connection, name)


@contextmanager
def transaction(database: DatabaseLike) -> Iterator[Transaction]:
    """Several reads and writes with one commit at the end, or none of them.

    Examples
    --------
    >>> import polars as pl
    >>> with transaction("sqlite://") as tx:
    ...     _ = tx.write_frame(pl.DataFrame({"n": [1]}), "counts", mode="replace")
    ...     tx.read_frame("counts")["n"].sum()
    1
    """
    opened = _database(database)
    with opened.begin(write=True) as connection:
        yield Transaction(opened, connection)


@overload
def read_frame(
    source: Source,
    database: DatabaseLike,
    *,
    params: Params = ...,
    backend: Literal["polars"] = ...,
    contract: type[dy.Schema] | None = ...,
    dialect: Literal["tsql"] | None = ...,
) -> pl.DataFrame: ...
@overload
def read_frame(
    source: Source,
    database: DatabaseLike,
    *,
    params: Params = ...,
    backend: Literal["pandas"],
    dtype_backend: DtypeBackend = ...,
    contract: type[dy.Schema] | None = ...,
    dialect: Literal["tsql"] | None = ...,
) -> pd.DataFrame: ...
@overload
def read_frame(
    source: Source,
    database: DatabaseLike,
    *,
    params: Params = ...,
    backend: Literal["pyarrow"],
    contract: type[dy.Schema] | None = ...,
    dialect: Literal["tsql"] | None = ...,
) -> pa.Table: ...
@overload
def read_frame(
    source: Source,
    database: DatabaseLike,
    *,
    params: Params = ...,
    backend: Backend = ...,
    dtype_backend: DtypeBackend = ...,
    contract: type[dy.Schema] | None = ...,
    dialect: Literal["tsql"] | None = ...,
    batch_rows: int,
) -> Iterator[Frame]: ...
def read_frame(
    source: Source,
    database: DatabaseLike,
    *,
    params: Params = None,
    backend: Backend = "polars",
    dtype_backend: DtypeBackend = "pyarrow",
    contract: type[dy.Schema] | None = None,
    dialect: Literal["tsql"] | None = None,
    batch_rows: int | None = None,
) -> Frame | Iterator[Frame]:
    """Read a table, a query, a ``.sql`` file or a SQLAlchemy select.

    Parameters
    ----------
    source
        Text that begins with ``select``, ``with``, ``exec`` or ``values`` is SQL in the engine's
        dialect; a name ending in ``.sql`` (or a path) is a file of T-SQL; anything else is a
        table, and a ``(schema, table)`` tuple always is.
    database
        A name in config.yaml, a URL, or settings.
    params
        ``:name`` with a mapping, ``?`` with a sequence; a list as a value becomes ``(?, ?)``.
    backend
        ``polars``, ``pandas`` (Arrow dtypes; ``dtype_backend="numpy"`` for the old ones) or
        ``pyarrow``.
    contract
        Give the columns that it knows the dtypes that it declares, whatever the engine has.
    dialect
        ``tsql`` for text that is to run on every engine, as a ``.sql`` file does.
    batch_rows
        Give an iterator of frames of at most so many rows, in constant memory.

    Raises
    ------
    LoadError
        The table is missing, or the database refused.
    ContractError
        A parameter is missing, or two columns of the result have one name.

    Examples
    --------
    >>> read_frame("select 1 as a union select 2", "sqlite://", backend="pyarrow").num_rows
    2
    """
    import polars as pl

    opened = _database(database)
    if batch_rows is None:
        with opened.begin() as connection:
            frames = frames_of(opened, connection, source, params=params, dialect=dialect)
            frame = pl.concat(frames, rechunk=False)
            return _given(frame, backend, dtype_backend, contract)

    def batches() -> Iterator[Frame]:
        with opened.begin() as connection:
            for frame in frames_of(
                opened, connection, source, params=params, dialect=dialect, batch_rows=batch_rows
            ):
                yield _given(frame, backend, dtype_backend, contract)

    return batches()


def write_frame(
    frame: Any,
    table: str | tuple[str, str],
    database: DatabaseLike,
    *,
    mode: Mode = "append",
    key: str | Sequence[str] | None = None,
    contract: type[dy.Schema] | None = None,
    create: Literal["auto"] | bool = "auto",
    allow_empty: bool = False,
    on_precision_loss: OnPrecisionLoss = "error",
    progress: Progress = silent,
) -> LoadResult:
    """Write a frame into a table, all or nothing.

    After an error, a lost connection or a kill, the table is exactly the old one or exactly the
    new one, and readers never see anything in between.

    Parameters
    ----------
    frame
        A pandas or polars frame, a LazyFrame, a pyarrow Table or RecordBatchReader, anything with
        ``__arrow_c_stream__``, or an iterable of these, of one set of columns. Columns are matched
        by name; a NaN of a numpy-backed pandas frame is null, and its index is ignored.
    table
        ``name``, ``schema.name``, quoted parts as SQL has them, or a ``(schema, table)`` tuple.
    database
        A name in config.yaml, a URL, or settings.
    mode
        ``append``: old rows and the frame. ``insert``: old rows and those of the frame whose key
        is not there yet. ``upsert``: old rows, updated by key, and new ones. ``replace``: exactly
        the frame; the table object, its indexes, grants and triggers stay. ``sync``: exactly the
        frame, reached by key with the least change.
    key
        The key's columns for ``insert``, ``upsert`` and ``sync``, and for ``replace`` of a table
        that others reference; by default the contract's primary key. No unique index is needed.
    contract
        Every row must keep it; a missing table is created from it.
    create
        ``auto`` creates a missing table; False refuses.
    allow_empty
        Let ``replace`` empty the table.
    on_precision_loss
        ``truncate`` cuts digits of a second that the column can't hold.
    progress
        Called as rows are sent, with a label, the rows so far, and the frame's (None for a
        stream); a whole frame then goes in parts of 50 000 rows or more.

    Returns
    -------
    LoadResult
        Rows by what happened to them, the way in, and seconds by phase.

    Raises
    ------
    ContractError
        The frame does not fit the table, or breaks the contract: every column at fault is named,
        with a count and examples, and nothing was sent.
    LoadError
        The database refused; the table is as it was.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"item_id": [1, 2], "note": ["a", None]})
    >>> result = write_frame(frame, "dbo.notes", "sqlite://", mode="replace")
    >>> result.rows, result.inserted, result.deleted
    (2, 2, 0)
    """
    with transaction(database) as tx:
        return tx.write_frame(
            frame,
            table,
            mode=mode,
            key=key,
            contract=contract,
            create=create,
            allow_empty=allow_empty,
            on_precision_loss=on_precision_loss,
            progress=progress,
        )


def table_columns(table: str | tuple[str, str], database: DatabaseLike) -> list[Column] | None:
    """The live table's columns, in its order; None where there is no such table.

    >>> table_columns("nowhere", "sqlite://") is None
    True
    """
    opened = _database(database)
    with opened.begin() as connection:
        return Transaction(opened, connection).table_columns(table)
