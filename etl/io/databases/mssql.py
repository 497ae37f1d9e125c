"""SQL Server: rows wait in a staging table, and one short transaction publishes them."""

from __future__ import annotations

import datetime as dt
from contextlib import closing, contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from etl.errors import ConfigError, ContractError, EtlError, LoadError, TransientError
from etl.io.databases import mssql_connect, mssql_read, mssql_sql
from etl.io.databases.base import FETCH_ROWS
from etl.io.databases.columns import TableName
from etl.io.databases.decode import Decoder, ResultColumn
from etl.io.databases.keyed import Stage
from etl.io.databases.mssql_errors import text_error, translate_mssql_error
from etl.io.databases.mssql_load import bulk_copy, drain, fast_insert, is_microsoft
from etl.io.databases.odbc import find_driver
from etl.io.databases.stages import new_dated_stage
from etl.io.databases.staging import ATTEMPT, StagingDatabase
from etl.io.databases.ways import Way
from etl.io.locks import SessionLock
from etl.io.preflight import Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import polars as pl
    import sqlalchemy as sa

    from etl.io.databases.base import Written
    from etl.io.databases.columns import Column
    from etl.io.databases.keyed import KeyedMode

__all__ = ["MssqlDatabase"]

BULK_COPY: Final = "bulk_copy"
FAST: Final = "fast_executemany"
PLAIN: Final = "executemany"
_BULK_ROWS: Final = 2_000
"""From so many rows on, bulk copy makes good the session that it opens."""


