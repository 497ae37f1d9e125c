"""Reads and writes that are committed together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from etl.io.frames import to_backend
from etl.io.loading import LoadResult, load
from etl.io.names import parse_table_name
from etl.io.options import WriteOptions
from etl.io.reading import as_contract, frames_of, statement

if TYPE_CHECKING:
    import dataframely as dy
    import sqlalchemy as sa

    from etl.io.databases.base import Database
    from etl.io.databases.columns import Column
    from etl.io.frames import Backend, DtypeBackend
    from etl.io.reading import Source
    from etl.io.sql import Params

__all__ = ["Transaction", "given"]


def given(
    frame: pl.DataFrame,
    backend: Backend,
    dtype_backend: DtypeBackend,
    contract: type[dy.Schema] | None,
) -> Any:
    """What was read, in the contract's types, as the caller wants to hold it."""
    typed = frame if contract is None else as_contract(frame, contract)
    return to_backend(typed, backend, dtype_backend)


class Transaction:
    """Reads and writes that are committed together; made by ``db_helper.transaction``."""

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
        """As ``db_helper.read_frame``, seeing what this transaction has written."""
        with self._database.translated():
            frames = frames_of(
                self._database, self.connection, source, params=params, dialect=dialect
            )
            frame = pl.concat(frames, rechunk=False)
            return given(frame, backend, dtype_backend, contract)

    def write_frame(self, frame: Any, table: str | tuple[str, str], **options: Any) -> LoadResult:
        """As ``db_helper.write_frame``, with its options, committed with the rest of the transaction."""
        with self._database.translated():
            return load(self._database, self.connection, frame, table, WriteOptions(**options))

    def execute(
        self, sql: str, params: Params = None, *, dialect: Literal["tsql"] | None = None
    ) -> int:
        """As ``db_helper.execute``, committed with the rest of the transaction."""
        with self._database.translated():
            text, values = statement(self._database, self.connection, sql, params, dialect=dialect)
            cursor = self._database.run(self.connection, text, values)
            try:
                return int(cursor.rowcount)
            finally:
                cursor.close()

    def table_columns(self, table: str | tuple[str, str]) -> list[Column] | None:
        """As ``db_helper.table_columns``."""
        with self._database.translated():
            name = self._database.resolve(self.connection, parse_table_name(table))
            return self._database.columns(self.connection, name)
