"""What must go from a script, as data: the rule's name, why, and what to use instead."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CONNECTS", "RULES", "Rule"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One thing that must go; ``instead`` is an order, as a message needs it."""

    name: str
    what: str
    why: str
    instead: str


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            Rule(
                name="own-connection",
                what="a connection of its own",
                why="Every script that connects by itself has its own driver, timeout and secrets.",
                instead="name the database in config.yaml and use db.read_frame, db.write_frame or "
                "db.get_connection of etl.io.db_helper",
            ),
            Rule(
                name="sys-path",
                what="a change of the import path",
                why="What is imported then depends on where the script is started from.",
                instead="install the package (pip install data-orchestration, or uv sync) and import it",
            ),
            Rule(
                name="hard-coded-credentials",
                what="a secret in the source",
                why="Whoever reads the file, its history or a traceback has the secret.",
                instead="keep it in an environment variable and name it as ${NAME} in config.yaml; "
                "then change the secret: it is known",
            ),
            Rule(
                name="row-by-row",
                what="rows that are written one at a time",
                why="Each row costs a round trip, and an error half way leaves half of them.",
                instead="collect the rows in a frame and write it once: "
                'db.write_frame(frame, table, database, mode="append" or "upsert")',
            ),
            Rule(
                name="truncate-before-load",
                what="a table that is emptied before it is loaded",
                why="Readers see it empty meanwhile, and it stays so when the load fails.",
                instead='use db.write_frame(frame, table, database, mode="replace" or "sync"), '
                "which is all or nothing",
            ),
            Rule(
                name="string-built-sql",
                what="SQL that is put together from text",
                why="A quote in a value breaks it, or worse: it is how SQL is injected.",
                instead='bind values as parameters: db.read_frame("... where po = :po", database, '
                'params={"po": po})',
            ),
            Rule(
                name="unreadable",
                what="a file that Python can't read",
                why="Nothing can be said of what is in it.",
                instead="mend the file, or leave it out",
            ),
        )
    }
)

CONNECTS: Final = frozenset(
    {
        "MySQLdb.connect",
        "adbc_driver_postgresql.dbapi.connect",
        "adbc_driver_sqlite.dbapi.connect",
        "adodbapi.connect",
        "connectorx.read_sql",
        "cx_Oracle.connect",
        "duckdb.connect",
        "jaydebeapi.connect",
        "mssql_python.connect",
        "mysql.connector.connect",
        "oracledb.connect",
        "psycopg.Connection.connect",
        "psycopg.connect",
        "psycopg2.connect",
        "pymssql.connect",
        "pymysql.connect",
        "pyodbc.connect",
        "pypyodbc.connect",
        "snowflake.connector.connect",
        "sqlalchemy.create_engine",
        "sqlalchemy.engine.create_engine",
        "sqlalchemy.ext.asyncio.create_async_engine",
        "sqlite3.connect",
        "turbodbc.connect",
    }
)
"""What opens a connection, by its full name."""