class MssqlDatabase(StagingDatabase):
    """A SQL Server database, by pyodbc or mssql-python.

    Every load goes through a committed staging table: bulk copy opens a session of its own, and
    pyodbc's count is no server's.

    A datetime is read to the microsecond: the tenth of one that ``datetime2(7)`` can hold is cut,
    as both drivers do. Nanoseconds would keep it, and lose every year before 1677 and after 2262.
    """

    dialect = "mssql"
    sqlglot_dialect = "tsql"
    title = "SQL Server"
    rules = Rules(
        folds_case=True,
        nan=False,
        infinity=False,
        text_length="utf16",
        byte_text=True,
        # A datetime counts in 1/300 s and shows .000, .003 and .007; a smalldatetime in minutes
        # (learn.microsoft.com/sql/t-sql/data-types/datetime-transact-sql).
        grains={"datetime": (10_000, (0, 3_000, 7_000)), "smalldatetime": (60_000_000, (0,))},
        date_ranges={"datetime": (1753, 9999), "smalldatetime": (1900, 2078)},
    )
    brackets = True
    parallel_reads = True
    loaders: ClassVar[tuple[str, ...]] = (BULK_COPY, FAST, PLAIN)
    stages_sql: ClassVar[str] = mssql_sql.STAGES
    _is_babelfish: bool | None = None

    @cached_property
    def _client(self) -> tuple[mssql_connect.Client, str]:
        return mssql_connect.choose_client(self.settings)

    @property
    def by_arrow(self) -> bool:
        """Whether frames travel as Arrow, by mssql-python."""
        return self._client[0] == "mssql-python"

    @property
    def _connect(self) -> Callable[[], Any]:
        return mssql_connect.connector(self.settings, *self._client)

    def _create_engine(self) -> sa.Engine:
        return mssql_connect.create_engine(self._client[0], self._connect)

    def _quoting_dialect(self) -> Any:
        from sqlalchemy.dialects.mssql.base import MSDialect

        dialect: Any = MSDialect
        return dialect(paramstyle="named")

    def quote(self, name: str) -> str:
        quoted = super().quote(name)
        units = len(name.encode("utf-16-le")) // 2
        if units > self.max_identifier:
            raise ContractError(
                f"{name[:60]!r} is no name for {self.title}: it is {units} UTF-16 units long, and "
                f"{self.max_identifier} are allowed"
            )
        # Babelfish can't read "]" within brackets; double quotes are the standard's, and on.
        return '"' + name.replace('"', '""') + '"' if "]" in name else quoted

    def translate(self, error: Exception) -> EtlError | None:
        return self._named(translate_mssql_error(error, secret=self._secret))

    @property
    def _secret(self) -> str | None:
        password = self.settings.password
        return password.get_secret_value() if password else None

    def _named(self, error: EtlError | None) -> EtlError | None:
        return None if error is None else self.failure(str(error), type(error))

    def parameters(self, values: Iterable[Any]) -> tuple[Any, ...]:
        """Values to bind; pyodbc would drop an aware datetime's offset (issue 810)."""
        if self.by_arrow:
            return tuple(values)
        return tuple(
            value.isoformat(sep=" ")
            if isinstance(value, dt.datetime) and value.tzinfo is not None
            else value
            for value in values
        )

    # Transactions

    def _begin(self, connection: sa.Connection, *, write: bool) -> None:
        """Nothing: with autocommit off, the first statement begins the transaction."""

    def named_lock(self, name: str, loader: str | None = None) -> SessionLock:
        """An application lock of a session of its own."""
        return SessionLock(
            partial(self._session, loader),
            take=mssql_sql.lock_session(name),
            release=mssql_sql.unlock_session(name),
        )

    def _session(self, loader: str | None = None) -> Any:
        client, driver = self._client
        if loader == BULK_COPY:
            client = "mssql-python"
        elif loader is not None and client == "mssql-python":
            client, driver = "pyodbc", find_driver()
        with self.translated():
            return mssql_connect.connector(self.settings, client, driver)()

    # The catalogue

    def default_schema(self, connection: sa.Connection) -> str:
        """The schema of names without one, for this login."""
        return str(self.rows(connection, mssql_sql.DEFAULT_SCHEMA)[0][0])

    def _place(self, connection: sa.Connection, table: TableName) -> tuple[str, str]:
        return table.schema or self.default_schema(connection), table.name

    def _object(self, connection: sa.Connection, table: TableName) -> str:
        return self.qualified(TableName(table.name, self._place(connection, table)[0]))

    def schema_exists(self, connection: sa.Connection, schema: str) -> bool:
        return bool(self.rows(connection, mssql_sql.SCHEMA_EXISTS, (schema,)))

    def columns(self, connection: sa.Connection, table: TableName) -> list[Column] | None:
        found = self.rows(connection, mssql_sql.COLUMNS, self._place(connection, table))
        if not found:
            return None
        flags = self.rows(connection, mssql_sql.FLAGS, (self._object(connection, table),))
        return mssql_sql.catalogue_columns(found, flags)

    def referenced_by(self, connection: sa.Connection, table: TableName) -> list[str]:
        found = self.rows(connection, mssql_sql.REFERENCED_BY, (self._object(connection, table),))
        return sorted(f"{schema}.{name}" for schema, name in found)

    @staticmethod
    def count_sql(table: str) -> str:
        return f"SELECT COUNT_BIG(*) FROM {table}"

    # In

    def usual_loader(self, connection: sa.Connection, rows: int | None) -> str:
        """Bulk copy where it is installed and worth it, unless the configuration names a driver."""
        if self.by_arrow:
            return BULK_COPY
        large = rows is None or rows >= _BULK_ROWS
        if large and self.settings.driver is None and not self._lacks_bulk_copy:
            return BULK_COPY
        return FAST if is_microsoft(connection.connection.driver_connection) else PLAIN

    @cached_property
    def _lacks_bulk_copy(self) -> str:
        """Asked once: it must be installed, find its libraries, and take the configured options."""
        try:
            with closing(self._session(BULK_COPY)):
                return ""
        except TransientError:
            raise
        except EtlError as error:
            return str(error)

    def lacking(self, connection: sa.Connection, loader: str, rows: int | None) -> str:  # noqa: ARG002
        if loader == BULK_COPY:
            return self._lacks_bulk_copy
        if self.by_arrow:  # so it takes a driver that the configuration does not name
            try:
                find_driver()
            except ConfigError as error:
                return str(error)
            return ""
        if loader == FAST and not is_microsoft(connection.connection.driver_connection):
            return "only Microsoft's ODBC driver takes it (pyodbc issues 381, 459)"
        return ""

    def write(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        batches: Iterable[pl.DataFrame],
        *,
        clear: bool,
        way: Way,
    ) -> Written:
        """Stage and count the batches, then publish them within the connection's transaction."""
        stage = self.stage(connection, table, columns, batches, way)
        return self.publish(connection, table, columns, stage, clear=clear, way=way)

    def write_by_key(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        batches: Iterable[pl.DataFrame],
        *,
        mode: KeyedMode,
        key: Sequence[str],
        way: Way,
    ) -> Written:
        """As :meth:`write`, by key; the target is locked once the rows have arrived."""
        stage = self.stage(connection, table, columns, batches, way)
        return self.publish_by_key(connection, table, columns, stage, mode=mode, key=key, way=way)

    def insert(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        frame: pl.DataFrame,
        loader: str,
    ) -> int:
        way = Way(loader=loader)
        return self.write(connection, table, columns, [frame], clear=False, way=way).inserted

    def stage(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        batches: Iterable[pl.DataFrame],
        way: Way,
    ) -> Stage:
        """Fill a new table beside the target, committed, and have the server count it."""
        place = mssql_sql.stage_name(table)
        name, names = self.qualified(place), tuple(mssql_sql.stage_columns(columns))
        if not columns:
            return Stage(name, names, 0)
        create = mssql_sql.create_stage(name, columns)
        rows = self.fill_stage(connection, place, create, columns, batches, way)
        return Stage(name, names, rows)

    def plan_attempts(
        self,
        connection: sa.Connection,  # noqa: ARG002 - for engines that have to be asked first
        table: TableName,
        columns: Sequence[Column],
    ) -> tuple[TableName, str]:
        place = new_dated_stage(table.schema)
        return place, mssql_sql.create_stage(self.qualified(place), [*columns, ATTEMPT])

    def drop_stage(self, connection: sa.Connection, stage: Stage) -> None:
        """Nothing yet: staging tables go when the transaction has ended."""

    def _send(
        self, side: Any, stage: str, columns: Sequence[Column], batch: pl.DataFrame, loader: str
    ) -> None:
        if loader != BULK_COPY:
            with closing(side.cursor()) as cursor:
                sql = mssql_sql.insert_values(stage, columns)
                fast_insert(cursor, sql, batch, columns, fast=loader == FAST)
            return
        renamed = dict(zip(batch.columns, mssql_sql.stage_columns(columns), strict=True))
        try:
            bulk_copy(side, stage, batch.rename(renamed), table_lock=self._locks_stages(side))
        except (RuntimeError, ValueError, TypeError, OSError) as error:
            said = translate_mssql_error(text_error(str(error)), secret=self._secret)
            raise self._named(said) or LoadError(str(error)) from error

    def _locks_stages(self, side: Any) -> bool:
        """Whether bulk copy may lock a stage, which nobody else reads; asked once."""
        if self._is_babelfish is None:
            with closing(side.cursor()) as cursor:
                cursor.execute(mssql_sql.IS_BABELFISH)
                self._is_babelfish = bool(cursor.fetchall()[0][0])
        return not self._is_babelfish

    def delete_all(self, connection: sa.Connection, target: str) -> int:
        return self.counted(connection, mssql_sql.delete_all(target))

    def hold(self, connection: sa.Connection, table: TableName) -> None:
        self.lock(connection, table)
        self.rows(connection, mssql_sql.hold(self.qualified(table)))

    def counted(self, connection: sa.Connection, sql: str) -> int:
        """Run a statement that changes rows; gives the server's count of them."""
        with closing(self.run(connection, mssql_sql.counting(sql))) as cursor:
            return int(drain(cursor)[0][0])

    def update_from(
        self,
        connection: sa.Connection,
        target: str,
        stage: str,
        changes: str,
        same: str,
        differs: str,
    ) -> int:
        sql = mssql_sql.update_from(target, stage, changes, f"{same} AND {differs}")
        return self.counted(connection, sql)

    def delete_where(self, connection: sa.Connection, target: str, condition: str) -> int:
        return self.counted(connection, mssql_sql.delete_where(target, condition))

    def differs(self, column: Column, old: str, new: str) -> str:
        return mssql_sql.differs(column, old, new)

    def lock(self, connection: sa.Connection, table: TableName) -> None:
        """Keep this package's other loads of the table out; readers and others go on."""
        # The lock belongs to a transaction, and only a statement on a table begins one.
        self.rows(connection, f"SELECT TOP (0) 1 FROM {self.qualified(table)}")
        sql = mssql_sql.lock_load(self._object(connection, table))
        with closing(self.run(connection, sql)) as cursor:
            code = int(drain(cursor)[0][0])
        if code < 0:
            raise self.failure(
                f"another load of {table} holds it (sp_getapplock gave {code}); run it again later",
                TransientError,
            )

    # Out

    @contextmanager
    def snapshot(
        self,
    ) -> Iterator[tuple[sa.Connection, Callable[[str, Sequence[Any] | None], list[pl.DataFrame]]]]:
        """As the base's; each call has a connection of its own, and sees what is committed then.

        Sessions can't share a snapshot here.
        """

        def read(sql: str, values: Sequence[Any] | None) -> list[pl.DataFrame]:
            with self.begin() as own:
                return list(self.fetch(own, sql, values))

        with self.begin() as connection:
            yield connection, read

    def fetch(
        self,
        connection: sa.Connection,
        sql: str,
        values: Sequence[Any] | None,
        *,
        batch_rows: int | None = None,
    ) -> Iterator[pl.DataFrame]:
        with closing(self.run(connection, sql, values)) as cursor:
            # A procedure's own statements give counts first, if it lacks SET NOCOUNT ON.
            while cursor.description is None:
                if not cursor.nextset():
                    raise ContractError(f"the statement gives no rows: {sql[:80]!r}; use execute()")
            decoder = Decoder(self._result_columns(connection, cursor, []), self._decode)
            size = batch_rows or FETCH_ROWS
            if self.by_arrow:
                yield from mssql_read.arrow_frames(cursor, size)
            else:
                yield from decoder.frames(cursor, size)
            while cursor.nextset():  # an error after the rows shows only here
                pass
            if self.by_arrow:
                # 1.16 gives a row of blanks where the server's answer breaks off in the middle of
                # a row, and no error; the next statement gets it.
                cursor.execute("SELECT 1")

    def _result_columns(
        self,
        connection: sa.Connection,  # noqa: ARG002 - the base's signature
        cursor: Any,
        declared: list[str],  # noqa: ARG002
    ) -> list[ResultColumn]:
        return [
            ResultColumn(
                str(name), None if self.by_arrow else mssql_read.dtype_of(kind, precision, scale)
            )
            for name, kind, _, _, precision, scale, _ in cursor.description
        ]

    def _decode(self, values: Sequence[Any], column: ResultColumn) -> pl.Series:
        return mssql_read.decoded(values, column)
