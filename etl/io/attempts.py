"""Rows that many processes bring, published together: only those of the attempts that count.

A scheduler of tasks (Spark) runs a task again when it fails, and may run two copies of one at once.
So each attempt brings its rows under a name of its own to a stage that all share, and says how many
they are; one process then publishes the attempts that the scheduler counts, in one transaction,
after the stage's own count has confirmed theirs.

On a server the stage is a table beside the target (:class:`TableStage`), and the rows never leave the
server again; beside a database in a file it is a directory (:mod:`etl.io.attempt_files`).
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import polars as pl

from etl.errors import ContractError, EtlError, LoadError
from etl.io.attempt_files import FileStage
from etl.io.databases.keyed import Stage as StagedRows
from etl.io.databases.keyed import refuse_duplicates
from etl.io.databases.stages import stage_columns
from etl.io.databases.staging import StagingDatabase, drop_sql
from etl.io.databases.ways import choose_way
from etl.io.keys import key_names
from etl.io.loading import LoadResult, check_arrived, refuse_empty
from etl.io.names import parse_table_name
from etl.io.preflight import conform
from etl.io.reading import statement
from etl.io.targets import Fitted, fit_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    import sqlalchemy as sa

    from etl.io.databases.base import Database
    from etl.io.databases.columns import TableName
    from etl.io.databases.ways import Way
    from etl.io.options import WriteOptions

__all__ = ["Stage", "TableStage", "open_stage"]

logger = logging.getLogger(__name__)


class Stage(Protocol):
    """Where attempts bring their rows; it can be pickled, and holds no secret.

    ``database`` is the same one every time, as each process has opened it.
    """

    def attempt(
        self, database: Database, name: str
    ) -> AbstractContextManager[Callable[[pl.DataFrame], None]]:
        """A function that takes an attempt's frames; they are there when the context has ended."""

    def publish(
        self, database: Database, connection: sa.Connection, attempts: Mapping[str, int]
    ) -> LoadResult:
        """Load the rows of these attempts, so many of each, within the connection's transaction.

        Raises
        ------
        LoadError
            The stage holds other rows than the attempts say.
        """

    def drop(self, database: Database) -> None:
        """Remove it; what is not there any more is no error."""


def open_stage(database: Database, table: str, options: WriteOptions, schema: pl.Schema) -> Stage:
    """Make a stage for a load, once.

    Parameters
    ----------
    database, table
        The target.
    options
        How the rows are to be loaded. Those of a contract have to keep it already.
    schema
        Of the frames that will come.

    Raises
    ------
    ContractError
        The columns don't go into the table, or the engine has no stage that processes can share.
    """
    if isinstance(database, StagingDatabase):
        return TableStage.made(database, table, options, schema)
    if not database.settings.embedded or getattr(database, "in_memory", False):
        raise ContractError(
            f"{database.label}: {database.title} {'in memory ' if database.settings.embedded else ''}"
            "has no stage that several processes can fill: collect the frame and use write_frame"
        )
    return FileStage.made(database, table, options, schema)


