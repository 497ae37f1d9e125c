"""SQLite: the embedded default, so that a laptop needs no server."""

from __future__ import annotations

import re
import sqlite3
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import polars as pl

from etl.errors import ConfigError, ContractError, EtlError, TransientError
from etl.io.databases import sqlite_scratch
from etl.io.databases.base import FETCH_ROWS, Database
from etl.io.databases.keyed import Stage
from etl.io.databases.sqlite_arrow import WholeTable, read_by_adbc
from etl.io.databases.sqlite_functions import FUNCTIONS
from etl.io.databases.sqlite_types import declared_types, live_column, typed_columns
from etl.io.databases.sqlite_values import loaded, stored, stored_value
from etl.io.databases.stages import new_stage, stage_columns
from etl.io.preflight import Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import sqlalchemy as sa

    from etl.io.databases.columns import Column, TableName
    from etl.io.databases.decode import ResultColumn
    from etl.io.databases.ways import Way

__all__ = ["SqliteDatabase"]

_WORDS: Final = re.compile(r"[a-z0-9_ ]+")
_INSERT_ROWS: Final = 50_000
_ROWS_TOGETHER: Final = 500
_BUSY_SECONDS: Final = 60.0
_ADBC_ROWS: Final = 10_000
"""From so many rows on, scratch files make good what opening them takes."""
_CURSOR_ROWS: Final = 5_000
"""What a cursor reads at once before ADBC is worth a scratch file."""
_WRITES: Final = "etl writes"


class _Connection(sqlite3.Connection):
    """A connection that opens a transaction for every statement, as PEP 249 has it.

    The standard library's own (before Python 3.12) lets DDL run outside of one, so that a failed
    load would leave a created table behind.
    """

    def cursor(self, factory: Any = None) -> Any:
        """A cursor, within a transaction."""
        if not self.in_transaction:
            super().execute("BEGIN")
        return super().cursor(factory) if factory is not None else super().cursor()


