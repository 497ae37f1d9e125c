"""DuckDB: a file for analysis, read and written by Arrow."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import polars as pl

from etl.errors import ConfigError, ContractError, EtlError, TransientError
from etl.io.databases.base import Database
from etl.io.databases.columns import Column, TableName
from etl.io.databases.decode import check_names
from etl.io.databases.duckdb_memory import drop_cached, small_buffers
from etl.io.databases.keyed import Stage
from etl.io.databases.stages import new_stage, stage_columns
from etl.io.preflight import Rules
from etl.io.sql_types import read_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import sqlalchemy as sa

    from etl.io.databases.ways import Way

__all__ = ["DuckdbDatabase"]

_TYPE: Final = re.compile(r"^(?P<name>[^(\[]+)(\((?P<precision>\d+),\s*(?P<scale>\d+)\))?$")
_BUSY_SECONDS: Final = 60.0
# Of batches that stay in the processor's cache a frame is made in two thirds of the time.
_READ_ROWS: Final = 16_384
_FRAME: Final = "_etl_frame"
_SHOWN: Final = "etl shown frame"


class DuckdbDatabase(Database):
    """A DuckDB file, or a database in memory that lives as long as the process.

    DuckDB keeps no length of a ``VARCHAR(n)``: a contract does. A file belongs to one process at a
    time; it is opened for each transaction and closed after it.
    """

    dialect = "duckdb"
    sqlglot_dialect = "duckdb"
    title = "DuckDB"
    rules = Rules(folds_case=True)
    max_identifier = 1_000_000
    one_process = True
    loaders: ClassVar[tuple[str, ...]] = ("arrow",)
    stages_sql: ClassVar[str] = (
        "SELECT schema_name, table_name, NULL FROM duckdb_tables() "
        "WHERE database_name = current_database() AND NOT temporary "
        "AND table_name LIKE '!_etl!_stage!_%' ESCAPE '!'"
    )

    @property
    def in_memory(self) -> bool:
        """Whether there is no file."""
        return self.settings.database in ("", ":memory:")

    def _create_engine(self) -> sa.Engine:
        import sqlalchemy as sa
        from sqlalchemy.pool import NullPool, StaticPool

        try:
            import duckdb_engine  # noqa: F401 - asked for here, to say how to get it
        except ImportError as error:
            raise ConfigError(
                f"DuckDB needs its package: pip install 'data-orchestration[duckdb]' ({error})",
                database=self.settings.name,
            ) from error
        if not self.in_memory:
            Path(self.settings.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(
            sa.URL.create("duckdb", database=self.settings.database),
            poolclass=StaticPool if self.in_memory else NullPool,
        )
        sa.event.listen(engine, "do_connect", _connect)
        sa.event.listen(engine, "connect", _in_utc)
        return engine

    def _begin(self, connection: sa.Connection, *, write: bool) -> None:
        """Nothing to do: SQLAlchemy's begin is DuckDB's."""

    def start(self, pooled: Any) -> None:
        """DuckDB commits each statement unless a transaction was begun."""
        pooled.driver_connection.begin()

    def translate(self, error: Exception) -> EtlError | None:
        """DuckDB's errors: two writers in conflict and a file that is held are transient."""
        import duckdb

        original: Any = getattr(error, "orig", None) or error
        if not isinstance(original, duckdb.Error):
            return None
        text = str(original)
        if isinstance(original, duckdb.IOException) and "lock" in text:
            return self.failure(f"another process holds the file: {text}", TransientError)
        if "no space left" in text.lower():
            return self.failure(f"the disk is full; nothing was written: {text}")
        if isinstance(original, duckdb.TransactionException):
            return self.failure(text, TransientError)
        return self.failure(text)

    def _quoting_dialect(self) -> Any:
        from sqlalchemy.dialects.postgresql.base import PGDialect

        return PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]

    @staticmethod
    def _raw(connection: sa.Connection) -> Any:
        """DuckDB's own connection, in the transaction of SQLAlchemy's."""
        return connection.connection.driver_connection

    # The catalogue

    def schema_exists(self, connection: sa.Connection, schema: str) -> bool:
        sql = (
            "SELECT 1 FROM duckdb_schemas() "
            "WHERE database_name = current_database() AND lower(schema_name) = lower(?)"
        )
        return bool(self.rows(connection, sql, (schema,)))

    def _catalogue(self, connection: sa.Connection, table: TableName) -> list[Any]:
        return self.rows(
            connection,
            "SELECT column_name, data_type, is_nullable, column_default FROM duckdb_columns() "
            "WHERE database_name = current_database() AND lower(table_name) = lower(?) "
            "AND lower(schema_name) = lower(coalesce(?, current_schema())) ORDER BY column_index",
            (table.name, table.schema),
        )

    def columns(self, connection: sa.Connection, table: TableName) -> list[Column] | None:
        rows = self._catalogue(connection, table)
        # What is computed has a default there, too: its expression.
        by_server = any(default is not None for *_, default in rows)
        generated = self._generated(connection, table) if by_server else set()
        return [replace(self._column(*row), generated=row[0] in generated) for row in rows] or None

    def _generated(self, connection: sa.Connection, table: TableName) -> set[str]:
        """The columns that DuckDB computes: only the table's DDL tells them."""
        ddl = self.rows(
            connection,
            "SELECT sql FROM duckdb_tables() WHERE database_name = current_database() "
            "AND lower(table_name) = lower(?) "
            "AND lower(schema_name) = lower(coalesce(?, current_schema())) "
            "AND contains(upper(sql), 'GENERATED ALWAYS')",
            (table.name, table.schema),
        )
        if not ddl:
            return set()
        import sqlglot
        from sqlglot import exp

        made = sqlglot.parse_one(ddl[0][0], read=self.sqlglot_dialect)
        return {
            column.name
            for column in made.find_all(exp.ColumnDef)
            if column.find(exp.GeneratedAsIdentityColumnConstraint, exp.ComputedColumnConstraint)
        }

    def _column(self, name: str, declared: str, nullable: bool, default: str | None) -> Column:
        match = _TYPE.match(declared)
        kind = (match["name"] if match else declared).lower()
        numbers = (int(match["precision"]), int(match["scale"])) if match and match[2] else None
        precision, scale = numbers or (None, None)
        return Column(
            name=name,
            type=kind,
            dtype=read_dtype(kind, self.dialect, precision=precision, scale=scale) or pl.String(),
            precision=precision,
            scale=scale,
            nullable=nullable,
            has_default=default is not None,
        )

    def referenced_by(self, connection: sa.Connection, table: TableName) -> list[str]:
        sql = (
            "SELECT DISTINCT table_name FROM duckdb_constraints() "
            "WHERE constraint_type = 'FOREIGN KEY' AND lower(referenced_table) = lower(?) "
            "AND lower(table_name) <> lower(?)"
        )
        return [row[0] for row in self.rows(connection, sql, (table.name, table.name))]

    # In

    def lock(self, connection: sa.Connection, table: TableName) -> None:
        """Nothing to do: of two writers in conflict DuckDB refuses the second."""

    def insert_all(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        batches: Iterable[pl.DataFrame],
        way: Way,
    ) -> int:
        """As the base's: one view shows the batches in turn.

        A view of each would keep all of them in memory: within a transaction DuckDB keeps what
        was dropped, too.
        """
        import duckdb

        try:
            with small_buffers(self._raw(connection)):
                return super().insert_all(connection, table, columns, batches, way)
        finally:
            shown = connection.info.pop(_SHOWN, None)
            if shown is not None:
                shown.frame = pl.DataFrame()  # the view may outlive it
                # After an error the transaction takes nothing more; the name is free after it.
                with suppress(duckdb.TransactionException):
                    self._raw(connection).unregister(_FRAME)

    def insert(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        frame: pl.DataFrame,
        loader: str,  # noqa: ARG002 - there is one
    ) -> int:
        shown = connection.info.get(_SHOWN)
        if shown is None:
            shown = connection.info[_SHOWN] = _Shown(frame)
            self._raw(connection).register(_FRAME, shown)
        shown.frame = frame
        names = ", ".join(self.quote(column.name) for column in columns)
        picked = ", ".join(self.quote(name) for name in frame.columns)
        rows = self.counted(
            connection,
            f"INSERT INTO {self.qualified(table)} ({names}) SELECT {picked} FROM {_FRAME}",
        )
        drop_cached(self._raw(connection))
        return rows

    def counted(self, connection: sa.Connection, sql: str) -> int:
        ((rows,),) = self._raw(connection).execute(sql).fetchall()
        return int(rows)

    def stage(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        batches: Iterable[pl.DataFrame],
        way: Way,
    ) -> Stage:
        names = tuple(stage_columns(columns))
        place = new_stage()
        declared = {row[0]: row[1] for row in self._catalogue(connection, table)}
        lines = [
            f"{name} {declared[column.name]}" for column, name in zip(columns, names, strict=True)
        ]
        # By its types, not AS SELECT ... LIMIT 0: of a table made empty in that way and filled in
        # the same transaction with over 122 880 rows, DuckDB 2.0.0 joins and groups none.
        sql = f"CREATE TEMP TABLE {self.qualified(place)} ({', '.join(lines)})"
        self.run(connection, sql).close()
        staged = [replace(column, name=name) for column, name in zip(columns, names, strict=True)]
        rows = self.insert_all(connection, place, staged, batches, way)
        return Stage(self.qualified(place), names, rows)

    def differs(self, column: Column, old: str, new: str) -> str:  # noqa: ARG002
        return f"{old} IS DISTINCT FROM {new}"

    # Out

    def fetch(
        self,
        connection: sa.Connection,
        sql: str,
        values: Sequence[Any] | None,
        *,
        batch_rows: int | None = None,
    ) -> Iterator[pl.DataFrame]:
        """As the base's, by Arrow."""
        raw = self._raw(connection)
        result = raw.sql(sql) if values is None else raw.sql(sql, params=list(values))
        if result is None:
            raise ContractError(f"the statement gives no rows: {sql[:80]!r}; use execute()")
        check_names(result.columns)
        reader = result.to_arrow_reader(batch_rows or _READ_ROWS)
        empty = True
        for batch in reader:
            frame = _plain(pl.DataFrame(batch))
            for part in frame.iter_slices(batch_rows) if batch_rows else [frame]:
                empty = False
                yield part
            if batch_rows:
                drop_cached(raw)
        if empty:
            yield _plain(pl.DataFrame(reader.schema.empty_table()))


