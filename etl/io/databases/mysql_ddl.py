"""Undoing on MariaDB what its DDL has committed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    import sqlalchemy as sa

    from etl.io.databases.base import Database
    from etl.io.databases.columns import TableName

__all__ = ["drop_if_empty"]

logger = logging.getLogger(__name__)

_WAIT_SECONDS: Final = 5


def drop_if_empty(
    database: Database, connection: sa.Connection, tables: Iterable[TableName]
) -> None:
    """Drop tables that a failed transaction made, unless somebody has put rows into them since.

    Never raises: the failure that led here is what the caller has to hear of. A table that stays
    is named in a warning.
    """
    for table in tables:
        name = database.qualified(table)
        try:
            connection.connection.rollback()  # its own rows go, and its hold on the table
            database.run(connection, f"SET SESSION lock_wait_timeout = {_WAIT_SECONDS}").close()
            # Alone with the table: a transaction that writes to it has ended by now.
            database.run(connection, f"LOCK TABLES {name} WRITE").close()
            try:
                if not database.rows(connection, f"SELECT 1 FROM {name} LIMIT 1"):
                    database.run(connection, f"DROP TABLE {name}").close()
            finally:
                database.run(connection, "UNLOCK TABLES").close()
                database.run(connection, "SET SESSION lock_wait_timeout = DEFAULT").close()
        except Exception as error:  # noqa: BLE001 - a lost connection, a right that is missing
            logger.warning("the new table %s is left behind: %s", table, error)
