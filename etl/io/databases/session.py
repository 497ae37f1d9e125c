"""Connections of one database: the pool, transactions, statements, and errors in our words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from etl.errors import EtlError, LoadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import sqlalchemy as sa

    from etl.config import DatabaseSettings
    from etl.io.locks import Lock

__all__ = ["Session"]


class Session(ABC):
    """What a database is before any table: somewhere to connect to, and a transaction.

    Connections come from a pool that checks them before it hands them out.
    """

    title: ClassVar[str]
    """What people call the engine."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.settings = settings

    def __repr__(self) -> str:
        return f"<{self.title} {self.label}>"

    @property
    def label(self) -> str:
        """The database as messages name it: never a user, never a password."""
        at = self.settings
        return f"database {at.name!r} ({at.where})" if at.name else f"database {at.where}"

    @cached_property
    def engine(self) -> sa.Engine:
        """The SQLAlchemy engine, with its pool."""
        return self._create_engine()

    @abstractmethod
    def _create_engine(self) -> sa.Engine:
        """Make the engine; a missing driver is a ConfigError that says what to install."""

    def close(self) -> None:
        """Close the pool; the next use opens it anew."""
        self.engine.dispose()

    # Transactions

    @contextmanager
    def begin(self, *, write: bool = False) -> Iterator[sa.Connection]:
        """A connection in one transaction: committed at the end, rolled back on any error.

        Raises
        ------
        LoadError
            For any error of the driver's, with what it says and without a password.
        """
        with self.translated():
            connection = self.engine.connect()
            try:
                with connection.begin():
                    self._begin(connection, write=write)
                    yield connection
            finally:
                connection.close()

    @abstractmethod
    def _begin(self, connection: sa.Connection, *, write: bool) -> None:
        """What the engine does first in a transaction."""

    def start(self, pooled: Any) -> None:  # noqa: B027 - a hook
        """Begin a transaction on a connection that a caller holds; most drivers do so themselves."""

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn the driver's errors into this package's."""
        try:
            yield
        except EtlError:
            raise
        except Exception as error:
            translated = self.translate(error)
            if translated is None:
                raise
            translated.database = self.settings.name
            raise translated from error

    @abstractmethod
    def translate(self, error: Exception) -> EtlError | None:
        """The package's error for a driver's; None for one that is no driver's."""

    def failure(self, message: str, kind: type[EtlError] = LoadError) -> EtlError:
        """An error that names the database first."""
        text = " ".join(message.split())
        return kind(f"{self.label}: {text}")

    def named_lock(self, name: str) -> Lock:
        """A lock of this database that outlasts transactions; see :mod:`etl.io.locks`."""
        from etl.io.locks import FileLock, NoLock, lock_file

        path = self.settings.database
        # An engine without sessions is a file, or memory that no other process reaches.
        if path in ("", ":memory:"):
            return NoLock()
        return FileLock(lock_file(str(Path(path).resolve()), name))

    def stage_lock(self, name: str) -> Lock:  # noqa: ARG002 - for engines with many writers
        """What a load holds while it uses a committed staging table of that name."""
        from etl.io.locks import NoLock

        return NoLock()

    # Statements

    def parameters(self, values: Iterable[Any]) -> tuple[Any, ...]:
        """Values to bind, as the driver takes them."""
        return tuple(values)

    def run(self, connection: sa.Connection, sql: str, values: Sequence[Any] | None = None) -> Any:
        """Execute on the driver's own cursor and give that cursor."""
        cursor = connection.connection.cursor()
        if values is None:
            cursor.execute(sql)
        else:
            cursor.execute(sql, tuple(values))
        return cursor

    def rows(
        self, connection: sa.Connection, sql: str, values: Sequence[Any] | None = None
    ) -> list[Any]:
        """All rows of a small query."""
        cursor = self.run(connection, sql, values)
        try:
            return list(cursor.fetchall())
        finally:
            cursor.close()
