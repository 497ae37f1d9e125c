"""Check what a run would need: variables, connections, tables that fit their contracts, boards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from etl.contracts.bookkeeping import RUNS_TABLE
from etl.errors import EtlError
from etl.io import db_helper as db
from etl.io.drift import source_changes
from etl.io.source import ReadContext
from etl.io.tables import TableRows, TableSource, database_exists, live_columns
from etl.runner._fit import source_problems, table_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from etl.config import Config
    from etl.io.source import Reader
    from etl.jobs.base import Job, Pipeline, Table

__all__ = ["CheckItem", "check"]


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
    for reader in readers.values():
        item = _reader(config, f"{job.name}: source", reader, reachable)
        # What a job reads of its own earlier rows is looked at above, among the tables.
        own = isinstance(reader, TableRows) and (reader.database, reader.table) in tables
        if item is not None and not own:
            yield item
        if item is not None and item.ok is not None:
            yield from _drift(config, job.name, reader)


def _reader(config: Config, what: str, reader: Reader, reachable: set[str]) -> CheckItem | None:
    """Look at a source; None where its database, which is an item of its own, can't be reached."""
    if isinstance(reader, TableRows | TableSource):
        if reader.database in config.databases and reader.database not in reachable:
            return None
        missing = _item(config, what, lambda: _missing(config, reader))
        if not missing.ok:
            return missing
        if missing.detail:  # worth knowing: on a laptop, tables are not there until they are made
            return replace(missing, ok=None)
        return _item(config, what, lambda: _source(config, reader))
    context = ReadContext(config=config, limit=1, allow_empty=True)
    # Reading a row finds the board, its columns and the token's rights, or says what lacks.
    return _item(config, what, lambda: (reader.read(context), reader.describe())[1])


def _drift(config: Config, job: str, reader: object) -> Iterator[CheckItem]:
    """What has changed at a source since its contract was written; nothing where nothing has."""
    try:
        changes = source_changes(config, reader)
    except EtlError:
        return  # that the source can't be looked at has been told already
    if changes:
        told = "; ".join(str(change) for change in changes)
        yield CheckItem(
            what=f"{job}: columns",
            ok=None if all(change.harmless for change in changes) else False,
            detail=f"{told}. `etl contract update {job}` proposes the patch",
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


def _missing(config: Config, reader: TableRows | TableSource) -> str:
    """What to say of a table that is not there yet and may well be missing, else nothing."""
    settings = config.database(reader.database)
    if live_columns(settings, reader.table) is not None:
        return ""
    if isinstance(reader, TableRows):
        return f"{reader.describe()} is not there yet; a run of the job that fills it creates it"
    if reader.filled_by is not None:
        return f"{reader.describe()} is not there yet; `etl run {reader.filled_by}` fills it"
    if settings.embedded:
        return f"{reader.describe()} is not there yet; `etl samples` makes the tables of orders and shipments"  # fmt: skip
    return ""


def _source(config: Config, reader: TableRows | TableSource) -> str:
    columns = live_columns(config.database(reader.database), reader.table)
    problems = source_problems(reader.contract, columns or ())
    if columns is not None and problems:
        raise EtlError(f"{reader.describe()} does not fit its contract: {'; '.join(problems)}")
    if isinstance(reader, TableSource):
        # Reading a row says whether we may; of a table that is not there, what to do.
        reader.read(ReadContext(config=config, limit=1, allow_empty=True))
    return f"{reader.describe()} fits its contract"
