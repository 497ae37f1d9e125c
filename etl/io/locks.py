"""Locks that outlast transactions and end with their process, however that ends.

One run of a job at a time; a staging table that is in use. They are kept apart from the
transactions that load, which hold their own locks for as long as they need.
"""

from __future__ import annotations

import hashlib
import logging
import re
import sqlite3
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.errors import ConfigError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from etl.io.databases.base import Database

__all__ = ["FileLock", "Lock", "NoLock", "SessionLock", "lock_file", "lock_number", "run_lock"]

logger = logging.getLogger(__name__)

_FIRST_POLL, _LATER_POLL = 0.2, 2.0
"""Seconds between two tries: each pause is twice the one before."""


class Lock(ABC):
    """One holder at a time, among the processes and the threads that use the same database."""

    @abstractmethod
    def take(self) -> bool:
        """Take it, or make sure that it is still held here; False where another has it."""

    @abstractmethod
    def release(self) -> None:
        """Give it back; of no effect where it is not held."""


class NoLock(Lock):
    """For a database in memory, which no other process can reach."""

    def take(self) -> bool:
        return True

    def release(self) -> None:
        """Nothing was taken."""


class FileLock(Lock):
    """A lock file: an empty SQLite file, held by a transaction that stays open.

    SQLite's file locks are the operating system's on every platform, so they end with the
    process, and unlike those they hold between the threads of one process, too
    (sqlite.org/lockingv3.html). The file stays: to remove it would let a third process lock
    another file of the same name.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def take(self) -> bool:
        if self._connection is not None:
            return True
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                self._path, timeout=0, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            connection.close()
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                return False
            raise self._unusable(error) from error
        self._connection = connection
        return True

    def _unusable(self, error: Exception) -> ConfigError:
        return ConfigError(
            f"can't use the lock file {self._path}: {error}; the directory has to be writable"
        )

    def release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class SessionLock(Lock):
    """A lock that a server keeps for a session: it goes when the session does.

    Parameters
    ----------
    connect
        Opens a DBAPI connection that no pool hands to anybody else. It is closed with the lock,
        and where another has that: whoever waits for hours keeps no session for it.
    take
        SQL that gives one row: 1 where the session has the lock now, 0 where another has it. A
        session that has it may take it again.
    release
        SQL that gives back what was taken once.
    """

    def __init__(self, connect: Callable[[], Any], *, take: str, release: str) -> None:
        self._connect = connect
        self._take = take
        self._release = release
        self._session: Any = None
        self._taken = 0

    def take(self) -> bool:
        if self._session is not None:
            try:
                return self._ask()
            except Exception as error:  # noqa: BLE001 - any driver's; a server that is gone shows below
                # A gateway drops a session that was idle for long, and its lock with it.
                logger.info("the session of a lock is lost, and is opened anew: %s", error)
                self._close()
        self._session = self._connect()
        taken = self._ask()
        if not taken:
            # Babelfish leaves an entry on its stack of five errors at every refusal, and the
            # fifth one in a session would stop the server.
            self._close()
        return taken

    @property
    def session(self) -> Any:
        """The session that has the lock; None where it is not held."""
        return self._session if self._taken else None

    def _ask(self) -> bool:
        cursor = self._session.cursor()
        cursor.execute(self._take)
        while cursor.description is None and cursor.nextset():
            pass
        taken = bool(cursor.fetchall()[0][0])
        cursor.close()
        self._session.commit()  # the lock stays: it is the session's, not the transaction's
        self._taken += taken
        return taken

    def release(self) -> None:
        """Give it back by name: a driver's own pool may keep a closed session alive."""
        if self._session is None:
            return
        try:
            for _ in range(self._taken):
                cursor = self._session.cursor()
                cursor.execute(self._release)
                cursor.close()
            self._session.commit()
        except Exception as error:  # noqa: BLE001 - closing the session releases it as well
            logger.info("a lock went with its session: %s", error)
        finally:
            self._close()

    def _close(self) -> None:
        session, self._session, self._taken = self._session, None, 0
        with suppress(Exception):  # it may be broken already
            session.close()


@contextmanager
def run_lock(
    database: Database, name: str, *, wait: float = 0.0, holder: Callable[[], str] = str
) -> Iterator[Callable[[], None]]:
    """Keep every other holder of the same name out of the context, in this process or another.

    Parameters
    ----------
    database
        Where the lock is: an advisory lock (PostgreSQL), an application lock (SQL Server), a lock
        file beside the file (SQLite, DuckDB), nothing in memory.
    name
        What runs, in words for the message: ``job board-planning``.
    wait
        Seconds to wait for the lock; 0 asks once.
    holder
        Asked for words about who holds it.

    Yields
    ------
    callable
        Makes sure that the lock is still held, or held again: a gateway may have dropped the
        session. Raises what the context raises where another has it by now.

    Raises
    ------
    TransientError
        Another has it.

    Examples
    --------
    >>> from etl.config import DatabaseSettings
    >>> from etl.io.databases import open_database
    >>> memory = open_database(DatabaseSettings.from_url("sqlite://"))
    >>> with run_lock(memory, "job nightly") as still_held:
    ...     still_held()
    """
    lock = database.named_lock(name)

    def taken() -> bool:
        with database.translated():
            return lock.take()

    def refused() -> TransientError:
        # Words about the holder come from the database: not where that means to wait for it.
        who = "" if database.one_process else holder()
        return TransientError(
            f"{name} is running already on {database.label}{f': {who}' if who else ''}; "
            "try again when that has ended, or wait for it (--wait SECONDS)",
            database=database.settings.name,
        )

    def still_held() -> None:
        if not taken():
            raise refused()

    until, pause = time.monotonic() + wait, _FIRST_POLL
    try:
        while not taken():
            left = until - time.monotonic()
            if left <= 0:
                raise refused()
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LATER_POLL)
        yield still_held
    finally:
        lock.release()


def lock_file(database: str, name: str) -> Path:
    """The lock file of a name, beside the file of a database.

    >>> lock_file("data/orders.db", "job board-planning").as_posix()
    'data/orders.db.job-board-planning.lock'
    >>> lock_file("orders.db", "job a/b").name == lock_file("orders.db", "job a:b").name
    False
    """
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", name)
    if plain != name.replace(" ", "-") or len(plain) > 100:
        plain = f"{plain[:80]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return Path(f"{database}.{plain}.lock")


def lock_number(name: str) -> int:
    """A name as the 64-bit number that PostgreSQL's advisory locks have for one.

    >>> -(2**63) <= lock_number("job board-planning") < 2**63
    True
    """
    digest = hashlib.sha256(f"etl:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
