"""Spark's tasks write: each brings its rows to a stage, and the driver publishes those that count."""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from pyspark.sql.datasource import DataSourceArrowWriter, WriterCommitMessage

from etl.contracts.bookkeeping import QUARANTINE_TABLE, EtlQuarantine
from etl.contracts.check import split
from etl.contracts.describe import describe
from etl.errors import LoadError
from etl.io.attempts import open_stage
from etl.io.options import WriteOptions
from etl.io.quarantine import quarantine_rows
from etl.io.retrying import committed
from etl.io.spark.types import from_arrow_batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import sqlalchemy as sa

    from etl.io.attempts import Stage
    from etl.io.databases.base import Database
    from etl.io.loading import LoadResult
    from etl.io.spark.options import WriteRequest

__all__ = ["EtlWriter"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Brought(WriterCommitMessage):
    """What one attempt at a task has brought to the stage."""

    attempt: str
    rows: int
    aside: int


class EtlWriter(DataSourceArrowWriter):
    """Writes a frame into a table, all or nothing, whatever becomes of single tasks.

    Made on the driver, used in the tasks, and again on the driver, each time as a copy.
    """

    def __init__(self, request: WriteRequest, schema: pl.Schema) -> None:
        self._request = request
        self._run_id = request.run_id or uuid.uuid4().hex
        self._started_at = dt.datetime.now(dt.UTC)
        contract = request.options.contract
        if contract is not None:
            self._checked(pl.DataFrame(schema=schema))  # its columns, before any task begins
            schema = pl.Schema({column.name: column.dtype for column in describe(contract)})
        self._aside: Stage | None = None
        with request.at.opened() as database:
            self._stage = open_stage(database, request.table, request.options, schema)
            if contract is not None:
                keep = WriteOptions(contract=EtlQuarantine)
                try:
                    self._aside = open_stage(
                        database, QUARANTINE_TABLE, keep, EtlQuarantine.create_empty().schema
                    )
                except BaseException:
                    self._stage.drop(database)
                    raise

    def write(self, iterator: Iterator[Any]) -> _Brought:
        """A task: bring its rows to the stage, and those that break the contract beside them."""
        attempt, rows, aside = uuid.uuid4().hex, 0, 0
        with self._request.at.opened() as database, ExitStack() as stack:
            send = stack.enter_context(self._stage.attempt(database, attempt))
            set_aside = (
                stack.enter_context(self._aside.attempt(database, attempt)) if self._aside else None
            )
            for frame in _in_rows(map(from_arrow_batch, iterator), self._request.batch_rows):
                good, rejected = self._checked(frame)
                send(good)
                rows += good.height
                if rejected is not None and set_aside is not None and rejected.height:
                    set_aside(
                        quarantine_rows(
                            rejected,
                            job=self._request.job,
                            run_id=self._run_id,
                            table=self._request.table,
                            time=self._started_at,
                        )
                    )
                    aside += rejected.height
        return _Brought(attempt, rows, aside)

    def _checked(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        options = self._request.options
        if options.contract is None:
            return frame, None
        if options.on_new_columns == "ignore":
            known = {column.name for column in describe(options.contract)}
            frame = frame.select(name for name in frame.columns if name in known)
        checked = split(frame, options.contract)
        return checked.good, checked.rejected

    def commit(self, messages: Sequence[Any]) -> None:
        """The driver, when each task has an attempt that came through: publish those."""
        brought = [message for message in messages if isinstance(message, _Brought)]
        if len(brought) != len(messages):
            raise LoadError(
                f"Spark counts {len(messages)} tasks for {self._request.table}, and "
                f"{len(brought)} said what they brought: nothing was written"
            )
        with self._request.at.opened() as database:
            try:
                result = committed(
                    database,
                    self._request.table,
                    lambda connection: self._publish(database, connection, brought),
                )
            finally:
                self._drop(database)
        logger.info("%s: %s", database.label, result)

    def _publish(
        self, database: Database, connection: sa.Connection, brought: Sequence[_Brought]
    ) -> LoadResult:
        result = self._stage.publish(
            database, connection, {each.attempt: each.rows for each in brought}
        )
        aside = {each.attempt: each.aside for each in brought}
        if self._aside is not None and any(aside.values()):
            self._aside.publish(database, connection, aside)
        return result

    def abort(self, messages: Sequence[Any]) -> None:  # noqa: ARG002 - Spark's signature
        """The driver, when a task has failed for good: the table was never touched."""
        with self._request.at.opened() as database:
            self._drop(database)

    def _drop(self, database: Database) -> None:
        self._stage.drop(database)
        if self._aside is not None:
            self._aside.drop(database)


def _in_rows(frames: Iterator[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """Frames of about so many rows: a few large ones go faster than Spark's many."""
    waiting: list[pl.DataFrame] = []
    for frame in frames:
        waiting.append(frame)
        if sum(each.height for each in waiting) >= rows:
            yield from pl.concat(waiting).iter_slices(rows)
            waiting = []
    if waiting:
        yield pl.concat(waiting)
