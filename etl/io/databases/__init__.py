"""The engines, a file each; :func:`open_database` picks one by the configuration."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from etl.errors import ConfigError

if TYPE_CHECKING:
    from etl.config import DatabaseSettings
    from etl.io.databases.base import Database

__all__ = ["close_databases", "open_database"]

_ENGINES: Final = {
    "sqlite": ("etl.io.databases.sqlite", "SqliteDatabase"),
    "postgresql": ("etl.io.databases.postgres", "PostgresDatabase"),
    "duckdb": ("etl.io.databases.duckdb", "DuckdbDatabase"),
    "mysql": ("etl.io.databases.mysql", "MysqlDatabase"),
    "mssql": ("etl.io.databases.mssql", "MssqlDatabase"),
}
_open: dict[DatabaseSettings, Database] = {}
_lock = threading.Lock()


def open_database(settings: DatabaseSettings) -> Database:
    """The database of these settings; one object, and so one pool, for equal settings.

    Raises
    ------
    ConfigError
        There is no such engine, or its driver is missing.
    """
    import importlib

    try:
        module, name = _ENGINES[settings.engine]
    except KeyError:
        raise ConfigError(
            f"database {settings.name!r}: no engine {settings.engine!r}; "
            f"there are {', '.join(_ENGINES)}",
            database=settings.name,
        ) from None
    with _lock:
        if settings not in _open:
            made: Database = getattr(importlib.import_module(module), name)(settings)
            _open[settings] = made
        return _open[settings]


def close_databases() -> None:
    """Close every pool: before a fork, or when files are to be moved."""
    with _lock:
        for database in _open.values():
            database.close()
        _open.clear()
