"""MariaDB and MySQL: the general path, by PyMySQL and INSERTs of many rows."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import polars as pl

from etl.errors import ConfigError, EtlError, LoadError, TransientError
from etl.io.databases.base import Database, Written
from etl.io.databases.columns import Column, TableName
from etl.io.databases.decode import ResultColumn, plain_series
from etl.io.databases.keyed import Stage, merge
from etl.io.databases.mysql_ddl import drop_if_empty
from etl.io.databases.server_url import server_url
from etl.io.databases.stages import new_stage
from etl.io.locks import SessionLock, lock_number
from etl.io.preflight import Rules
from etl.io.sql_types import read_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import sqlalchemy as sa

    from etl.io.databases.base import NewColumn
    from etl.io.databases.keyed import KeyedMode
    from etl.io.databases.ways import Way

__all__ = ["MysqlDatabase"]

_LOCK_SECONDS: Final = 60
_LOCKED: Final = "etl named locks"
_CREATED: Final = "etl created tables"
_TEXT_KEY: Final = 100
_BINARY_CHARSET: Final = 63
_UNSIGNED: Final = 32

# mariadb.com/kb/en/mariadb-error-code-reference: lock waits, deadlocks, lost or refused sessions.
_TRANSIENT: Final = frozenset(
    {1040, 1053, 1158, 1159, 1160, 1161, 1205, 1213, 1317, 1927, 2002, 2003, 2006, 2013, 2055}
)
_LOGIN: Final = frozenset({1044, 1045, 1049, 1698})
_FULL: Final = frozenset({1021, 1114})

# Strict, or a value that does not fit would be cut; UTC, since a TIMESTAMP shows the session's zone.
_SESSION: Final = (
    "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE'), "
    f"time_zone = '+00:00', lock_wait_timeout = {_LOCK_SECONDS}, "
    f"innodb_lock_wait_timeout = {_LOCK_SECONDS}"
)
# A join without an index goes by hash there, instead of row by row; MySQL does so by itself.
_MARIADB_SESSION: Final = "SET SESSION join_cache_level = 4"

_CATALOGUE: Final = """
    SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION,
           NUMERIC_SCALE, DATETIME_PRECISION, IS_NULLABLE, COLUMN_DEFAULT, EXTRA, COLLATION_NAME
    FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = coalesce(%s, database()) AND TABLE_NAME = %s
    ORDER BY ORDINAL_POSITION
"""
_REFERENCED_BY: Final = """
    SELECT DISTINCT TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE
    WHERE REFERENCED_TABLE_SCHEMA = coalesce(%s, database()) AND REFERENCED_TABLE_NAME = %s
    AND NOT (TABLE_SCHEMA = REFERENCED_TABLE_SCHEMA AND TABLE_NAME = REFERENCED_TABLE_NAME)
