"""Frames into SQLite without a Python object for each value: ADBC fills scratch files.

ADBC's package brings an SQLite of its own. Two of them in one process must never have the same
file open: when one closes it, the system drops the other's locks on it (sqlite.org/howtocorrupt.html,
2.2.1), and a second process may write in between. So ADBC never sees the database. It fills new
files that nobody else knows, and has closed each before the standard library's SQLite attaches it
and moves its rows within the load's transaction. Of columns that are declared alike SQLite copies
whole records (sqlite.org/fileformat2.html#record_format).
"""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.io.databases.sqlite_values import stored
from etl.io.databases.stages import stage_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = [
    "PREFIX",
    "declared_type",
    "detach_scratches",
    "insert_by_adbc",
    "lacking",
    "opened",
    "room",
]

_FILES: Final = 4
_LEAST_ROWS: Final = 10_000
PREFIX: Final = "etl_scratch_"
_PLAIN_TYPE: Final = re.compile(r"[A-Za-z0-9_ ]+(\(\s*\d+\s*(,\s*\d+\s*)?\))?")
_APPEND: Final = {
    "adbc.ingest.target_table": "r",
    "adbc.ingest.mode": "adbc.ingest.mode.append",
}
_BATCH: Final = "adbc.sqlite.query.batch_rows"
_ATTACHES_IN_TRANSACTION: Final = (3, 21)


def lacking() -> str:
    """What is missing to load by ADBC; empty where nothing is."""
    if sqlite3.sqlite_version_info < _ATTACHES_IN_TRANSACTION:
        return f"SQLite {sqlite3.sqlite_version} attaches no file within a transaction"
    try:
        import adbc_driver_sqlite  # noqa: F401 - asked for here, to say how to get it
    except ImportError as error:
        return f"it needs pip install 'data-orchestration[sqlite]' ({error})"
    return ""


@contextmanager
def opened(path: Path) -> Iterator[Callable[..., Any]]:
    """A file by ADBC, and a function that runs a statement there, or adds rows to the table ``r``.

    With ``batch_rows`` it gives the statement's rows, of so many a batch. Not by ADBC's DBAPI: that
    imports pandas, which takes longer than a load.
    """
    import adbc_driver_manager as adbc
    import adbc_driver_sqlite

    def run(sql: str | None, rows: Any = None, *, batch_rows: int | None = None) -> Any:
        with adbc.AdbcStatement(connection) as statement:
            if sql is None:
                statement.set_options(**_APPEND)
                statement.bind_stream(rows)
                return statement.execute_update()
            statement.set_sql_query(sql)
            if batch_rows is None:
                return statement.execute_update()
            import pyarrow as pa

            statement.set_options(**{_BATCH: str(batch_rows)})
            stream, _ = statement.execute_query()
            return pa.RecordBatchReader.from_stream(stream).read_all()

    with (
        adbc_driver_sqlite.connect(str(path)) as database,
        adbc.AdbcConnection(database) as connection,
    ):
        yield run


def room(raw: sqlite3.Connection) -> int:
    """How many files the connection can attach yet."""
    attached = sum(row[1] not in ("main", "temp") for row in raw.execute("PRAGMA database_list"))
    return raw.getlimit(sqlite3.SQLITE_LIMIT_ATTACHED) - attached


def insert_by_adbc(
    raw: sqlite3.Connection,
    target: str,
    declared: Sequence[str],
    batches: Iterable[pl.DataFrame],
    *,
    rows: int,
) -> int:
    """Insert the rows of batches within the connection's transaction; gives SQLite's count.

    Parameters
    ----------
    raw
        In a transaction that writes. The files stay attached until it has ended:
        :func:`detach_scratches` lets them go.
    target
        The table as it stands in ``INSERT INTO``, with its columns in brackets unless the frames
        have all of them in its order.
    declared
        The declaration of each of the frames' columns, of :func:`declared_type`.
    batches
        Frames, with the target's dtypes.
    rows
        As many as there are in all: they go into at most four files, two at a time.
    """
    files = max(1, min(_FILES, room(raw)))
    size = max(_LEAST_ROWS, -(-rows // files))
    inserted = 0
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as directory,
        ThreadPoolExecutor(max(1, min(files, os.cpu_count() or 1))) as pool,
    ):
        waiting: deque[Future[Path]] = deque()
        for number, frames in enumerate(_groups(batches, size)):
            path = Path(directory) / str(number)
            waiting.append(pool.submit(_fill, path, declared, frames))
            while waiting and waiting[0].done():
                inserted += _move(raw, target, waiting.popleft().result())
        while waiting:
            inserted += _move(raw, target, waiting.popleft().result())
    return inserted


def _groups(batches: Iterable[pl.DataFrame], size: int) -> Iterator[list[pl.DataFrame]]:
    """The batches, cut and joined to groups of so many rows."""
    group: list[pl.DataFrame] = []
    count = 0
    for batch in batches:
        rest = batch
        while count + rest.height >= size:
            head, rest = rest[: size - count], rest[size - count :]
            yield [*group, head]
            group, count = [], 0
        if rest.height:
            group.append(rest)
            count += rest.height
    if group:
        yield group


def _fill(path: Path, declared: Sequence[str], frames: Sequence[pl.DataFrame]) -> Path:
    """Write frames into a new file, and close it. It need not outlive a crash: nothing is synced."""
    with opened(path) as run:
        for pragma in ("journal_mode = OFF", "synchronous = OFF"):
            run(f"PRAGMA {pragma}")
        names = stage_columns(declared)
        lines = ", ".join(f"{name} {text}" for name, text in zip(names, declared, strict=True))
        run(f"CREATE TABLE r ({lines})")
        run("BEGIN")
        for frame in frames:
            ready = stored(frame)
            ready.columns = names
            run(None, ready.to_arrow(compat_level=pl.CompatLevel.oldest()))
        run("COMMIT")
    return path


def _move(raw: sqlite3.Connection, target: str, path: Path) -> int:
    place = f"{PREFIX}{path.parent.name.removeprefix(PREFIX)}_{path.name}"
    raw.execute(f'ATTACH ? AS "{place}"', (str(path),))
    with suppress(OSError):  # Windows keeps what is open; it goes with its directory's next sweep
        path.unlink()
    # This very form is what SQLite copies whole records for.
    cursor = raw.execute(f'INSERT INTO {target} SELECT * FROM "{place}".r')
    try:
        return int(cursor.rowcount)
    finally:
        cursor.close()


def detach_scratches(raw: Any) -> None:
    """Let go of the files of a transaction that has ended."""
    for _, name, _ in sqlite3.Connection.execute(raw, "PRAGMA database_list").fetchall():
        if name.startswith(PREFIX):
            sqlite3.Connection.execute(raw, f'DETACH "{name}"')


def declared_type(text: str, *, notnull: bool) -> str:
    """A column's declaration in a scratch file: the target's, if nothing but a type stands there.

    >>> declared_type("DECIMAL(10, 2)", notnull=True), declared_type("a) ; --", notnull=False)
    ('DECIMAL(10, 2) NOT NULL', '')
    """
    plain = text if _PLAIN_TYPE.fullmatch(text) else ""
    return f"{plain} NOT NULL" if notnull else plain
