"""The run log: one row an attempt in ``etl_runs``, and the rows set aside in ``etl_quarantine``."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any

import polars as pl

from etl.contracts.bookkeeping import QUARANTINE_TABLE, RUNS_TABLE, EtlQuarantine, EtlRuns
from etl.errors import ConfigError
from etl.io import db_helper as db
from etl.io.quarantine import quarantine_rows
from etl.io.tables import live_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from etl.config import Config, DatabaseSettings
    from etl.io.db_helper import Transaction

__all__ = ["RunLog", "history", "package_version"]

_ERROR_LENGTH = 2000
_UPDATE = (
    f"update {RUNS_TABLE} set status = :status, finished_at = :finished_at, "
    "rows_read = :rows_read, rows_written = :rows_written, "
    "rows_quarantined = :rows_quarantined, error = :error "
    # A failure that comes after the commit, Ctrl-C for one, can't undo it: done stays done.
    "where run_id = :run_id and job = :job and attempt = :attempt and status = 'running'"
)


def package_version() -> str:
    """The installed version of this package."""
    try:
        return metadata.version("data-orchestration")
    except metadata.PackageNotFoundError:
        return "unknown"  # run from a source tree that was never installed


@dataclass
class RunLog:
    """This run's rows in the databases that it writes to."""

    job: str
    run_id: str
    profile: str | None
    started_at: dt.datetime
    attempts: dict[DatabaseSettings, int] = field(default_factory=dict)
    ended: set[DatabaseSettings] = field(default_factory=set)
    """Where a commit of data has said already that the run is done."""

    def start(self, settings: DatabaseSettings) -> None:
        """Insert the row, in a transaction of its own: it stays when the run is killed."""
        with db.transaction(settings) as tx:
            attempt = 1
            if tx.table_columns(RUNS_TABLE) is not None:
                earlier = tx.read_frame(
                    f"select max(attempt) as attempt from {RUNS_TABLE} "
                    "where run_id = :run_id and job = :job",
                    params={"run_id": self.run_id, "job": self.job},
                )
                attempt = int(earlier["attempt"][0] or 0) + 1
            # Before the commit: Ctrl-C right after it must still find the attempt to end.
            self.attempts[settings] = attempt
            row = {
                "run_id": self.run_id,
                "job": self.job,
                "attempt": attempt,
                "profile": self.profile,
                "version": package_version(),
                "started_at": self.started_at,
                "status": "running",
            }
            schema = EtlRuns.create_empty().schema
            frame = pl.DataFrame([{name: row.get(name) for name in schema}], schema=schema)
            tx.write_frame(frame, RUNS_TABLE, mode="append", contract=EtlRuns)

    def finish(
        self,
        settings: DatabaseSettings,
        tx: Transaction | None = None,
        *,
        status: str,
        seconds: float,
        counts: Mapping[str, int],
        error: str | None = None,
    ) -> None:
        """Say how it ended; within ``tx``, "done" is committed exactly when the data is.

        ``counts`` are the columns ``rows_read``, ``rows_written`` and ``rows_quarantined``.
        """
        params: dict[str, Any] = {
            "status": status,
            "finished_at": self.started_at + dt.timedelta(seconds=seconds),
            **counts,
            "error": error[:_ERROR_LENGTH] if error else None,
            "run_id": self.run_id,
            "job": self.job,
            "attempt": self.attempts[settings],
        }
        if tx is not None:
            tx.execute(_UPDATE, params)
            return
        with db.transaction(settings) as own:
            # Without the table the run was stopped before its start was committed: no row to end.
            if own.table_columns(RUNS_TABLE) is not None:
                own.execute(_UPDATE, params)

    def quarantine(self, tx: Transaction, table: str, rejected: pl.DataFrame) -> None:
        """Keep rejected rows, in the transaction of the load that they were left out of."""
        frame = quarantine_rows(
            rejected, job=self.job, run_id=self.run_id, table=table, time=self.started_at
        )
        tx.write_frame(frame, QUARANTINE_TABLE, mode="append", contract=EtlQuarantine)


def history(
    config: Config, databases: Iterable[str], *, job: str | None = None, limit: int = 20
) -> pl.DataFrame:
    """The latest runs, newest first.

    A run that never said how it ended is shown as ``interrupted`` once a later run of the same
    job has started: it was killed, or its machine was. Until then it may still be running.

    Parameters
    ----------
    config
        Says where the databases are.
    databases
        Their names; one that holds no runs adds none.
    job
        Only this job's.
    limit
        At most so many rows.

    Returns
    -------
    polars.DataFrame
        The columns of :class:`~etl.contracts.bookkeeping.EtlRuns` and ``database``.

    Raises
    ------
    ConfigError
        ``limit`` is below 1.
    """
    if limit < 1:
        raise ConfigError(f"limit must be at least 1, not {limit}")
    frames = [EtlRuns.create_empty().with_columns(database=pl.lit(None, dtype=pl.String))]
    for name in dict.fromkeys(databases):
        settings = config.database(name)
        rows = live_rows(settings, RUNS_TABLE, EtlRuns)
        if rows is not None:
            frames.append(rows.with_columns(database=pl.lit(name)))
    runs = pl.concat(frames).sort("started_at", "attempt", descending=True)
    latest = pl.col("started_at") == pl.col("started_at").max().over("database", "job")
    status = pl.when((pl.col("status") == "running") & ~latest)
    runs = runs.with_columns(status.then(pl.lit("interrupted")).otherwise("status").alias("status"))
    if job is not None:
        runs = runs.filter(pl.col("job") == job)
    return runs.head(limit)
