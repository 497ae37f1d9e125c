"""A DBAPI connection from the pool that commits, rolls back and goes back by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

    from etl.io.databases.base import Database

__all__ = ["Connection"]


class Connection:
    """The driver's connection; every attribute that is not here is the driver's own.

    As a context manager: commit on success, roll back on any error, and back to the pool.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.translated():
            self._pooled = database.engine.raw_connection()
            database.start(self._pooled)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pooled, name)

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        """A cursor of the driver's."""
        return self._pooled.cursor(*args, **kwargs)

    def commit(self) -> None:
        """Make everything since the last commit permanent."""
        with self._database.translated():
            self._pooled.commit()
            self._database.start(self._pooled)

    def rollback(self) -> None:
        """Undo everything since the last commit."""
        self._pooled.rollback()
        self._database.start(self._pooled)

    def close(self) -> None:
        """Give the connection back to the pool; what was not committed is rolled back."""
        self._pooled.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.commit()
            else:
                self.rollback()
        finally:
            self.close()
        if isinstance(error, Exception):
            translated = self._database.translate(error)
            if translated is not None:
                translated.database = self._database.settings.name
                raise translated from error