@dataclass(frozen=True, kw_only=True)
class TableStage:
    """A stage that is a committed table beside the target, of its columns' types."""

    table: str
    options: WriteOptions
    schema: pl.Schema
    place: TableName
    fitted: Fitted
    """How the frames go into the target, as it was when the stage was made."""

    @classmethod
    def made(
        cls, database: StagingDatabase, table: str, options: WriteOptions, schema: pl.Schema
    ) -> TableStage:
        """Look at the target, say what does not fit, and make the stage."""
        name = parse_table_name(table)
        with database.begin(write=True) as connection:
            target = database.resolve(connection, name)
            fitted = _fit(database, connection, target, options, schema, table)
            place, create = database.plan_attempts(connection, target, fitted.columns)
            # The target is made when its rows are there: until then nothing has happened.
            cast("sa.Transaction", connection.get_transaction()).rollback()
        conform(
            pl.DataFrame(schema=schema),
            fitted.pairs,
            database.rules,
            table=table,
            problems=fitted.problems,
        )
        with database.begin(write=True) as connection:
            database.run(connection, create).close()
        return cls(table=table, options=options, schema=schema, place=place, fitted=fitted)

    @contextmanager
    def attempt(self, database: Database, name: str) -> Iterator[Callable[[pl.DataFrame], None]]:
        """As :class:`Stage` says; each frame is cast to the target's types, or refused."""
        with database.begin() as connection:
            way = self._way(database, connection)
        server = cast("StagingDatabase", database)
        with server.attempt(self.place, self.fitted.columns, way, name) as send:

            def fit_and_send(frame: pl.DataFrame) -> None:
                if frame.height:
                    send(
                        conform(
                            frame,
                            self.fitted.pairs,
                            database.rules,
                            table=self.table,
                            on_precision_loss=self.options.on_precision_loss,
                        )
                    )

            yield fit_and_send

    def publish(
        self, database: Database, connection: sa.Connection, attempts: Mapping[str, int]
    ) -> LoadResult:
        """As :class:`Stage` says; the rows go from table to table within the server."""
        server = cast("StagingDatabase", database)
        options, rows = self.options, sum(attempts.values())
        if not rows:
            refuse_empty(options, self.table)
        target = database.resolve(connection, parse_table_name(self.table))
        fitted = _fit(database, connection, target, options, self.schema, self.table)
        if fitted != self.fitted:
            raise LoadError(
                f"{self.table} was changed while rows for it were on their way, and is as that "
                "left it; write again",
                database=database.settings.name,
                table=self.table,
            )
        staged = self._counted(server, connection, attempts)
        way = self._way(database, connection)
        if fitted.goes_by is not None:
            written = server.publish_by_key(
                connection,
                target,
                fitted.columns,
                staged,
                mode=fitted.goes_by,
                key=fitted.keys,
                way=way,
            )
        else:
            unique = _primary_key(options, fitted)
            if unique:
                refuse_duplicates(database, connection, self.table, fitted.columns, staged, unique)
            written = server.publish(
                connection,
                target,
                fitted.columns,
                staged,
                clear=options.mode == "replace",
                way=way,
            )
        check_arrived(written.arrived, rows, self.table)
        return LoadResult(
            table=self.table,
            mode=options.mode,
            rows=rows,
            inserted=written.inserted,
            updated=written.updated,
            deleted=written.deleted,
            unchanged=rows - written.inserted - written.updated,
            loader=written.way.loader,
            workers=max(1, len(attempts)),
        )

    def _way(self, database: Database, connection: sa.Connection) -> Way:
        return choose_way(database, connection, loader=self.options.loader, workers=1, rows=None)

    def _counted(
        self, database: StagingDatabase, connection: sa.Connection, attempts: Mapping[str, int]
    ) -> StagedRows:
        """The stage with the rows of these attempts alone, by the server's count."""
        # Until the end of the transaction nobody adds to it: a copy of a task may still be running.
        database.hold(connection, self.place)
        stage = database.qualified(self.place)
        *names, by = stage_columns([*self.fitted.columns, None])
        counts = database.rows(connection, f"SELECT {by}, COUNT(*) FROM {stage} GROUP BY {by}")
        found = {str(name): int(rows) for name, rows in counts}
        for name in found.keys() - attempts.keys():
            sql = f"DELETE FROM {stage} WHERE {by} = :attempt"
            text, values = statement(database, connection, sql, {"attempt": name})
            database.run(connection, text, values).close()
        wrong = {
            name: (rows, found.get(name, 0))
            for name, rows in attempts.items()
            if found.get(name, 0) != rows
        }
        if wrong:
            sent, arrived = (sum(each) for each in zip(*wrong.values(), strict=True))
            raise LoadError(
                f"{len(wrong)} task(s) sent {sent} rows for {self.table}, and the server counts "
                f"{arrived}: nothing was changed; write again",
                database=database.settings.name,
                table=self.table,
            )
        return StagedRows(stage, tuple(names), sum(attempts.values()))

    def drop(self, database: Database) -> None:
        """Drop the table; where that fails it is left behind for ``etl db sweep``."""
        try:
            with database.begin(write=True) as connection:
                if database.columns(connection, self.place) is None:
                    return
                database.lock(connection, self.place)  # waits for so long, and not for ever
                database.run(connection, drop_sql(database.qualified(self.place))).close()
        except EtlError as error:  # the write's own outcome stands
            logger.warning(
                "the staging table %s is left behind (`etl db sweep` removes it): %s",
                self.place,
                error,
            )


def _fit(
    database: Database,
    connection: sa.Connection,
    target: TableName,
    options: WriteOptions,
    schema: pl.Schema,
    table: str,
) -> Fitted:
    columns = database.columns(connection, target)
    first = pl.DataFrame(schema=schema)
    return fit_target(database, connection, target, columns, first, options, table=table)


def _primary_key(options: WriteOptions, fitted: Fitted) -> list[int]:
    """The places of the contract's key: each task has checked its own rows only."""
    names = [name for name, _ in fitted.pairs]
    return [names.index(name) for name in key_names(None, options.contract)]