"""

# PyMySQL's numbers of types (pymysql.constants.FIELD_TYPE); integers by width, signed and not.
_INTEGERS: Final[dict[int, tuple[pl.DataType, pl.DataType]]] = {
    1: (pl.Int8(), pl.UInt8()),
    2: (pl.Int16(), pl.UInt16()),
    3: (pl.Int32(), pl.UInt32()),
    8: (pl.Int64(), pl.UInt64()),
    9: (pl.Int32(), pl.UInt32()),
    13: (pl.Int16(), pl.UInt16()),
}
_PLAIN: Final[dict[int, pl.DataType]] = {
    4: pl.Float32(),
    5: pl.Float64(),
    7: pl.Datetime("us", "UTC"),
    10: pl.Date(),
    11: pl.Time(),
    12: pl.Datetime("us"),
    16: pl.Binary(),
}
_DECIMALS: Final = frozenset({0, 246})


class MysqlDatabase(Database):
    """A MariaDB or MySQL database, which is what it calls a schema.

    DDL commits there, so a table is created over a connection of its own, and never commits what
    the caller's transaction wrote. It is there, empty, before its rows are committed; if they fail
    it is dropped again, unless the process is killed first.
    """

    dialect = "mysql"
    sqlglot_dialect = "mysql"
    title = "MariaDB"
    rules = Rules(
        folds_case=True, nan=False, infinity=False, date_ranges={"timestamp": (1971, 2037)}
    )
    param_style = "format"
    max_identifier = 64
    loaders: ClassVar[tuple[str, ...]] = ("executemany",)
    stages_sql: ClassVar[str] = (  # temporary tables only: they go with their session
        "SELECT TABLE_SCHEMA, TABLE_NAME, NULL FROM information_schema.TABLES WHERE 1 = 0"
    )

    def _create_engine(self) -> sa.Engine:
        import sqlalchemy as sa

        try:
            import pymysql  # noqa: F401 - asked for here, to say how to get it
        except ImportError as error:
            raise ConfigError(
                f"MariaDB needs PyMySQL: pip install 'data-orchestration[mysql]' ({error})",
                database=self.settings.name,
            ) from error
        at = self.settings
        url = server_url(at, "mysql+pymysql", charset="utf8mb4")
        engine = sa.create_engine(
            url,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"connect_timeout": at.connect_timeout},
        )
        sa.event.listen(engine, "connect", _prepared)
        sa.event.listen(engine, "checkin", _unlocked)
        return engine

    @contextmanager
    def begin(self, *, write: bool = False) -> Iterator[sa.Connection]:
        """As the base's; after an error the tables that it created are gone, too."""
        with super().begin(write=write) as connection:
            created: list[TableName] = []
            connection.info[_CREATED] = created
            try:
                yield connection
            except BaseException:
                drop_if_empty(self, connection, created)
                raise

    def _begin(self, connection: sa.Connection, *, write: bool) -> None:
        """PyMySQL begins a transaction with the first statement."""

    def _session(self) -> Any:
        with self.translated():
            pooled = self.engine.raw_connection()
            session = pooled.driver_connection
            pooled.detach()
            return session

    def named_lock(self, name: str) -> SessionLock:
        """A lock of the server's, by name, of a session of its own."""
        key = _lock_name(name)
        return SessionLock(
            self._session,
            take=f"SELECT GET_LOCK('{key}', 0)",
            release=f"SELECT RELEASE_LOCK('{key}')",
        )

    def translate(self, error: Exception) -> EtlError | None:
        """PyMySQL's errors, by number."""
        import pymysql

        original: Any = getattr(error, "orig", None) or error
        if not isinstance(original, pymysql.MySQLError):
            return None
        number = original.args[0] if original.args else None
        text = str(original.args[-1]) if original.args else str(original)
        if number in _LOGIN:
            return self.failure(f"{text}; check its username, password and database", ConfigError)
        if number in _TRANSIENT or isinstance(original, pymysql.InterfaceError):
            return self.failure(text, TransientError)
        if number in _FULL:
            return self.failure(f"the disk is full; nothing was written: {text}")
        return self.failure(f"{text} ({number})")

    def _quoting_dialect(self) -> Any:
        from sqlalchemy.dialects.mysql.base import MySQLDialect

        return MySQLDialect(paramstyle="named")

    # The catalogue

    def schema_exists(self, connection: sa.Connection, schema: str) -> bool:
        sql = "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s"
        return bool(self.rows(connection, sql, (schema,)))

    def columns(self, connection: sa.Connection, table: TableName) -> list[Column] | None:
        rows = self.rows(connection, _CATALOGUE, (table.schema, table.name))
        return [self._column(row) for row in rows] or None

    def _column(self, row: Sequence[Any]) -> Column:
        name, kind, shape, length, precision, scale, fraction, nullable, default = row[:9]
        kind = "boolean" if shape == "tinyint(1)" else kind.lower()
        if shape.endswith("unsigned"):
            kind += " unsigned"
        digits = (precision, scale) if kind.startswith("decimal") else (None, fraction)
        extra = str(row[9]).lower()
        dtype = read_dtype(
            kind.removesuffix(" unsigned") if kind.startswith("decimal") else kind,
            self.dialect,
            precision=digits[0],
            scale=digits[1],
        )
        return Column(
            name=name,
            type=kind,
            dtype=dtype or pl.String(),
            length=None if length is None or length > 2**24 else int(length),
            precision=digits[0],
            scale=digits[1],
            nullable=nullable == "YES",
            has_default=(default is not None and default != "NULL") or "auto_increment" in extra,
            generated="generated" in extra and "default_generated" not in extra,
            collation=row[10],
        )

    def referenced_by(self, connection: sa.Connection, table: TableName) -> list[str]:
        found = self.rows(connection, _REFERENCED_BY, (table.schema, table.name))
        return [row[0] for row in found]

    def create_table(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Iterable[NewColumn],
    ) -> None:
        """As the base's, over a connection of its own: it commits."""
        with self.engine.connect() as own:
            super().create_table(own, table, columns)
        connection.info[_CREATED].append(table)

    # In

    def lock(self, connection: sa.Connection, table: TableName) -> None:
        """Keep this package's other loads of the table out until the connection is given back."""
        connection.info[_LOCKED] = True
        schema = table.schema or self.settings.database
        key = _lock_name(f"load {schema}.{table.name}".casefold())
        if self.rows(connection, f"SELECT GET_LOCK('{key}', {_LOCK_SECONDS})")[0][0] != 1:
            raise self.failure(
                f"another load of {table} holds it; run it again later", TransientError
            )

    def insert(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        frame: pl.DataFrame,
        loader: str,  # noqa: ARG002 - there is one
    ) -> int:
        names = ", ".join(self.quote(column.name) for column in columns).replace("%", "%%")
        marks = ", ".join(["%s"] * frame.width)
        target = self.qualified(table).replace("%", "%%")
        raw: Any = connection.connection
        with raw.cursor() as cursor:
            # PyMySQL makes statements of many rows of it, up to a megabyte each.
            cursor.executemany(
                f"INSERT INTO {target} ({names}) VALUES ({marks})", frame.iter_rows()
            )
            return int(cursor.rowcount)

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
        """As the base's; the stage is made with an index of the key: a later one would commit."""
        self.lock(connection, table)
        keys = [column.name for column in columns if column.name in key]
        stage = self._stage(connection, table, columns, batches, way, keys)
        merged = merge(self, connection, table, columns, stage, mode=mode, key=key)
        self.drop_stage(connection, stage)
        return Written.by_key(stage, merged, way)

    def stage(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        batches: Iterable[pl.DataFrame],
        way: Way,
    ) -> Stage:
        return self._stage(connection, table, columns, batches, way, [])

    def _stage(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        batches: Iterable[pl.DataFrame],
        way: Way,
        keys: Sequence[str],
    ) -> Stage:
        # Names that no target has: in an UPDATE of a join, its columns stand without a table.
        names = tuple(f"_etl_c{number}" for number in range(1, len(columns) + 1))
        place = new_stage()
        picked = ", ".join(
            f"{self.quote(column.name)} AS {name}"
            for column, name in zip(columns, names, strict=True)
        )
        parts = [
            _key_part(column, name)
            for column, name in zip(columns, names, strict=True)
            if column.name in keys
        ]
        index = f"(INDEX ({', '.join(parts)}))" if parts else ""
        self.run(
            connection,
            f"CREATE TEMPORARY TABLE {place.name} {index} "
            f"SELECT {picked} FROM {self.qualified(table)} LIMIT 0",
        ).close()
        staged = [replace(column, name=name) for column, name in zip(columns, names, strict=True)]
        rows = self.insert_all(connection, place, staged, batches, way)
        return Stage(place.name, names, rows)

    def drop_stage(self, connection: sa.Connection, stage: Stage) -> None:
        self.run(connection, f"DROP TEMPORARY TABLE {stage.name}").close()

    def delete_where(self, connection: sa.Connection, target: str, condition: str) -> int:
        return self.counted(connection, f"DELETE t FROM {target} AS t WHERE {condition}")

    def update_from(
        self,
        connection: sa.Connection,
        target: str,
        stage: str,
        changes: str,
        same: str,
        differs: str,
    ) -> int:
        return self.counted(
            connection,
            f"UPDATE {target} AS t INNER JOIN {stage} AS s ON {same} SET {changes} WHERE {differs}",
        )

    def differs(self, column: Column, old: str, new: str) -> str:
        if column.dtype == pl.String:
            return f"NOT (BINARY {old} <=> BINARY {new})"
        return f"NOT ({old} <=> {new})"

    # Out

    def _read_cursor(self, connection: sa.Connection, *, streaming: bool) -> Any:
        import pymysql.cursors

        raw: Any = connection.connection.driver_connection
        return raw.cursor(pymysql.cursors.SSCursor) if streaming else raw.cursor()

    def _result_columns(
        self,
        connection: sa.Connection,  # noqa: ARG002 - the base's signature
        cursor: Any,
        declared: list[str],  # noqa: ARG002
    ) -> list[ResultColumn]:
        # What PEP 249's description leaves out: the sign, and whether text is bytes.
        return [ResultColumn(field.name, _dtype(field)) for field in cursor._result.fields]

    def _decode(self, values: Sequence[Any], column: ResultColumn) -> pl.Series:
        return plain_series(_as_python(values, column), column)


