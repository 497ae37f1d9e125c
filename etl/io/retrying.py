"""A write that meets a passing fault is done again, as a whole, and never twice.

A lost connection during COMMIT leaves it open whether the rows are there. So each write to a
server puts its id into ``etl_loads`` in its own transaction, and whoever tries again asks for that
id first, once the table's lock says that the earlier attempt has ended either way.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from typing import TYPE_CHECKING, Any, Final

import polars as pl
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_exponential_jitter,
)

from etl.errors import EtlError, TransientError
from etl.io.databases.base import NewColumn
from etl.io.databases.columns import TableName
from etl.io.frames import is_stream
from etl.io.loading import LoadResult, load
from etl.io.names import parse_table_name
from etl.io.reading import statement

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa
    from tenacity import RetryCallState

    from etl.io.databases.base import Database
    from etl.io.options import WriteOptions

__all__ = ["LOADS_TABLE", "committed", "write"]

logger = logging.getLogger(__name__)

LOADS_TABLE: Final = "etl_loads"
_COLUMNS: Final = (
    NewColumn(name="load_id", dtype=pl.String(), length=32, primary_key=True),
    NewColumn(name="table_name", dtype=pl.String(), length=512),
    NewColumn(name="mode", dtype=pl.String(), length=20),
    NewColumn(name="row_count", dtype=pl.Int64()),
    NewColumn(name="loaded_at", dtype=pl.Datetime("us", "UTC")),
)
_KEPT: Final = dt.timedelta(days=30)
_ATTEMPTS: Final = 4
_SECONDS: Final = 60.0


def write(
    database: Database, frame: Any, table: str | tuple[str, str], options: WriteOptions
) -> LoadResult:
    """Write a frame in a transaction of its own; after a transient fault, write it again.

    A stream can be read only once: then only a lost acknowledgement is made good.

    Raises
    ------
    TransientError
        The fault lasted through four attempts, or a minute.
    """
    return committed(
        database,
        table,
        lambda connection: load(database, connection, frame, table, options),
        once=is_stream(frame),
    )


def committed(
    database: Database,
    table: str | tuple[str, str],
    work: Callable[[sa.Connection], LoadResult],
    *,
    once: bool = False,
) -> LoadResult:
    """Do a load's work in a transaction of its own; after a transient fault, do it again.

    Parameters
    ----------
    database, table
        What is loaded.
    work
        Does all of it on a connection in a transaction, and neither commits nor rolls back.
    once
        It can't be done twice; then only a lost acknowledgement is made good.

    Raises
    ------
    TransientError
        The fault lasted through four attempts, or a minute.
    """
    ledger = _Ledger.of(database)
    load_id = uuid.uuid4().hex
    done: LoadResult | None = None  # the attempt before got as far as its commit
    fault = ""

    def worth_it(error: BaseException) -> bool:
        return isinstance(error, TransientError) and (not once or done is not None)

    for attempt in Retrying(
        retry=retry_if_exception(worth_it),
        stop=stop_after_attempt(_ATTEMPTS) | stop_after_delay(_SECONDS),
        wait=wait_exponential_jitter(multiplier=0.1, jitter=0.3, max=5),
        before_sleep=_tell,
        reraise=True,
    ):
        with attempt:
            with database.begin(write=True) as connection:
                if done is not None:
                    if ledger.has(connection, load_id, table):
                        return done
                    done = None
                    if once:
                        raise TransientError(
                            f"{fault}; the stream can't be read again, and the table is as it was"
                        )
                result = work(connection)
                ledger.add(connection, load_id, result)
                done = result
            return result
        fault = str(attempt.retry_state.outcome.exception())
    raise AssertionError("unreachable: the last attempt returns or raises")


def _tell(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    logger.warning("attempt %d failed, trying again: %s", state.attempt_number, error)


class _Ledger:
    """The ids of finished loads, kept beside the tables of a server for a month.

    A database in a file of this machine needs none: its commit is done when the call returns.
    """

    _ready: Final[dict[int, _Ledger]] = {}

    def __init__(self, database: Database, *, kept: bool) -> None:
        self._database = database
        self._kept = kept
        self._table = TableName(LOADS_TABLE)

    @classmethod
    def of(cls, database: Database) -> _Ledger:
        """The database's ledger, made ready once in a process."""
        ready = cls._ready.get(id(database))
        if ready is None or ready._database is not database:
            ready = cls(database, kept=database.settings.host is not None)
            if ready._kept:
                ready._prepare()
            cls._ready[id(database)] = ready
        return ready

    def _prepare(self) -> None:
        """Make the table where it is missing, drop what is old, and see whether we may write to it."""
        try:
            self._make_table()
            self._probe()
        except TransientError:
            raise
        except EtlError as error:
            self._kept = False
            logger.warning(
                "this login can't write to %s (%s): loads go on, but a lost acknowledgement will be "
                "an error; grant it SELECT, INSERT and DELETE on that table",
                LOADS_TABLE,
                error,
            )

    def _make_table(self) -> None:
        database = self._database
        try:
            with database.begin(write=True) as connection:
                if database.columns(connection, self._table) is None:
                    database.create_table(connection, self._table, _COLUMNS)
        except TransientError:
            raise
        except EtlError:
            with database.begin() as connection:
                if database.columns(connection, self._table) is None:
                    raise
            # Another process made it at the same moment.

    def _probe(self) -> None:
        load_id = uuid.uuid4().hex
        probe = LoadResult(table=LOADS_TABLE, mode="append", rows=0, inserted=0, loader="none")
        with self._database.begin(write=True) as connection:
            self.add(connection, load_id, probe)
            self._run(
                connection,
                f"delete from {LOADS_TABLE} where loaded_at < :before or load_id = :load_id",
                {"before": dt.datetime.now(dt.UTC) - _KEPT, "load_id": load_id},
            )

    def _run(self, connection: sa.Connection, sql: str, params: dict[str, Any]) -> list[Any]:
        text, values = statement(self._database, connection, sql, params)
        cursor = self._database.run(connection, text, values)
        try:
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            cursor.close()

    def add(self, connection: sa.Connection, load_id: str, result: LoadResult) -> None:
        """Note a load, to be committed with it."""
        if self._kept:
            self._run(
                connection,
                f"insert into {LOADS_TABLE} (load_id, table_name, mode, row_count, loaded_at) "
                "values (:load_id, :table_name, :mode, :row_count, :loaded_at)",
                {
                    "load_id": load_id,
                    "table_name": result.table,
                    "mode": result.mode,
                    "row_count": result.rows,
                    "loaded_at": dt.datetime.now(dt.UTC),
                },
            )

    def has(self, connection: sa.Connection, load_id: str, table: str | tuple[str, str]) -> bool:
        """Whether a load was committed; waits for the end of one that may still be on its way.

        Raises
        ------
        LoadError
            There is no ledger to ask.
        """
        database = self._database
        if not self._kept:
            if database.settings.host is None:
                return False
            raise database.failure(
                f"the connection was lost during the commit to {table}, and without a table "
                f"{LOADS_TABLE} nothing tells whether the rows are there: look before you repeat"
            )
        target = database.resolve(connection, parse_table_name(table))
        if database.columns(connection, target) is not None:
            database.lock(connection, target)
        sql = f"select load_id from {LOADS_TABLE} where load_id = :load_id"
        return bool(self._run(connection, sql, {"load_id": load_id}))
