"""PostgreSQL: COPY within the caller's transaction."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

import polars as pl

from etl.errors import ConfigError, EtlError, TransientError
from etl.io.databases.columns import Column, TableName
from etl.io.databases.decode import ResultColumn
from etl.io.databases.keyed import Stage
from etl.io.databases.postgres_arrow import SNAPSHOT_MODE, ArrowReader
from etl.io.databases.postgres_load import SHAPES, copy_in, insert_rows, stage_ddl
from etl.io.databases.postgres_types import modifier, postgres_url
from etl.io.databases.stages import new_dated_stage, new_stage, stage_columns
from etl.io.databases.staging import ATTEMPT, StagingDatabase
from etl.io.locks import SessionLock, lock_number
from etl.io.preflight import Rules
from etl.io.sql_types import read_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import sqlalchemy as sa

    from etl.io.databases.base import Written
    from etl.io.databases.keyed import KeyedMode
    from etl.io.databases.ways import Way

__all__ = ["PostgresDatabase"]

_LOCK_SECONDS: Final = 60
_WRITES: Final = "etl writes"
_SNAPSHOT: Final = "etl snapshot"

# SQLSTATE classes and codes after which the same call can succeed
# (postgresql.org/docs/current/errcodes-appendix.html).
_TRANSIENT: Final = ("08", "40", "53", "55P03", "57P01", "57P02", "57P03")
_LOGIN: Final = ("28000", "28P01", "3D000")
# A refused connection has no SQLSTATE on the client's side, only the server's words.
_REFUSED: Final = re.compile(
    r"FATAL:\s+(password authentication failed|(role|database) .* does not exist|no pg_hba)"
    r"|no password supplied"
)
# Nor has an error within a result that is read by Arrow.
_LOST: Final = re.compile(r"terminating connection|server closed the connection|deadlock detected")

_CATALOGUE: Final = """
    SELECT a.attname, b.typname, a.atttypmod, a.attnotnull, a.atthasdef, a.attidentity,
           a.attgenerated, c.collname, b.typtype, d.typtypmod
    FROM pg_attribute a
    JOIN pg_type d ON d.oid = a.atttypid
    JOIN pg_type b ON b.oid = CASE WHEN d.typtype = 'd' THEN d.typbasetype ELSE d.oid END
    LEFT JOIN pg_collation c ON c.oid = a.attcollation
    WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""


