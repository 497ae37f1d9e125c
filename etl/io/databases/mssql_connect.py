"""Connections to SQL Server, by pyodbc or by mssql-python."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Literal

from etl.errors import ConfigError
from etl.io.databases.odbc import (
    connection_string,
    find_driver,
    import_pyodbc,
    join_parts,
    login_parts,
    unloadable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from etl.config import DatabaseSettings

__all__ = ["Client", "choose_client", "connector", "create_engine", "import_mssql_python"]

logger = logging.getLogger(__name__)

Client = Literal["pyodbc", "mssql-python"]

_DIALECTS: Final = {"pyodbc": "mssql+pyodbc://", "mssql-python": "mssql+mssqlpython://"}
_INSTALL: Final = "pip install 'data-orchestration[mssql]'"


def import_mssql_python() -> Any:
    """Import mssql-python, without its pool: a lock has to go with the session that is closed.

    Raises
    ------
    ConfigError
        It is missing, or a system library that it needs; says how to get it.
    """
    try:
        import mssql_python
    except ModuleNotFoundError as error:
        raise ConfigError(f"mssql-python is not installed: {_INSTALL}") from error
    except ImportError as error:
        raise ConfigError(unloadable("mssql-python", str(error))) from error
    # SQLAlchemy's dialect does the same, but only once there is an engine.
    mssql_python.pooling(enabled=False)
    return mssql_python


def choose_client(settings: DatabaseSettings) -> tuple[Client, str]:
    """The package to connect with, and the ODBC driver that it is told to use.

    Without a ``driver`` setting it is pyodbc; where that finds no driver or can't be loaded,
    mssql-python, which needs no ODBC manager.

    Raises
    ------
    ConfigError
        There is no driver; says what to install.
    """
    if settings.driver == "mssql-python":
        import_mssql_python()
        return "mssql-python", ""
    try:
        return "pyodbc", find_driver(None if settings.driver == "pyodbc" else settings.driver)
    except ConfigError as error:
        if settings.driver is not None:
            raise
        try:
            import_mssql_python()
        except ConfigError:
            raise error from None
        logger.info("database %r by mssql-python: %s", settings.name, error)
        return "mssql-python", ""


def connector(settings: DatabaseSettings, client: Client, driver: str) -> Callable[[], Any]:
    """A function that opens a connection, with autocommit off.

    The connection string holds the password: it is made anew each time and kept nowhere.
    """

    def by_pyodbc() -> Any:
        return import_pyodbc().connect(
            connection_string(settings, driver), timeout=settings.connect_timeout, autocommit=False
        )

    def by_mssql_python() -> Any:
        return import_mssql_python().connect(
            join_parts(login_parts(settings)), timeout=settings.connect_timeout, autocommit=False
        )

    return by_pyodbc if client == "pyodbc" else by_mssql_python


def create_engine(client: Client, connect: Callable[[], Any]) -> sa.Engine:
    """SQLAlchemy's engine over those connections: pooled, and checked before each use."""
    import sqlalchemy as sa

    return sa.create_engine(
        _DIALECTS[client],
        creator=connect,
        pool_pre_ping=True,
        pool_recycle=1500,  # Azure's gateway drops what was idle for 30 minutes
        hide_parameters=True,
    )