class _Shown:
    """Whatever frame it holds now, to whom asks for Arrow; text as polars holds it."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.frame.__arrow_c_stream__(requested_schema)


def _connect(_dialect: object, _record: object, _arguments: object, options: Any) -> Any:
    """Open the file; wait for another process to let go of it, as SQLite's busy timeout does.

    Without the settings of its own that SQLAlchemy's dialect brings: DuckDB refuses a second
    connection of a process that has other settings, and a notebook may have the file open.
    """
    import duckdb
    import duckdb_engine
    from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

    def held(error: BaseException) -> bool:
        return isinstance(error, duckdb.IOException) and "lock" in str(error)

    for attempt in Retrying(
        retry=retry_if_exception(held),
        stop=stop_after_delay(_BUSY_SECONDS),
        wait=wait_random_exponential(0.05, 2),
        reraise=True,
    ):
        with attempt:
            return duckdb_engine.ConnectionWrapper(duckdb.connect(options["database"]))
    return None  # not reached: the last attempt returns or raises


def _in_utc(connection: Any, _record: object) -> None:
    connection.execute("SET TimeZone = 'UTC'")


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Enumerations as text, and moments in UTC by its usual name."""
    if not any(isinstance(t, (pl.Categorical, pl.Enum, pl.Datetime)) for t in frame.dtypes):
        return frame
    return frame.with_columns(
        pl.col(pl.Categorical).cast(pl.String),
        pl.selectors.enum().cast(pl.String),
        pl.selectors.datetime(time_zone="*").dt.convert_time_zone("UTC"),
    )