def _lock_name(name: str) -> str:
    return f"etl:{lock_number(name)}"  # 64 characters are allowed


def _key_part(column: Column, name: str) -> str:
    if column.dtype not in (pl.String, pl.Binary):
        return name
    return f"{name}({min(column.length or _TEXT_KEY, _TEXT_KEY)})"


def _prepared(raw: Any, _record: object) -> None:
    """A new connection; its first statements."""
    with raw.cursor() as cursor:
        cursor.execute(_SESSION)
        if "mariadb" in str(raw.get_server_info()).lower():
            cursor.execute(_MARIADB_SESSION)


def _unlocked(raw: Any, record: Any) -> None:
    """A connection goes back to the pool, its transaction at an end; None if it broke."""
    if raw is not None and record.info.pop(_LOCKED, False):
        with raw.cursor() as cursor:
            cursor.execute("SELECT RELEASE_ALL_LOCKS()")


def _dtype(field: Any) -> pl.DataType | None:
    """A result column's type by its protocol description."""
    kind = field.type_code
    if kind in _INTEGERS:
        signed, unsigned = _INTEGERS[kind]
        if kind == 1 and field.length == 1:
            return pl.Boolean()
        return unsigned if field.flags & _UNSIGNED else signed
    if kind in _DECIMALS:
        # The length counts a point, and a sign where there may be one.
        digits = field.length - (field.scale > 0) - (not field.flags & _UNSIGNED)
        return pl.Decimal(digits, field.scale) if 0 < digits <= 38 else None
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind == 6:  # NULL
        return None
    return pl.Binary() if field.charsetnr == _BINARY_CHARSET else pl.String()


def _as_python(values: Sequence[Any], column: ResultColumn) -> Sequence[Any]:
    """PyMySQL's values where they are of another class than the column's type has."""
    dtype = column.dtype
    if dtype == pl.Boolean:
        return [None if value is None else bool(value) for value in values]
    if dtype == pl.Time:
        return [None if value is None else _time(value, column.name) for value in values]
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        return [
            value.replace(tzinfo=dt.UTC) if hasattr(value, "tzinfo") else value for value in values
        ]
    return values


def _time(value: Any, name: str) -> dt.time:
    """A TIME is a span there, of up to 838 hours."""
    if not isinstance(value, dt.timedelta) or not dt.timedelta(0) <= value < dt.timedelta(days=1):
        raise LoadError(
            f"column {name!r} holds {value}, which is no time of day; cast it in the query"
        )
    return (dt.datetime.combine(dt.date.min, dt.time()) + value).time()