class PostgresDatabase(StagingDatabase):
    """A PostgreSQL database, by psycopg."""

    dialect = "postgresql"
    sqlglot_dialect = "postgres"
    title = "PostgreSQL"
    rules = Rules()
    param_style = "format"
    max_identifier = 63
    identifier_unit = "bytes"
    parallel_reads = True
    loaders: ClassVar[tuple[str, ...]] = ("copy", "executemany")
    stages_sql: ClassVar[str] = (
        "SELECT n.nspname, c.relname, NULL FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND c.relpersistence <> 't' "
        "AND c.relname LIKE '!_etl!_stage!_%' ESCAPE '!'"
    )

    def _create_engine(self) -> sa.Engine:
        import sqlalchemy as sa

        try:
            import psycopg  # noqa: F401 - asked for here, to say how to get it
        except ImportError as error:
            raise ConfigError(
                f"PostgreSQL needs psycopg: pip install 'data-orchestration[postgres]' ({error})",
                database=self.settings.name,
            ) from error
        at = self.settings
        url = postgres_url(at, "postgresql+psycopg")
        engine = sa.create_engine(
            url,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={
                "connect_timeout": at.connect_timeout,
                "application_name": at.options.get("application_name", "etl"),
            },
        )
        sa.event.listen(engine, "connect", _text_loaders)
        return engine

    def _begin(self, connection: sa.Connection, *, write: bool) -> None:
        """psycopg begins a transaction with the first statement."""
        connection.info[_WRITES] = write
        connection.info[_SNAPSHOT] = None

    def named_lock(self, name: str, loader: str | None = None) -> SessionLock:
        """An advisory lock of a session of its own, out of the pool."""
        number = lock_number(name)
        return SessionLock(
            partial(self._session, loader),
            take=f"SELECT pg_try_advisory_lock({number})::int",
            release=f"SELECT pg_advisory_unlock({number})",
        )

    def _session(self, loader: str | None = None) -> Any:  # noqa: ARG002 - one driver for all
        with self.translated():
            pooled = self.engine.raw_connection()
            session = pooled.driver_connection
            pooled.detach()
            return session

    def translate(self, error: Exception) -> EtlError | None:
        """psycopg's errors, by SQLSTATE."""
        import psycopg

        original: Any = getattr(error, "orig", None) or error
        state = getattr(original, "sqlstate", None) or ""
        if isinstance(original, psycopg.Error):
            text = str(original.diag.message_primary or original)
            if original.diag.message_detail and state[:2] in {"22", "23"}:
                text += f" ({original.diag.message_detail})"
        elif type(original).__module__.startswith("adbc_driver_manager"):
            text = str(original)
        elif str(original).startswith("[libpq]"):  # within a result by Arrow, of no type of ADBC's
            text = str(original)
            if _LOST.search(text):
                return self.failure(text, TransientError)
        else:
            return None
        if state in _LOGIN or _REFUSED.search(text):
            return self.failure(f"{text}; check its username, password and database", ConfigError)
        if state.startswith(_TRANSIENT):
            return self.failure(text, TransientError)
        if not state and type(original).__name__ == "OperationalError":
            return self.failure(text, TransientError)
        return self.failure(text)

    def _quoting_dialect(self) -> Any:
        from sqlalchemy.dialects.postgresql.base import PGDialect

        # The driver's own would double each per cent sign.
        return PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]

    # The catalogue

    def schema_exists(self, connection: sa.Connection, schema: str) -> bool:
        sql = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
        return bool(self.rows(connection, sql, (schema,)))

    def columns(self, connection: sa.Connection, table: TableName) -> list[Column] | None:
        rows = self.rows(connection, _CATALOGUE, (self.qualified(table),))
        return [self._column(row) for row in rows] or None

    def _column(self, row: Sequence[Any]) -> Column:
        name, type_name, typmod, notnull, has_default, identity, generated = row[:7]
        collation, kind, domain_typmod = row[7:]
        packed = typmod if typmod >= 0 else domain_typmod
        length, precision, scale = modifier(type_name, packed)
        dtype = read_dtype(type_name, self.dialect, precision=precision, scale=scale)
        if dtype is None and type_name == "numeric":
            dtype = pl.Decimal(38, 9)  # no scale declared: the widest that leaves room for both
        return Column(
            name=name,
            type=type_name,
            dtype=dtype if dtype is not None and kind != "e" else pl.String(),
            length=length,
            precision=precision,
            scale=scale,
            nullable=not notnull,
            has_default=has_default or identity == "d",
            generated=identity == "a" or generated not in ("", " "),
            collation=collation,
        )

    def referenced_by(self, connection: sa.Connection, table: TableName) -> list[str]:
        sql = (
            "SELECT DISTINCT conrelid::regclass::text FROM pg_constraint "
            "WHERE contype = 'f' AND confrelid = to_regclass(%s) AND conrelid <> confrelid"
        )
        return [row[0] for row in self.rows(connection, sql, (self.qualified(table),))]

    # In

    def lock(self, connection: sa.Connection, table: TableName) -> None:
        """Keep other writers out: two replaces at once would leave the rows of both.

        The session of a client that was lost may hold the table for a while: we do not wait for
        ever, unless the connection's own settings say how long.
        """
        self.run(
            connection,
            f"SELECT set_config('lock_timeout', '{_LOCK_SECONDS}s', true) "
            "WHERE current_setting('lock_timeout') = '0'",
        ).close()
        self.run(
            connection, f"LOCK TABLE {self.qualified(table)} IN SHARE ROW EXCLUSIVE MODE"
        ).close()

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
        """As the base's; what several workers bring waits in a stage, and is published."""
        if way.workers == 1:
            return super().write(connection, table, columns, batches, clear=clear, way=way)
        stage = self._shared_stage(connection, table, columns, batches, way)
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
        """As :meth:`write`, by key."""
        if way.workers == 1:
            return super().write_by_key(
                connection, table, columns, batches, mode=mode, key=key, way=way
            )
        stage = self._shared_stage(connection, table, columns, batches, way)
        return self.publish_by_key(connection, table, columns, stage, mode=mode, key=key, way=way)

    def insert(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        frame: pl.DataFrame,
        loader: str,
    ) -> int:
        names = ", ".join(self.quote(column.name) for column in columns)
        add = copy_in if loader == "copy" else insert_rows
        side: Any = connection.connection.driver_connection
        types = [column.type for column in columns]
        return add(side, f"{self.qualified(table)} ({names})", frame, types)

    def _send(
        self, side: Any, stage: str, columns: Sequence[Column], batch: pl.DataFrame, loader: str
    ) -> None:
        if columns and not batch.is_empty():
            add = copy_in if loader == "copy" else insert_rows
            types = [column.type for column in columns]
            add(side, f"{stage} ({', '.join(stage_columns(columns))})", batch, types)

    def _shared_stage(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        batches: Iterable[pl.DataFrame],
        way: Way,
    ) -> Stage:
        """A committed stage, which several sessions fill."""
        place = new_stage(self._stage_schema(connection, table))
        # The types by this transaction, which alone may know the table; the stage by another.
        shapes = self._shapes(connection, table, columns)
        names = tuple(stage_columns(columns))
        create = stage_ddl(self.qualified(place), names, shapes)
        rows = self.fill_stage(connection, place, create, columns, batches, way)
        return Stage(self.qualified(place), names, rows)

    def _stage_schema(self, connection: sa.Connection, table: TableName) -> str:
        schema = table.schema
        if schema is None or schema.startswith("pg_temp"):  # that one is another in every session
            schema = str(self.rows(connection, "SELECT current_schema()")[0][0])
        return schema

    def _shapes(
        self, connection: sa.Connection, table: TableName, columns: Sequence[Column]
    ) -> list[str]:
        shapes = dict(self.rows(connection, SHAPES, (self.qualified(table),)))
        return [shapes[column.name] for column in columns]

    def plan_attempts(
        self, connection: sa.Connection, table: TableName, columns: Sequence[Column]
    ) -> tuple[TableName, str]:
        place = new_dated_stage(self._stage_schema(connection, table))
        shapes = [*self._shapes(connection, table, columns), f"varchar({ATTEMPT.length})"]
        return place, stage_ddl(self.qualified(place), stage_columns(shapes), shapes)

    def stage(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        batches: Iterable[pl.DataFrame],
        way: Way,
    ) -> Stage:
        names = tuple(stage_columns(columns))
        place = new_stage("pg_temp")
        picked = ", ".join(
            f"{self.quote(column.name)} AS {name}"
            for column, name in zip(columns, names, strict=True)
        )
        self.run(
            connection,
            f"CREATE TEMP TABLE {place.name} ON COMMIT DROP AS "
            f"SELECT {picked} FROM {self.qualified(table)} WITH NO DATA",
        ).close()
        staged = [replace(column, name=name) for column, name in zip(columns, names, strict=True)]
        rows = self.insert_all(connection, place, staged, batches, way)
        return Stage(f"pg_temp.{place.name}", names, rows)

    def index_stage(self, connection: sa.Connection, stage: Stage, keys: Sequence[int]) -> None:  # noqa: ARG002
        """Statistics: the planner knows nothing of a new table, and would join it row by row."""
        self.run(connection, f"ANALYZE {stage.name}").close()

    def differs(self, column: Column, old: str, new: str) -> str:
        if column.type in {"json", "xml"}:  # types without an equality of their own
            return f"{old}::text IS DISTINCT FROM {new}::text"
        binary = ' COLLATE "C"' if column.collation else ""
        return f"{old}{binary} IS DISTINCT FROM {new}{binary}"

    # Out

    @cached_property
    def _arrow(self) -> ArrowReader:
        return ArrowReader(self.settings)

    def close(self) -> None:
        super().close()
        self._arrow.close()

    def fetch(
        self,
        connection: sa.Connection,
        sql: str,
        values: Sequence[Any] | None,
        *,
        batch_rows: int | None = None,
    ) -> Iterator[pl.DataFrame]:
        """As the base's; by Arrow where nothing that this transaction wrote has to be seen."""
        if not connection.info[_WRITES]:
            import psycopg

            text = sql
            if values is not None:
                # The driver's own quoting: the server is asked the same question either way.
                raw: Any = connection.connection.driver_connection
                text = psycopg.ClientCursor(raw).mogrify(sql, values)
            snapshot = connection.info[_SNAPSHOT]
            frames = self._arrow.frames(text, batch_rows=batch_rows, snapshot=snapshot)
            if frames is not None:
                yield from frames
                return
        yield from super().fetch(connection, sql, values, batch_rows=batch_rows)

    @contextmanager
    def snapshot(
        self,
    ) -> Iterator[tuple[sa.Connection, Callable[[str, Sequence[Any] | None], list[pl.DataFrame]]]]:
        """As the base's; each call has a connection of its own, and all see the same rows.

        postgresql.org/docs/current/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION
        """
        with self.begin() as connection:
            self.run(connection, f"SET TRANSACTION {SNAPSHOT_MODE}").close()
            name = self.rows(connection, "SELECT pg_export_snapshot()")[0][0]

            def read(sql: str, values: Sequence[Any] | None) -> list[pl.DataFrame]:
                with self.begin() as own:
                    self.run(own, f"SET TRANSACTION {SNAPSHOT_MODE}").close()
                    self.run(own, f"SET TRANSACTION SNAPSHOT '{name}'").close()
                    own.info[_SNAPSHOT] = name
                    return list(self.fetch(own, sql, values))

            yield connection, read

    def _read_cursor(self, connection: sa.Connection, *, streaming: bool) -> Any:
        raw: Any = connection.connection.driver_connection
        # A plain cursor holds the whole result on this side; a named one leaves it on the server.
        return raw.cursor(name="etl_read") if streaming else raw.cursor()

    def _result_columns(
        self,
        connection: sa.Connection,
        cursor: Any,
        declared: list[str],  # noqa: ARG002 - the cursor tells them
    ) -> list[ResultColumn]:
        raw: Any = connection.connection.driver_connection
        types = raw.adapters.types
        result = []
        for item in cursor.description:
            known = types.get(item.type_code)
            dtype = (
                read_dtype(known.name, self.dialect, precision=item.precision, scale=item.scale)
                # An array is found under the type of its elements.
                if known is not None and known.oid == item.type_code
                else None
            )
            result.append(ResultColumn(item.name, dtype))
        return result


def _text_loaders(connection: Any, _record: object) -> None:
    """JSON and UUID arrive as the text they are, not as Python objects."""
    from psycopg.types.string import TextLoader

    for name in ("json", "jsonb", "uuid"):
        connection.adapters.register_loader(name, TextLoader)
