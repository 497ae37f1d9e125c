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
from etl.errors import ContractError
from etl.io.databases import open_database
from etl.io.databases.connection import Connection
from etl.io.loading import LoadResult
from etl.io.options import WriteOptions
from etl.io.partitions import read_partitions
from etl.io.reading import frames_of
from etl.io.retrying import write
from etl.io.scanning import SCAN_ROWS, scan
from etl.io.source import silent
from etl.io.sweeping import DAY, StagingTable
from etl.io.sweeping import sweep as sweep_stages
from etl.io.transaction import Transaction, given

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    import dataframely as dy
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import sqlalchemy as sa

    from etl.io.databases.base import Database
    from etl.io.databases.columns import Column
    from etl.io.frames import Backend, DtypeBackend
    from etl.io.options import Mode, OnDuplicate, OnNewColumns, OnPrecisionLoss, OnWiden
    from etl.io.reading import Source
    from etl.io.source import Progress
    from etl.io.sql import Params

    Frame: TypeAlias = pl.DataFrame | pd.DataFrame | pa.Table
    DatabaseLike: TypeAlias = str | DatabaseSettings

__all__ = [
    "LoadResult",
    "Transaction",
    "execute",
    "get_connection",
    "get_engine",
    "read_frame",
    "run_query",
    "scan_frame",
    "sweep",
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
    partition_on: str | None = ...,
    partitions: int = ...,
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
    partition_on: str | None = ...,
    partitions: int = ...,
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
    partition_on: str | None = ...,
    partitions: int = ...,
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
    partition_on: str | None = None,
    partitions: int = 8,
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
    partition_on
        Read in ranges of this column, of integers, decimals, dates or datetimes, up to eight at a
        time; the rows come in the ranges' order, those where it is null last. Good for a large
        table with an index on the column. Ranges see one snapshot on PostgreSQL, SQLite and DuckDB
        (the last two read one after the other); on SQL Server each sees what is committed when it
        begins, so a table that is written to meanwhile can give rows of different moments. Not
        with ``batch_rows``.
    partitions
        How many ranges, of one width each.

    Raises
    ------
    LoadError
        The table is missing, or the database refused.
    ContractError
        A parameter is missing, two columns of the result have one name, or ``partition_on`` is
        no column that ranges can be cut of.

    Examples
    --------
    >>> read_frame("select 1 as a union select 2", "sqlite://", backend="pyarrow").num_rows
    2
    """
    import polars as pl

    opened = _database(database)
    if partition_on is not None:
        if batch_rows is not None:
            raise ContractError("partition_on reads everything at once: leave out batch_rows")
        frame = read_partitions(
            opened, source, on=partition_on, partitions=partitions, params=params, dialect=dialect
        )
        return given(frame, backend, dtype_backend, contract)
    if batch_rows is None:
        with opened.begin() as connection:
            frames = frames_of(opened, connection, source, params=params, dialect=dialect)
            frame = pl.concat(frames, rechunk=False)
            return given(frame, backend, dtype_backend, contract)

    def batches() -> Iterator[Frame]:
        with opened.begin() as connection:
            for frame in frames_of(
                opened, connection, source, params=params, dialect=dialect, batch_rows=batch_rows
            ):
                yield given(frame, backend, dtype_backend, contract)

    return batches()


def scan_frame(
    source: Source,
    database: DatabaseLike,
    *,
    params: Params = None,
    batch_rows: int = SCAN_ROWS,
    contract: type[dy.Schema] | None = None,
    dialect: Literal["tsql"] | None = None,
) -> pl.LazyFrame:
    """A table or a query as a polars LazyFrame that reads no more than a plan asks for.

    Columns, a row limit and what SQL can say of a filter run in the database: comparisons, ``is_in``,
    ``is_between``, tests for null, ``starts_with``, and, or, not. polars does the rest and filters
    what arrives again, so the rows are those of reading all. Every ``collect`` reads anew.

    Parameters
    ----------
    source, database, params, dialect
        As for :func:`read_frame`; a procedure can't be scanned.
    batch_rows
        Rows that are fetched at a time.
    contract
        Give the columns that it knows the dtypes that it declares.

    Returns
    -------
    polars.LazyFrame
        Its ``explain()`` shows the SQL without a filter; the logger ``etl.io.scanning`` tells each
        statement that is sent (level DEBUG, without values).

    Raises
    ------
    LoadError
        The table is missing, or the database refused: now, or when it is collected.
    ContractError
        A parameter is missing, or two columns of the result have one name.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"id": [1, 2, 3], "note": ["a", None, "b"]})
    >>> result = write_frame(frame, "scanned", "sqlite://", mode="replace")
    >>> lazy = scan_frame("scanned", "sqlite://").filter(pl.col("id") > 1).select("note")
    >>> lazy.collect()["note"].to_list()
    [None, 'b']
    >>> print(lazy.explain())
    simple π 1/1 ["note"]
      PYTHON[SQLite] SCAN []
      PROJECT */2 COLUMNS
      SELECTION: col("id") > 1
      INFO: SELECT "id", "note" FROM "scanned"
    """
    return scan(
        _database(database),
        source,
        params=params,
        batch_rows=batch_rows,
        contract=contract,
        dialect=dialect,
    )


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
    on_duplicate: OnDuplicate = "error",
    order_by: str | None = None,
    on_new_columns: OnNewColumns = "error",
    on_widen: OnWiden = "error",
    on_precision_loss: OnPrecisionLoss = "error",
    loader: str | None = None,
    workers: int = 1,
    progress: Progress = silent,
) -> LoadResult:
    """Write a frame into a table, all or nothing.

    After an error, a lost connection or a kill, the table is exactly the old one or exactly the
    new one, and readers never see anything in between. A transient fault (a deadlock, a lost
    connection) is met by writing all of it again, at most four times within a minute; what was
    committed without an answer is not written twice.

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
        Let ``replace`` and ``sync`` empty the table.
    on_duplicate
        Rows of one key: ``error``, or ``last`` keeps that with the greatest ``order_by``.
    order_by
        The column that says which row is the last.
    on_new_columns
        A column that the table lacks: ``error``, ``add`` it to the table, or ``ignore`` it.
    on_widen
        Text that is too long for its column: ``error``, or ``widen`` the column (PostgreSQL, SQL
        Server). Of a stream, the first batch tells.
    on_precision_loss
        ``truncate`` cuts digits of a second that the column can't hold.
    loader
        The way in; by default the fastest for so many rows of what is installed. SQL Server:
        ``bulk_copy``, ``fast_executemany``, ``executemany``; PostgreSQL: ``copy``, ``executemany``;
        SQLite: ``adbc`` (whole frames), ``executemany``; DuckDB: ``arrow``.
    workers
        Send the rows over so many connections at once, through a staging table (PostgreSQL, SQL
        Server); the others are written over one.
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
        with a count and examples, and nothing was sent. Or the engine has no such loader.
    ConfigError
        The loader lacks a package or a driver.
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
    options = WriteOptions(
        mode=mode,
        key=key,
        contract=contract,
        create=create,
        allow_empty=allow_empty,
        on_duplicate=on_duplicate,
        order_by=order_by,
        on_new_columns=on_new_columns,
        on_widen=on_widen,
        on_precision_loss=on_precision_loss,
        loader=loader,
        workers=workers,
        progress=progress,
    )
    return write(_database(database), frame, table, options)


def sweep(
    database: DatabaseLike, *, older_than: dt.timedelta = DAY, dry_run: bool = False
) -> list[StagingTable]:
    """Remove the staging tables that killed loads have left in a database.

    SQL Server's loads commit staging tables, and PostgreSQL's by several workers; others go with
    their session. A load holds a lock of its own while it uses one, so that a table in use stays,
    however old it is.

    Parameters
    ----------
    database
        A name in config.yaml, a URL, or settings.
    older_than
        Leave tables that are younger, by the server's clock, where it tells.
    dry_run
        Say what would be removed, and remove nothing.

    Returns
    -------
    list
        Every staging table that was found, by name, and what became of it.

    Raises
    ------
    LoadError
        The database refused.

    Examples
    --------
    >>> sweep("sqlite://")
    []
    """
    return sweep_stages(_database(database), older_than=older_than, dry_run=dry_run)


def table_columns(table: str | tuple[str, str], database: DatabaseLike) -> list[Column] | None:
    """The live table's columns, in its order; None where there is no such table.

    >>> table_columns("nowhere", "sqlite://") is None
    True
    """
    opened = _database(database)
    with opened.begin() as connection:
        return Transaction(opened, connection).table_columns(table)
