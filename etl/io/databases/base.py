"""What every engine is to the package: connections, a catalogue, a fast way in and a way out."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

from etl.errors import ContractError
from etl.io.databases.columns import Column, TableName
from etl.io.databases.decode import Decoder, ResultColumn
from etl.io.databases.keyed import merge
from etl.io.databases.session import Session
from etl.io.sql_types import ddl_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import polars as pl
    import sqlalchemy as sa

    from etl.io.databases.keyed import KeyedMode, Merged, Stage
    from etl.io.databases.ways import Way
    from etl.io.preflight import Rules
    from etl.io.sql import ParamStyle

__all__ = ["Database", "NewColumn", "Written"]

FETCH_ROWS: Final = 50_000


@dataclass(frozen=True, kw_only=True)
class NewColumn:
    """A column of a table that is about to be created."""

    name: str
    dtype: pl.DataType
    length: int | None = None
    nullable: bool = True
    primary_key: bool = False


@dataclass(frozen=True, kw_only=True)
class Written:
    """What the server says that a load did."""

    arrived: int
    """Rows that the server received: as many as the frame has, or the load is rolled back."""
    inserted: int
    updated: int = 0
    deleted: int = 0
    way: Way

    @classmethod
    def by_key(cls, stage: Stage, merged: Merged, way: Way) -> Written:
        """Of a load that went by key, through a stage."""
        return cls(
            arrived=stage.rows,
            inserted=merged.inserted,
            updated=merged.updated,
            deleted=merged.deleted,
            way=way,
        )


class Database(Session):
    """One configured database.

    A new engine is a subclass in a file of its own and a row in the type table; nothing else
    changes. Connections come from a pool that checks them before it hands them out.
    """

    dialect: ClassVar[str]
    """The name in the type table."""
    sqlglot_dialect: ClassVar[str]
    rules: ClassVar[Rules]
    brackets: ClassVar[bool] = False
    """Whether ``[x]`` is an identifier."""
    param_style: ClassVar[ParamStyle] = "qmark"
    max_identifier: ClassVar[int] = 128
    identifier_unit: ClassVar[str] = "characters"
    one_process: ClassVar[bool] = False
    """Whether a process that writes keeps all others from reading, too."""
    parallel_reads: ClassVar[bool] = False
    """Whether a result comes faster in parts over several connections."""
    parallel_loads: ClassVar[bool] = False
    """Whether rows go in over several connections at once, where ``workers`` asks for it."""
    loaders: ClassVar[tuple[str, ...]]
    """The ways in, by the names that ``loader=`` takes."""
    stages_sql: ClassVar[str]
    """Permanent staging tables: schema, name, and age in seconds or null."""

    @cached_property
    def _preparer(self) -> Any:
        return self._quoting_dialect().identifier_preparer

    @abstractmethod
    def _quoting_dialect(self) -> Any:
        """The SQLAlchemy dialect whose quoting rules hold for raw text."""

    def quote(self, name: str) -> str:
        """An identifier as the engine quotes it.

        Raises
        ------
        ContractError
            The engine can't have such a name, or would cut it.
        """
        size = len(name.encode() if self.identifier_unit == "bytes" else name)
        if not name or "\0" in name or size > self.max_identifier:
            raise ContractError(
                f"{name[:60]!r} is no name for {self.title}: it takes 1 to {self.max_identifier} "
                f"{self.identifier_unit} and no NUL"
            )
        return str(self._preparer.quote_identifier(name))

    def qualified(self, table: TableName) -> str:
        """A table as it stands in a statement."""
        name = self.quote(table.name)
        return f"{self.quote(table.schema)}.{name}" if table.schema else name

    # The catalogue

    @abstractmethod
    def schema_exists(self, connection: sa.Connection, schema: str) -> bool:
        """Whether the database has a schema of that name."""

    def resolve(self, connection: sa.Connection, table: TableName) -> TableName:
        """The table to use: ``dbo`` means the default schema where no schema has that name."""
        if (
            table.schema is not None
            and table.schema.casefold() == "dbo"
            and not self.schema_exists(connection, table.schema)
        ):
            return TableName(table.name)
        return table

    @abstractmethod
    def columns(self, connection: sa.Connection, table: TableName) -> list[Column] | None:
        """The table's columns in their order; None where there is no such table."""

    @abstractmethod
    def referenced_by(self, connection: sa.Connection, table: TableName) -> list[str]:
        """The other tables whose foreign keys point to this one."""

    def create_table(
        self, connection: sa.Connection, table: TableName, columns: Iterable[NewColumn]
    ) -> None:
        """Create a table from the type table's types."""
        self.run(connection, self.create_table_sql(table, columns)).close()

    def create_table_sql(self, table: TableName, columns: Iterable[NewColumn]) -> str:
        """The statement that creates a table from the type table's types."""
        columns = list(columns)
        lines = [
            f"{self.quote(c.name)} {ddl_type(c.dtype, self.dialect, length=c.length)}"
            f"{'' if c.nullable and not c.primary_key else ' NOT NULL'}"
            for c in columns
        ]
        key = ", ".join(self.quote(c.name) for c in columns if c.primary_key)
        if key:
            lines.append(f"PRIMARY KEY ({key})")
        return f"CREATE TABLE {self.qualified(table)} ({', '.join(lines)})"

    def count(self, connection: sa.Connection, table: TableName) -> int:
        """The server's count of rows."""
        return int(self.rows(connection, self.count_sql(self.qualified(table)))[0][0])

    @staticmethod
    def count_sql(table: str) -> str:
        """A query that counts a table's rows."""
        return f"SELECT COUNT(*) FROM {table}"

    # In

    def usual_loader(
        self,
        connection: sa.Connection,  # noqa: ARG002 - for engines where the driver decides
        rows: int | None,  # noqa: ARG002 - and the size
    ) -> str:
        """The loader for so many rows (None: a stream) where none is asked for."""
        return self.loaders[0]

    def lacking(
        self,
        connection: sa.Connection,  # noqa: ARG002
        loader: str,  # noqa: ARG002
        rows: int | None,  # noqa: ARG002
    ) -> str:
        """What a loader lacks to be used here; empty where it can be."""
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
        """Load batches that fit the table into it, within the connection's transaction.

        Parameters
        ----------
        connection
            In a transaction that the caller commits or rolls back.
        table, columns
            The target and its columns, as many as the batches have and in their order.
        batches
            Frames with the columns' names and dtypes.
        clear
            Delete the table's rows first (``replace``).
        way
            By which loader, over how many connections.
        """
        self.lock(connection, table)
        deleted = self.delete_all(connection, self.qualified(table)) if clear else 0
        inserted = self.insert_all(connection, table, columns, batches, way)
        return Written(arrived=inserted, inserted=inserted, deleted=deleted, way=way)

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
        """As :meth:`write`, by key: through a stage beside the target."""
        self.lock(connection, table)
        stage = self.stage(connection, table, columns, batches, way)
        merged = merge(self, connection, table, columns, stage, mode=mode, key=key)
        self.drop_stage(connection, stage)
        return Written.by_key(stage, merged, way)

    # By key: a stage, and the statements that dialects write differently.

    @abstractmethod
    def stage(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        batches: Iterable[pl.DataFrame],
        way: Way,
    ) -> Stage:
        """Load the batches into a new table beside the target, of its columns' types."""

    def index_stage(self, connection: sa.Connection, stage: Stage, keys: Sequence[int]) -> None:
        """Index a stage by its key columns, where the engine would join it row by row."""

    def drop_stage(self, connection: sa.Connection, stage: Stage) -> None:
        """Remove a stage."""
        self.run(connection, f"DROP TABLE {stage.name}").close()

    def counted(self, connection: sa.Connection, sql: str) -> int:
        """Run a statement that changes rows; gives the server's count of them."""
        cursor = self.run(connection, sql)
        try:
            return int(cursor.rowcount)
        finally:
            cursor.close()

    def delete_all(self, connection: sa.Connection, target: str) -> int:
        """Empty the target. DELETE, not TRUNCATE: triggers fire, and readers see the old rows."""
        return self.counted(connection, f"DELETE FROM {target}")

    def delete_where(self, connection: sa.Connection, target: str, condition: str) -> int:
        """Delete the target's rows (``t``) for which a condition holds."""
        return self.counted(connection, f"DELETE FROM {target} AS t WHERE {condition}")

    def update_from(
        self,
        connection: sa.Connection,
        target: str,
        stage: str,
        changes: str,
        same: str,
        differs: str,
    ) -> int:
        """Update the target's rows (``t``) from those of the stage (``s``) with the same key."""
        return self.counted(
            connection,
            f"UPDATE {target} AS t SET {changes} FROM {stage} AS s WHERE {same} AND {differs}",
        )

    @abstractmethod
    def differs(self, column: Column, old: str, new: str) -> str:
        """A condition that two values are not the same to the byte; null equals null."""

    @abstractmethod
    def lock(self, connection: sa.Connection, table: TableName) -> None:
        """Keep other writers of the table out until the transaction ends; readers go on."""

    def insert_all(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        batches: Iterable[pl.DataFrame],
        way: Way,
    ) -> int:
        """Add the rows of batches within the transaction; gives the server's count of them."""
        return sum(
            self.insert(connection, table, columns, batch, way.loader)
            for batch in batches
            if columns and not batch.is_empty()
        )

    @abstractmethod
    def insert(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        frame: pl.DataFrame,
        loader: str,
    ) -> int:
        """Add the rows of a frame, at least one; gives the server's count of them."""

    # Out

    def fetch(
        self,
        connection: sa.Connection,
        sql: str,
        values: Sequence[Any] | None,
        *,
        batch_rows: int | None = None,
    ) -> Iterator[pl.DataFrame]:
        """Run a query and give its rows in frames of one schema: at least one, perhaps empty.

        Raises
        ------
        ContractError
            Two columns of the result have one name.
        """
        declared = self._declared_types(connection, sql)
        cursor = self._read_cursor(connection, streaming=batch_rows is not None)
        try:
            if values is None:
                cursor.execute(sql)
            else:
                cursor.execute(sql, tuple(values))
            if cursor.description is None:
                raise ContractError(f"the statement gives no rows: {sql[:80]!r}; use execute()")
            decoder = Decoder(self._result_columns(connection, cursor, declared), self._decode)
            # batch_rows is a promise of size; without it, one frame comes from a few large ones.
            yield from decoder.frames(cursor, batch_rows or FETCH_ROWS)
        finally:
            cursor.close()

    @contextmanager
    def snapshot(
        self,
    ) -> Iterator[tuple[sa.Connection, Callable[[str, Sequence[Any] | None], list[pl.DataFrame]]]]:
        """A read transaction, and a function that reads a query as it sees the database.

        Where :attr:`parallel_reads`, threads may call the function at once.
        """
        with self.begin() as connection:
            yield connection, lambda sql, values: list(self.fetch(connection, sql, values))

    def decode(self, values: Sequence[Any], column: ResultColumn) -> pl.Series:
        """The driver's Python values as a series of the column's type."""
        return self._decode(values, column)

    def _read_cursor(
        self,
        connection: sa.Connection,
        *,
        streaming: bool,  # noqa: ARG002 - for engines whose plain cursor holds all rows
    ) -> Any:
        return connection.connection.cursor()

    def _declared_types(
        self,
        connection: sa.Connection,  # noqa: ARG002 - for engines that have to be asked first
        sql: str,  # noqa: ARG002
    ) -> list[str]:
        """Types that must be asked for before a query runs; most cursors tell theirs after it."""
        return []

    def _result_columns(
        self,
        connection: sa.Connection,  # noqa: ARG002 - for engines that have to ask once more
        cursor: Any,
        declared: list[str],  # noqa: ARG002
    ) -> list[ResultColumn]:
        """Names and types of a running query's columns; here the values tell the types."""
        return [ResultColumn(str(item[0]), None) for item in cursor.description]

    def _decode(self, values: Sequence[Any], column: ResultColumn) -> pl.Series:
        """The driver's Python values as a series of the column's type."""
        from etl.io.databases.decode import plain_series

        return plain_series(values, column)
