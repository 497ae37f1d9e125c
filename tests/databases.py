"""The databases that the engine suite runs against.

SQLite and DuckDB always; PostgreSQL at ``ETL_TEST_POSTGRES_URL`` (by default the local one); SQL Server, by
both drivers, where ``ETL_TEST_MSSQL_URL`` is set. The suite needs nothing but that URL.
"""

from __future__ import annotations

import dataclasses
import os
import socket
import uuid
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from etl.config import DatabaseSettings
from etl.errors import LoadError
from etl.io import db_helper as db
from etl.io.databases import open_database
from etl.io.databases.mssql_sql import IS_BABELFISH
from tests.requires import require

if TYPE_CHECKING:
    from pathlib import Path

POSTGRES_URL = os.environ.get(
    "ETL_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres"
)
MSSQL_URL = os.environ.get("ETL_TEST_MSSQL_URL")

ENGINES = [
    "sqlite",
    "duckdb",
    "postgresql",
    *(["mssql-pyodbc", "mssql-python"] if MSSQL_URL else []),
]


def settings_of(engine: str, directory: Path) -> DatabaseSettings:
    """The settings of one engine of the suite; what is missing skips or, in CI, fails."""
    if engine in {"sqlite", "duckdb"}:
        return DatabaseSettings.from_url(f"{engine}:///{directory / 'test.db'}", name="test")
    if engine == "postgresql":
        settings = DatabaseSettings.from_url(POSTGRES_URL, name="test")
        require(
            listens(settings.host or "127.0.0.1", settings.port or 5432),
            "a PostgreSQL server; set ETL_TEST_POSTGRES_URL",
        )
        return settings
    assert MSSQL_URL is not None
    settings = DatabaseSettings.from_url(MSSQL_URL, name="test")
    driver = "pyodbc" if engine == "mssql-pyodbc" else "mssql-python"
    return dataclasses.replace(settings, driver=driver)


def url_of(engine: str) -> str:
    """The URL of one engine of the suite for a config.yaml; a file's is relative to that."""
    if engine in {"sqlite", "duckdb"}:
        return f"{engine}:///data/test.db"
    if engine == "postgresql":
        return POSTGRES_URL
    driver = "pyodbc" if engine == "mssql-pyodbc" else "mssql-python"
    return f"{MSSQL_URL}{'&' if '?' in str(MSSQL_URL) else '?'}driver={driver}"


def listens(host: str, port: int) -> bool:
    """Whether a server takes connections there."""
    with suppress(OSError), socket.create_connection((host, port), timeout=2):
        return True
    return False


class Door:
    """A database of the suite, with tables of its own that are dropped at the end."""

    def __init__(self, engine: str, settings: DatabaseSettings) -> None:
        self.engine = engine
        self.settings = settings
        self.database = open_database(settings)
        self.dialect = self.database.dialect
        # DuckDB keeps no length of a VARCHAR(n), and its foreign keys never cascade.
        self.keeps_lengths = self.dialect != "duckdb"
        self.cascade = "" if self.dialect == "duckdb" else "ON DELETE CASCADE"
        self._tables: list[str] = []
        self._like: str | None = None

    @cached_property
    def is_babelfish(self) -> bool:
        """Whether it only speaks SQL Server's protocol: some things SQL Server has are missing."""
        if self.dialect != "mssql":
            return False
        with self.database.begin() as connection:
            return bool(self.database.rows(connection, IS_BABELFISH)[0][0])

    def table(self, name: str = "t") -> str:
        """A table's name that nothing else uses, as it stands in a call."""
        unique = f"{name} {uuid.uuid4().hex[:10]}"
        self._tables.append(unique)
        return f'"{unique}"'

    def quoted(self, table: str) -> str:
        """The table as it stands in a statement of this engine."""
        return self.database.quote(table.strip('"'))

    def create(self, columns: str, name: str = "t") -> str:
        """Create a table from the text of its columns; gives its name as for a call.

        A VARCHAR is one of Unicode: on SQL Server, where it is not, an NVARCHAR.
        """
        if self.dialect == "mssql":
            columns = columns.replace("VARCHAR(", "NVARCHAR(")
        table = self.table(name)
        self.execute(f"CREATE TABLE {self.quoted(table)} ({columns})")
        return table

    def create_like(self, kinds: dict[str, tuple[pl.DataType, Any]]) -> str:
        """A table with these columns, made once for the test: property tests come here often."""
        if self._like is None:
            self._like = self.table("like")
            empty = pl.DataFrame(schema={name: dtype for name, (dtype, _) in kinds.items()})
            self.write(empty, self._like, mode="append")
        return self._like

    def execute(self, sql: str, params: Any = None) -> int:
        return db.execute(sql, self.settings, params)

    def write(self, frame: Any, table: str, **options: Any) -> db.LoadResult:
        return db.write_frame(frame, table, self.settings, **options)

    def read(self, source: Any, **options: Any) -> Any:
        return db.read_frame(source, self.settings, **options)

    def drop_tables(self) -> None:
        for name in reversed(self._tables):
            with suppress(LoadError):  # a test may have made only the name
                self.execute(f"DROP TABLE {self.database.quote(name)}")
