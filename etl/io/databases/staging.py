"""Engines that fill a committed staging table over connections of their own, and publish it."""

from __future__ import annotations

import logging
from abc import abstractmethod
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.errors import EtlError
from etl.io.databases.base import Database, Written
from etl.io.databases.columns import Column
from etl.io.databases.keyed import merge
from etl.io.databases.side_by_side import send_side_by_side
from etl.io.databases.stages import stage_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import sqlalchemy as sa

    from etl.io.databases.columns import TableName
    from etl.io.databases.keyed import KeyedMode, Stage
    from etl.io.databases.ways import Way
    from etl.io.locks import SessionLock

__all__ = ["ATTEMPT", "StagingDatabase", "drop_sql", "publish_sql"]

logger = logging.getLogger(__name__)

_STAGES: Final = "etl staging tables"

ATTEMPT: Final = Column(name="attempt", type="nvarchar", dtype=pl.String(), length=32)
"""The last column of a stage that tasks fill: which attempt at a task has brought a row."""


def publish_sql(target: str, names: Sequence[str], stage: Stage) -> str:
    """Move a stage's rows into the target's columns of these names."""
    return (
        f"INSERT INTO {target} ({', '.join(names)}) "
        f"SELECT {', '.join(stage.columns)} FROM {stage.name}"
    )


def drop_sql(stage: str) -> str:
    """Remove a staging table."""
    return f"DROP TABLE IF EXISTS {stage}"


class StagingDatabase(Database):
    """A server whose staging tables other sessions see, so that several can fill one.

    The server counts what arrived; the caller's transaction then moves the rows (``INSERT ...
    SELECT``) and keeps its locks for that long only. The tables go when the transaction ends,
    whichever way; what a killed process leaves, ``etl db sweep`` removes.
    """

    parallel_loads = True

    @contextmanager
    def begin(self, *, write: bool = False) -> Iterator[sa.Connection]:
        stages: list[tuple[str, SessionLock]] = []
        try:
            with super().begin(write=write) as connection:
                connection.info[_STAGES] = stages
                yield connection
        finally:
            # Now, and not within the transaction: its rollback would bring them back.
            self._drop(stages)

    def _drop(self, stages: list[tuple[str, SessionLock]]) -> None:
        for stage, lock in stages:
            try:
                if lock.session is not None:
                    self._drop_stage(stage, lock.session)
            except EtlError as error:  # the load's own outcome stands
                logger.warning(
                    "the staging table %s is left behind (`etl db sweep` removes it): %s",
                    stage,
                    error,
                )
            finally:
                lock.release()

    def _drop_stage(self, stage: str, session: Any) -> None:
        try:
            session.rollback()
            session.cursor().execute(drop_sql(stage))
            session.commit()
        except Exception as error:  # noqa: BLE001 - any driver's; a load that failed may have broken it
            logger.info("the session of the stage %s is of no use any more: %s", stage, error)
            with self.translated(), closing(self._session()) as other:
                other.cursor().execute(drop_sql(stage))
                other.commit()

    @abstractmethod
    def named_lock(self, name: str, loader: str | None = None) -> SessionLock:
        """As every engine's; its session is one that a loader needs."""

    def stage_lock(self, name: str, loader: str | None = None) -> SessionLock:
        return self.named_lock(f"stage {name}", loader)

    @abstractmethod
    def _session(self, loader: str | None = None) -> Any:
        """A connection of the driver's (that a loader needs), with autocommit off and of no pool.

        Not the pool's: a full one would wait for us.
        """

    @abstractmethod
    def _send(
        self, side: Any, stage: str, columns: Sequence[Column], batch: pl.DataFrame, loader: str
    ) -> None:
        """Append a frame to a stage over a session."""

    @abstractmethod
    def plan_attempts(
        self, connection: sa.Connection, table: TableName, columns: Sequence[Column]
    ) -> tuple[TableName, str]:
        """The place of a stage of these columns of a table's and :data:`ATTEMPT`, and its DDL.

        Many processes fill it, each over a session of its own, so no lock of a session says that
        it is in use: its name tells its age (:func:`~etl.io.databases.stages.new_dated_stage`).
        """

    @contextmanager
    def attempt(
        self, place: TableName, columns: Sequence[Column], way: Way, attempt: str
    ) -> Iterator[Callable[[pl.DataFrame], None]]:
        """A function that sends frames to a stage of :meth:`plan_attempts`; committed at the end.

        What one attempt sends is there as a whole or, where the loader can't roll back, to be left
        out by its name.
        """
        session, name = self._session(way.loader), self.qualified(place)

        def send(frame: pl.DataFrame) -> None:
            # By place, as the stage has them: a table may have a column of that name as well.
            placed = frame.rename(
                dict(zip(frame.columns, stage_columns(frame.columns), strict=True))
            )
            marked = placed.with_columns(pl.lit(attempt).alias(f"c{frame.width + 1}"))
            self._send(session, name, [*columns, ATTEMPT], marked, way.loader)

        with closing(session), self.translated():
            yield send
            session.commit()

    def fill_stage(
        self,
        connection: sa.Connection,
        place: TableName,
        create: str,
        columns: Sequence[Column],
        batches: Iterable[pl.DataFrame],
        way: Way,
    ) -> int:
        """Create a table, committed, fill it, and have the server count it; gives the rows."""
        name, lock = self.qualified(place), self.stage_lock(place.name, way.loader)
        connection.info[_STAGES].append((name, lock))
        with self.translated():
            # Before others can see the table: one that nobody holds may be swept. The lock's
            # session does the rest, too: another one would be another login.
            lock.take()
            side = lock.session
            side.cursor().execute(create)
            side.commit()

            def send(session: Any, batch: pl.DataFrame) -> None:
                self._send(session, name, columns, batch, way.loader)
                session.commit()

            sent = send_side_by_side(
                batches,
                send,
                first=side,
                connect=partial(self._session, way.loader),
                workers=way.workers,
            )
            cursor = side.cursor()
            cursor.execute(self.count_sql(name))
            found = int(cursor.fetchall()[0][0])
            side.rollback()
        if found != sent:
            raise self.failure(f"{sent} rows were sent, and {found} arrived; nothing was changed")
        return sent

    def hold(self, connection: sa.Connection, table: TableName) -> None:
        """Keep others out of a table until the transaction ends, as far as the publish needs it."""
        self.lock(connection, table)

    def publish(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        stage: Stage,
        *,
        clear: bool,
        way: Way,
    ) -> Written:
        """Move a stage's rows into the target, within the connection's transaction."""
        self.hold(connection, table)
        target = self.qualified(table)
        deleted = self.delete_all(connection, target) if clear else 0
        inserted = 0
        if stage.rows:
            names = [self.quote(column.name) for column in columns]
            inserted = self.counted(connection, publish_sql(target, names, stage))
        return Written(arrived=inserted, inserted=inserted, deleted=deleted, way=way)

    def publish_by_key(
        self,
        connection: sa.Connection,
        table: TableName,
        columns: Sequence[Column],
        stage: Stage,
        *,
        mode: KeyedMode,
        key: Sequence[str],
        way: Way,
    ) -> Written:
        """As :meth:`publish`, by key."""
        self.hold(connection, table)
        merged = merge(self, connection, table, columns, stage, mode=mode, key=key)
        return Written.by_key(stage, merged, way)
