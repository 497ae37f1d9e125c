"""Check what a run would need: variables, connections, tables that fit their contracts, boards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from etl.contracts.bookkeeping import RUNS_TABLE
from etl.contracts.describe import describe
from etl.errors import EtlError
from etl.io import db_helper as db
from etl.io.source import ReadContext
from etl.io.tables import TableRows, database_exists, live_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import dataframely as dy

    from etl.config import Config
    from etl.io.databases.columns import Column
    from etl.jobs.base import Job, Pipeline, Table

__all__ = ["CheckItem", "check", "table_problems"]


@dataclass(frozen=True, kw_only=True)
class CheckItem:
    """One thing that was checked; ``ok`` is None for what is worth knowing and no failure."""

    what: str
    ok: bool | None
    detail: str


def check(config: Config, jobs: Iterable[Job | Pipeline]) -> list[CheckItem]:
    """Check the configuration, every database, and every job's tables and sources.

    Nothing is written, and no database file is created.
    """
    jobs = list(jobs)
    profile = f"profile {config.profile}" if config.profile else "top level"
    items = [CheckItem(what="configuration", ok=True, detail=f"{config.path}, {profile}")]
    items += [
        CheckItem(what="variable", ok=False, detail=line) for line in config.missing_variables()
    ]
    items += [CheckItem(what="secret", ok=None, detail=line) for line in config.literal_secrets()]
    reachable: set[str] = set()
    for name in config.databases:
        item = _item(config, f"database {name}", lambda name=name: _connect(config, name))  # type: ignore[misc]
        items.append(item)
        if item.ok:
            reachable.add(name)
    for job in jobs:
        items += _job(config, job, reachable)
    return items


def _job(config: Config, job: Job | Pipeline, reachable: set[str]) -> Iterator[CheckItem]:
    # Steps share tables and sources: each is looked at once.
    tables = {(t.database, t.table): t for step in job.steps for t in step.tables.values()}
    readers = {r.describe(): r for step in job.steps for r in step.inputs.values()}
    for table in tables.values():
        if table.database in reachable:
            what = f"{job.name}: table"
            yield _item(config, what, lambda table=table: _table(config, table))  # type: ignore[misc]
    context = ReadContext(config=config, limit=1, allow_empty=True)
    for reader in readers.values():
        if not isinstance(reader, TableRows):
            what = f"{job.name}: source"
            # Reading a row finds the board, its columns and the token's rights, or says what lacks.
            yield _item(
                config,
                what,
                lambda reader=reader: (reader.read(context), reader.describe())[1],  # type: ignore[misc]
            )


def _item(config: Config, what: str, look: Callable[[], str]) -> CheckItem:
    try:
        return CheckItem(what=what, ok=True, detail=look())
    except EtlError as error:
        return CheckItem(what=what, ok=False, detail=config.redact(str(error)))
    except Exception as error:  # noqa: BLE001 - the other checks still have something to say
        detail = config.redact(f"unexpected {type(error).__name__}: {error}")
        return CheckItem(what=what, ok=False, detail=detail)


def _connect(config: Config, name: str) -> str:
    settings = config.database(name)
    if not database_exists(settings):
        return f"{settings.where} is not there yet; the first run creates it"
    db.table_columns(RUNS_TABLE, settings)  # a look at the catalogue: SELECT 1 opens no file
    return f"connected to {settings.where}"


def _table(config: Config, table: Table) -> str:
    settings = config.database(table.database)
    columns = live_columns(settings, table.table)
    if columns is None:
        return f"{table.table} is not there yet; the first run creates it"
    problems = table_problems(table.contract, columns)
    if problems:
        raise EtlError(f"{table.table} does not fit its contract: {'; '.join(problems)}")
    return f"{table.table} fits its contract"


def table_problems(contract: type[dy.Schema], columns: Sequence[Column]) -> list[str]:
    """What keeps a live table from holding every row that a contract allows.

    Parameters
    ----------
    contract
        A dataframely schema.
    columns
        The live table's columns.

    Returns
    -------
    list of str
        A sentence for each problem; empty if the table fits.
    """
    live = {column.name: column for column in columns}
    problems: list[str] = []
    for wanted in describe(contract):
        column = live.pop(wanted.name, None)
        if column is None:
            problems.append(f"{wanted.name} is missing")
            continue
        ours, theirs = _family(wanted.dtype), _family(column.dtype)
        if ours != theirs:
            problems.append(f"{wanted.name} is {column.type}, the contract says {wanted.dtype}")
        elif ours == "text" and column.length is not None:
            length = wanted.max_length
            if length is None or length > column.length:
                room = f"{column.type}({column.length})"
                problems.append(
                    f"{wanted.name} is {room}, the contract allows {length or 'any length'}"
                )
        if wanted.nullable and not column.nullable:
            problems.append(f"{wanted.name} refuses nulls, the contract allows them")
    problems += [
        f"{column.name} must be filled, and the contract does not know it"
        for column in live.values()
        if not (column.nullable or column.has_default or column.generated)
    ]
    return problems


def _family(dtype: pl.DataType) -> str:
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "float"
    if dtype == pl.String:
        return "text"
    if isinstance(dtype, pl.Datetime):
        return "datetime"
    return type(dtype).__name__