class SqliteDatabase(Database):
    """A SQLite file, or a database in memory that lives as long as the process.

    Dates and times are ISO text; decimals of up to 15 digits are exact; ``VARCHAR(n)`` is
    enforced here, since SQLite does not. The file is in write-ahead mode: readers see the old
    rows until a load is committed.
    """

    dialect = "sqlite"
    sqlglot_dialect = "sqlite"
    title = "SQLite"
    rules = Rules(folds_case=True, nan=False, largest_integer=2**63 - 1)
    brackets = True
    max_identifier = 1_000_000
    loaders: ClassVar[tuple[str, ...]] = ("adbc", "executemany")
    stages_sql: ClassVar[str] = (
        "SELECT NULL, name, NULL FROM sqlite_master WHERE type = 'table' "
        "AND name LIKE '!_etl!_stage!_%' ESCAPE '!'"
    )

    @property
    def in_memory(self) -> bool:
        """Whether there is no file."""
        return self.settings.database in (None, "", ":memory:")

    def _create_engine(self) -> sa.Engine:
        import sqlalchemy as sa
        from sqlalchemy.pool import QueuePool, StaticPool

        engine = sa.create_engine(
            "sqlite+pysqlite://",
            creator=self._connect,
            poolclass=StaticPool if self.in_memory else QueuePool,
            pool_pre_ping=not self.in_memory,
        )
        sa.event.listen(engine, "checkin", _given_back)
        return engine

    def _connect(self) -> sqlite3.Connection:
        path = self.settings.database or ":memory:"
        try:
            if not self.in_memory:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                path,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                factory=_Connection,
            )
        except (OSError, sqlite3.OperationalError) as error:
            raise self.failure(f"can't open the file: {error}", ConfigError) from error
        for name, count, function in FUNCTIONS:
            connection.create_function(name, count, function, deterministic=count > 0)
        return connection

    def _begin(self, connection: sa.Connection, *, write: bool) -> None:
        connection.info[_WRITES] = write
        if not write:
            return
        raw: Any = connection.connection.driver_connection
        if raw.in_transaction:
            raw.rollback()
        mode = sqlite3.Connection.execute(raw, "PRAGMA journal_mode").fetchone()[0]
        if not self.in_memory and mode != "wal":
            sqlite3.Connection.execute(raw, "PRAGMA journal_mode=WAL")
        # The write lock at once: a reader's transaction can't always be turned into a writer's.
        sqlite3.Connection.execute(raw, "BEGIN IMMEDIATE")

    def parameters(self, values: Iterable[Any]) -> tuple[Any, ...]:
        """Dates and times as the text that is stored, so that they compare."""
        return tuple(stored_value(value) for value in values)

    def translate(self, error: Exception) -> EtlError | None:
        """SQLite's errors; a lock that another process holds is transient."""
        original: Any = getattr(error, "orig", None) or error
        if type(original).__module__.startswith("adbc_driver_manager"):
            full = "disk is full" in str(original) or "disk I/O" in str(original)
            where = f"the directory for temporary files ({tempfile.gettempdir()}) is full"
            return self.failure(f"{where}; nothing was written" if full else str(original))
        if not isinstance(original, sqlite3.Error):
            return None
        name = getattr(original, "sqlite_errorname", "")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return self.failure(f"another process holds the file: {original}", TransientError)
        if name == "SQLITE_FULL":
            return self.failure("the disk is full; nothing was written")
        if name.startswith("SQLITE_NOTADB"):
            return self.failure("the file is no SQLite database", ConfigError)
        return self.failure(str(original))

    def _quoting_dialect(self) -> Any:
        from sqlalchemy.dialects.sqlite.base import SQLiteDialect

        return SQLiteDialect()

    # The catalogue

    def schema_exists(self, connection: sa.Connection, schema: str) -> bool:
        return any(
            row[1].casefold() == schema.casefold()
            for row in self.rows(connection, "PRAGMA database_list")
        )

    def columns(self, connection: sa.Connection, table: TableName) -> list[Column] | None:
        if table.schema is not None and not self.schema_exists(connection, table.schema):
            raise ContractError(
                f"SQLite has no schema {table.schema!r}: use the table's name alone "
                "(a file is one schema)",
                table=str(table),
            )
        rows = self.rows(
            connection,
            'SELECT name, type, "notnull", dflt_value, pk, hidden '
            "FROM pragma_table_xinfo(?, ?) WHERE hidden <> 1 ORDER BY cid",
            (table.name, table.schema or "main"),
        )
        if not rows and table.schema is None:
            rows = self.rows(
                connection,
                'SELECT name, type, "notnull", dflt_value, pk, hidden '
                "FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid",
                (table.name,),
            )
        keys = sum(1 for row in rows if row[4])
        return [live_column(row, keys=keys) for row in rows] or None

    def referenced_by(self, connection: sa.Connection, table: TableName) -> list[str]:
        return [
            row[0]
            for row in self.rows(
                connection,
                "SELECT DISTINCT m.name FROM sqlite_master m, pragma_foreign_key_list(m.name) f "
                "WHERE m.type = 'table' AND lower(f.\"table\") = lower(?) "
                "AND lower(m.name) <> lower(?)",
                (table.name, table.name),
            )
        ]

    # In

    def lock(self, connection: sa.Connection, table: TableName) -> None:
        """Nothing to do: BEGIN IMMEDIATE holds the file's one write lock."""

    def usual_loader(self, connection: sa.Connection, rows: int | None) -> str:
        raw: Any = connection.connection.driver_connection
        worth_it = rows is not None and rows >= _ADBC_ROWS and sqlite_scratch.room(raw) > 0
        return "adbc" if worth_it and not sqlite_scratch.lacking() else "executemany"

    def lacking(self, connection: sa.Connection, loader: str, rows: int | None) -> str:
        if loader != "adbc":
            return ""
        raw: Any = connection.connection.driver_connection
        if rows is None:
            return "it takes whole frames, and this is a stream"
        if sqlite_scratch.room(raw) < 1:
            return "too many files are attached in this transaction"
        return sqlite_scratch.lacking()

    def insert_all(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        batches: Iterable[pl.DataFrame],
        way: Way,
    ) -> int:
        """As the base's; by ADBC through scratch files, in the table's own column order."""
        if way.loader != "adbc" or not way.rows or not columns:
            return super().insert_all(connection, table, columns, batches, way)
        raw: Any = connection.connection.driver_connection
        live = self.rows(
            connection,
            'SELECT name, type, "notnull" FROM pragma_table_xinfo(?, ?)',
            (table.name, table.schema or "main"),
        )
        types = {
            name: sqlite_scratch.declared_type(text, notnull=bool(notnull))
            for name, text, notnull in live
        }
        names = [column.name for column in columns]
        target = self.qualified(table)
        if names != list(types):
            target += f" ({', '.join(self.quote(name) for name in names)})"
        declared = [types.get(name, "") for name in names]
        return sqlite_scratch.insert_by_adbc(raw, target, declared, batches, rows=way.rows)

    def insert(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        frame: pl.DataFrame,
        loader: str,  # noqa: ARG002 - the other one takes whole frames
    ) -> int:
        names = ", ".join(self.quote(column.name) for column in columns)
        row = f"({', '.join('?' * len(columns))})"
        sql = f"INSERT INTO {self.qualified(table)} ({names}) VALUES "
        raw: Any = connection.connection.driver_connection
        most = raw.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // len(columns)
        together = max(1, min(_ROWS_TOGETHER, most))
        cursor: Any = connection.connection.cursor()
        try:
            inserted = 0
            for part in stored(frame).iter_slices(_INSERT_ROWS):
                # Many rows a statement, their values taken column by column: half the time of
                # a tuple and a step for each row.
                whole = part.height // together * together
                for rows, count in ((part[:whole], together), (part[whole:], 1)):
                    statement = sql + ", ".join([row] * count)
                    cursor.executemany(statement, _interleaved(rows, count))
                    # The engine's count; what a trigger adds elsewhere is not of this statement.
                    inserted += max(0, int(cursor.rowcount))
            return inserted
        finally:
            cursor.close()

    def stage(
        self,
        connection: sa.Connection,
        table: TableName,  # noqa: ARG002 - a temporary table has no place beside it
        columns: Sequence[Column],
        batches: Iterable[pl.DataFrame],
        way: Way,
    ) -> Stage:
        # The target's types: an index is of use only between columns of one affinity.
        names = tuple(stage_columns(columns))
        lines = [
            f"{name} {column.type if _WORDS.fullmatch(column.type) else ''}"
            + (f" COLLATE {column.collation}" if column.collation else "")
            for name, column in zip(names, columns, strict=True)
        ]
        place = new_stage("temp")
        self.run(connection, f"CREATE TEMP TABLE {place.name} ({', '.join(lines)})").close()
        staged = [replace(column, name=name) for column, name in zip(columns, names, strict=True)]
        rows = self.insert_all(connection, place, staged, batches, way)
        return Stage(f"temp.{place.name}", names, rows)

    def index_stage(self, connection: sa.Connection, stage: Stage, keys: Sequence[int]) -> None:
        name = stage.name.removeprefix("temp.")
        by = ", ".join(stage.columns[n] for n in keys)
        self.run(connection, f"CREATE INDEX temp.{name}_key ON {name} ({by})").close()

    def differs(self, column: Column, old: str, new: str) -> str:
        binary = " COLLATE BINARY" if column.dtype == pl.String else ""
        return f"{old}{binary} IS NOT {new}"

    # Out

    def fetch(
        self,
        connection: sa.Connection,
        sql: str,
        values: Sequence[Any] | None,
        *,
        batch_rows: int | None = None,
    ) -> Iterator[pl.DataFrame]:
        """As the base's; by ADBC what is large, and need not see what this transaction wrote."""
        plain = connection.info[_WRITES] or self.in_memory or batch_rows is not None
        if plain or sqlite_scratch.lacking():
            yield from super().fetch(connection, sql, values, batch_rows=batch_rows)
            return
        declared = self._declared_types(connection, sql)  # now: it would end a running query
        whole = WholeTable.of(sql)
        large = whole is not None and self._is_large(connection, whole)
        few: Any = super().fetch(connection, sql, values, batch_rows=1 if large else _CURSOR_ROWS)
        first = next(few)
        if large or first.height == _CURSOR_ROWS:
            columns = typed_columns(first.columns, declared)
            frames = read_by_adbc(self._connect, sql, values, columns)
            if frames is not None:
                few.close()
                yield from frames
                return
        if large:
            few.close()
            yield from super().fetch(connection, sql, values)
            return
        yield first
        yield from few

    def _is_large(self, connection: sa.Connection, whole: WholeTable) -> bool:
        """Whether a table has as many rows as make a scratch file worth it."""
        some = f"(SELECT 1 FROM {whole.table} LIMIT {_CURSOR_ROWS})"
        return int(self.rows(connection, self.count_sql(some))[0][0]) == _CURSOR_ROWS

    @contextmanager
    def snapshot(
        self,
    ) -> Iterator[tuple[sa.Connection, Callable[[str, Sequence[Any] | None], list[pl.DataFrame]]]]:
        """As the base's: every read within this one transaction."""
        with self.begin() as connection:
            yield (
                connection,
                lambda sql, values: list(
                    self.fetch(connection, sql, values, batch_rows=FETCH_ROWS)
                ),
            )

    def _result_columns(
        self,
        connection: sa.Connection,  # noqa: ARG002 - for engines that have to ask once more
        cursor: Any,
        declared: list[str],
    ) -> list[ResultColumn]:
        return typed_columns([item[0] for item in cursor.description], declared)

    def _declared_types(self, connection: sa.Connection, sql: str) -> list[str]:
        return declared_types(connection.connection.driver_connection, sql)

    def _decode(self, values: Sequence[Any], column: ResultColumn) -> pl.Series:
        return loaded(values, column)


def _given_back(raw: Any, _record: object) -> None:
    """A connection goes back to the pool; None if it broke."""
    if raw is not None:
        sqlite_scratch.detach_scratches(raw)


def _interleaved(frame: pl.DataFrame, rows: int) -> Iterator[list[Any]]:
    """The values of so many rows at a time, row after row.

    >>> list(_interleaved(pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}), 1))
    [[1, 'x'], [2, 'y']]
    """
    values: list[Any] = [None] * (frame.height * frame.width)
    for at, column in enumerate(frame):
        values[at :: frame.width] = column.to_list()
    size = rows * frame.width
    return (values[start : start + size] for start in range(0, len(values), size))
