"""What a database holds: its tables by name, and a table's primary key; for making new jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from etl.io.databases import open_database
from etl.io.databases.mssql_sql import PRIMARY_KEY
from etl.io.names import parse_table_name
from etl.io.tables import database_exists

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.config import DatabaseSettings

__all__ = ["primary_key", "table_names"]

# The package's own tables are no sources.
_OWN: Final = "etl_"

_TABLES: Final[Mapping[str, str]] = {
    "sqlite": "SELECT NULL, name FROM sqlite_master WHERE type IN ('table', 'view') "
    "AND name NOT LIKE 'sqlite!_%' ESCAPE '!'",
    "postgresql": "SELECT table_schema, table_name FROM information_schema.tables "
    "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')",
    "duckdb": "SELECT table_schema, table_name FROM information_schema.tables "
    "WHERE table_catalog = current_database()",
    "mysql": "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES "
    "WHERE TABLE_SCHEMA NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')",
    "mssql": "SELECT TABLE_SCHEMA, TABLE_NAME FROM INFORMATION_SCHEMA.TABLES",
}
# The parameters are the schema (null for the default one) and the table's name.
_KEYS: Final[Mapping[str, str]] = {
    "sqlite": "SELECT name FROM pragma_table_info(?2, coalesce(?1, 'main')) WHERE pk > 0 ORDER BY pk",
    "postgresql": """
        SELECT a.attname
        FROM pg_index i
        CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, position)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE i.indisprimary AND i.indrelid = to_regclass(
          coalesce(quote_ident(%s) || '.', '') || quote_ident(%s))
        ORDER BY k.position
    """,
    "duckdb": "SELECT unnest(constraint_column_names) FROM duckdb_constraints() "
    "WHERE constraint_type = 'PRIMARY KEY' AND database_name = current_database() "
    "AND lower(schema_name) = lower(coalesce(?, current_schema())) "
    "AND lower(table_name) = lower(?)",
    "mysql": "SELECT COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE "
    "WHERE CONSTRAINT_NAME = 'PRIMARY' AND TABLE_SCHEMA = coalesce(%s, database()) "
    "AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
    "mssql": PRIMARY_KEY,
}


def table_names(settings: DatabaseSettings) -> list[str]:
    """The tables and views of a database that this login sees, with their schemas, by name.

    A database file that is not there yet has none, and is not made.

    Raises
    ------
    LoadError
        The database refused.

    Examples
    --------
    >>> from etl.config import DatabaseSettings
    >>> table_names(DatabaseSettings.from_url("sqlite:////nowhere/at/all.db"))
    []
    """
    if not database_exists(settings):
        return []
    database = open_database(settings)
    with database.begin() as connection, database.translated():
        found = database.rows(connection, _TABLES[database.dialect])
    return sorted(
        f"{_written(schema)}.{_written(name)}" if schema else _written(name)
        for schema, name in found
        if not name.lower().startswith((_OWN, f"_{_OWN}"))
    )


def primary_key(settings: DatabaseSettings, table: str) -> tuple[str, ...]:
    """The columns of a table's primary key, in the key's order; none where there is no key.

    Raises
    ------
    LoadError
        The database refused.

    Examples
    --------
    >>> from etl.config import DatabaseSettings
    >>> primary_key(DatabaseSettings.from_url("sqlite://"), "no_such_table")
    ()
    """
    database = open_database(settings)
    with database.begin() as connection, database.translated():
        name = database.resolve(connection, parse_table_name(table))
        schema = name.schema
        if schema is None and database.dialect == "mssql":
            [(schema,)] = database.rows(connection, "SELECT SCHEMA_NAME()")
        found = database.rows(connection, _KEYS[database.dialect], (schema, name.name))
    return tuple(str(row[0]) for row in found)


def _written(part: str) -> str:
    """A part of a name, quoted where it would be taken for something else."""
    plain = part == part.strip() and not set(part) & set('."[]`')
    return part if plain else '"' + part.replace('"', '""') + '"'
