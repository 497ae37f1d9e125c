"""Remove the staging tables that killed loads have left, and none that is in use."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from etl.errors import ContractError
from etl.io.databases.columns import TableName
from etl.io.databases.stages import STAGE_NAME, stage_directories, stage_made_at

if TYPE_CHECKING:
    from etl.io.databases.base import Database

__all__ = ["DAY", "Outcome", "StagingTable", "sweep"]

DAY: Final = dt.timedelta(hours=24)
Outcome = Literal["removed", "would be removed", "in use", "too young"]


@dataclass(frozen=True, kw_only=True)
class StagingTable:
    """A staging table that was found, and what became of it."""

    table: str
    age: dt.timedelta | None
    """By the server's clock, or by the name of the stage that tasks fill; None where neither tells."""
    outcome: Outcome


def sweep(
    database: Database, *, older_than: dt.timedelta = DAY, dry_run: bool = False
) -> list[StagingTable]:
    """Remove staging tables that nobody uses; see ``db_helper.sweep``."""
    if older_than < dt.timedelta(0):
        raise ContractError(f"older_than can't be negative: {older_than}")
    found = _directories(database, older_than=older_than, dry_run=dry_run)
    with database.begin() as connection:
        rows = database.rows(connection, database.stages_sql)
    for schema, name, seconds in rows:
        if STAGE_NAME.fullmatch(name) is None:
            continue
        table = TableName(name, schema)
        age = _age(name) if seconds is None else dt.timedelta(seconds=int(seconds))
        if age is not None and age < older_than:
            outcome: Outcome | None = "too young"
        else:
            outcome = _remove(database, table, dry_run=dry_run)
        if outcome is not None:
            found.append(StagingTable(table=str(table), age=age, outcome=outcome))
    return sorted(found, key=lambda each: each.table)


def _age(name: str) -> dt.timedelta | None:
    made = stage_made_at(name)
    return None if made is None else dt.datetime.now(dt.UTC) - made


def _directories(
    database: Database, *, older_than: dt.timedelta, dry_run: bool
) -> list[StagingTable]:
    """What a Spark write to a database in a file has left beside that."""
    found = []
    for directory in stage_directories(database):
        age = _age(directory.suffix[1:])
        outcome: Outcome = "would be removed"
        if age is not None and age < older_than:
            outcome = "too young"
        elif not dry_run:
            shutil.rmtree(directory, ignore_errors=True)
            outcome = "removed"
        found.append(StagingTable(table=directory.name, age=age, outcome=outcome))
    return found


def _remove(database: Database, table: TableName, *, dry_run: bool) -> Outcome | None:
    """Drop a table unless a load holds its lock; None where it is gone by now."""
    lock = database.stage_lock(table.name)
    try:
        with database.translated():
            free = lock.take()
        if not free:
            return "in use"
        with database.begin(write=not dry_run) as connection:
            if database.columns(connection, table) is None:
                return None
            if dry_run:
                return "would be removed"
            database.run(connection, f"DROP TABLE {database.qualified(table)}").close()
        return "removed"
    finally:
        lock.release()
