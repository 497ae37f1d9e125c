"""The rows set aside: see them, load them after a fix, or let them go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from etl.contracts.bookkeeping import QUARANTINE_TABLE, EtlQuarantine
from etl.contracts.check import split
from etl.contracts.row_json import row_names, rows_as_json, rows_from_json
from etl.io import db_helper as db
from etl.io.tables import live_rows
from etl.runner._alone import alone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etl.config import Config
    from etl.contracts.check import Checked
    from etl.io.db_helper import Transaction
    from etl.jobs.base import Job, Pipeline, Table

__all__ = ["Replayed", "discard", "quarantined", "replay"]

_DELETE = f"delete from {QUARANTINE_TABLE} where job = :job and table_name = :table_name"


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What became of the rows set aside from one table."""

    database: str
    table: str
    loaded: int
    """Rows that keep the contract now, and are in the table."""
    superseded: int
    """Rows that keep it, but whose key the table holds already: the table's row stays."""
    aside: int
    """Rows that still break it; they stay set aside, with today's reason."""
    from_the_source: int
    """Rows that the transform turned away: only a run can take them up again."""


def quarantined(
    config: Config, jobs: Iterable[Job | Pipeline], *, databases: Iterable[str] | None = None
) -> pl.DataFrame:
    """Rows that are set aside, each once, the latest first.

    Parameters
    ----------
    config
        Says where the databases are.
    jobs
        Whose rows.
    databases
        Only those in these databases; by default in all that the jobs write to.

    Returns
    -------
    polars.DataFrame
        The columns of :class:`~etl.contracts.bookkeeping.EtlQuarantine`, of the last time that a
        row was set aside; ``times``, how often it was; and ``database``.
    """
    empty = EtlQuarantine.create_empty().with_columns(
        times=pl.lit(None, dtype=pl.UInt32), database=pl.lit(None, dtype=pl.String)
    )
    frames = [empty]
    jobs = list(jobs)
    names = [job.name for job in jobs]
    written = (name for job in jobs for name in job.databases)
    for database in dict.fromkeys(written if databases is None else databases):
        rows = live_rows(config.database(database), QUARANTINE_TABLE, EtlQuarantine)
        if rows is not None:
            mine = rows.filter(pl.col("job").is_in(names))
            frames.append(_distinct(mine).with_columns(database=pl.lit(database)))
    order = ["time", "job", "table_name", "reason", "row"]
    return pl.concat(frames).sort(order, descending=[True, False, False, False, False])


def _distinct(rows: pl.DataFrame) -> pl.DataFrame:
    """Each row of a job and table once: as it was set aside last, and how often."""
    identity = ["job", "table_name", "row"]
    counted = rows.with_columns(times=pl.len().over(identity).cast(pl.UInt32))
    return counted.sort("time", maintain_order=True).unique(
        identity, keep="last", maintain_order=True
    )


def replay(config: Config, job: Job | Pipeline) -> list[Replayed]:
    """Load those rows of a job that keep their contract by now, in one transaction a database.

    A row goes in where its key is not in the table; a table without a key gets it at the end. What
    is loaded or superseded leaves the quarantine, and so do repetitions of what stays.

    Raises
    ------
    TransientError
        The job is running.
    LoadError
        A database refused: its tables and its quarantine are as they were.
    """
    tables = {(t.database, t.table): t for step in job.steps for t in step.tables.values()}
    databases = {name: config.database(name) for name in job.databases}
    done: list[Replayed] = []
    with alone(job.name, databases.values(), wait=0.0):
        # No run adds rows now: what is found is all there is.
        found = quarantined(config, [job])
        for name, settings in databases.items():
            if found.filter(database=name).is_empty():
                continue
            with db.transaction(settings) as tx:
                for table in (t for (database, _), t in tables.items() if database == name):
                    mine = found.filter(database=name, table_name=table.table)
                    if mine.height:
                        done.append(_replay(tx, job.name, table, mine))
    return done


def _replay(tx: Transaction, job: str, table: Table, rows: pl.DataFrame) -> Replayed:
    columns = list(table.contract.columns())
    # Rows of other columns were turned away by the transform itself, or by an earlier contract.
    names = pl.Series([set(row_names(row)) == set(columns) for row in rows["row"]])
    ours, foreign = rows.filter(names), rows.filter(~names)
    frame = (
        rows_from_json(ours["row"]).select(columns)
        if ours.height
        else table.contract.create_empty()
    )
    checked = split(frame, table.contract)
    loaded = tx.write_frame(
        checked.good,
        table.table,
        mode="insert" if table.key else "append",
        contract=table.contract,
    )
    tx.execute(_DELETE, {"job": job, "table_name": table.table})
    stay = pl.concat([foreign, _still_aside(ours, frame, checked)])
    if stay.height:
        kept = stay.select(list(EtlQuarantine.columns()))
        tx.write_frame(kept, QUARANTINE_TABLE, mode="append", contract=EtlQuarantine)
    return Replayed(
        database=table.database,
        table=table.table,
        loaded=loaded.inserted,
        superseded=checked.good.height - loaded.inserted,
        aside=checked.rejected.height,
        from_the_source=foreign.height,
    )


def _still_aside(rows: pl.DataFrame, frame: pl.DataFrame, checked: Checked) -> pl.DataFrame:
    """The rows that broke the contract again: as they were kept, with today's reasons."""
    places: dict[str, list[int]] = {}
    for place, text in enumerate(rows_as_json(frame)):
        places.setdefault(text, []).append(place)
    again = [places[text].pop(0) for text in checked.rejected["row"]]
    return rows[again].with_columns(checked.rejected["reason"])


def discard(config: Config, job: Job | Pipeline) -> int:
    """Let a job's rows set aside go; gives how many there were, repetitions left out.

    Raises
    ------
    TransientError
        The job is running.
    LoadError
        A database refused: its quarantine is as it was.
    """
    databases = {name: config.database(name) for name in job.databases}
    with alone(job.name, databases.values(), wait=0.0):
        found = quarantined(config, [job])
        for name in found["database"].unique():
            with db.transaction(databases[name]) as tx:
                for table in found.filter(database=name)["table_name"].unique():
                    tx.execute(_DELETE, {"job": job.name, "table_name": table})
    return found.height
