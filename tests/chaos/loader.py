"""A process that loads in a loop and says how far it is, to be killed at any moment.

Processes are forked from a server that has imported everything, so that one costs milliseconds.
"""

from __future__ import annotations

import dataclasses
import functools
import multiprocessing
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import etl.io.db_helper as db
from etl.config import DatabaseSettings
from etl.errors import LoadError
from etl.io.databases import postgres_load
from tests.chaos import states

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext

    import polars as pl

    from etl.io.keys import Mode

__all__ = ["Loader"]

_DRIVERS: Final = (
    *("sqlalchemy", "dataframely", "psycopg", "duckdb_engine", "pyodbc"),
    *("etl.io.databases.postgres_binary", "pyarrow.compute"),
)
_PATIENCE: Final = 120.0
"""Seconds without a word after which a child counts as stuck."""


@functools.cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    # `__main__` is pytest: without it, every child would import that again.
    drivers = [name for name in _DRIVERS if find_spec(name)]
    context.set_forkserver_preload(["__main__", __name__, "etl.io.loading", *drivers])
    return context


def _load(
    settings: dict[str, Any],
    table: str,
    mode: Mode,
    first: int,
    workers: int,
    to_parent: Connection,
) -> None:
    database = DatabaseSettings(**settings)
    if first // 2 % 2:  # every other process loads these few rows as large frames go
        postgres_load._BINARY_ROWS = 1

    def announced(n: int) -> Iterator[pl.DataFrame]:
        for batch in states.batches(mode, n):
            to_parent.send(("batch", n))
            yield batch

    n = first
    while not to_parent.poll():
        to_parent.send(("start", n))
        how = states.mode_of(mode, n)
        key = ["id"] if how in states.KEYED else None
        try:
            db.write_frame(announced(n), table, database, mode=how, key=key, workers=workers)
        except LoadError as error:
            # Whether it was committed nobody can say who lost the connection: go on with a
            # replace, which is right after either.
            to_parent.send(("failed", n, type(error).__name__, str(error)))
            n += 2 - n % 2
        else:
            to_parent.send(("done", n))
            n += 1
    to_parent.send(("stopped", n))


def _fields(settings: DatabaseSettings) -> dict[str, Any]:
    """Settings that can be pickled: their options are a read-only view of a mapping."""
    fields = {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings)}
    return {**fields, "options": dict(settings.options)}


class Loader:
    """The parent's end of a loading process.

    ``started`` and ``done`` are the last loads that it has begun and finished: the table holds one
    of these, or one between them. ``held`` is what the table held before.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        table: str,
        mode: Mode,
        *,
        first: int,
        held: int,
        workers: int = 1,
    ) -> None:
        self._from_child, self._childs_end = _context().Pipe()
        self.process = _context().Process(
            target=_load,
            args=(_fields(settings), table, mode, first, workers, self._childs_end),
            daemon=True,
        )
        self.started, self.done = first - 1, held
        self.failures: list[tuple[str, str]] = []

    def __enter__(self) -> Loader:
        self.process.start()
        self._childs_end.close()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._from_child.close()

    def next(self) -> str:
        """Wait for the child's next announcement, and give its kind."""
        said = self._receive()
        assert said is not None, f"the loader ended by itself, exit code {self.process.exitcode}"
        return str(said[0])

    def wait_for(self, *kinds: str) -> str:
        """Wait for an announcement of one of these kinds."""
        while (kind := self.next()) not in kinds:
            pass
        return kind

    def _receive(self) -> tuple[Any, ...] | None:
        assert self._from_child.poll(_PATIENCE), f"no word from the loader for {_PATIENCE:.0f} s"
        try:
            said: tuple[Any, ...] = self._from_child.recv()
        except (EOFError, ConnectionResetError):
            return None
        kind, n, *rest = said
        if kind == "start":
            self.started = n
        elif kind == "done":
            self.done = n
        elif kind == "failed":
            self.failures.append((rest[0], rest[1]))
        return said

    def kill(self) -> None:
        """SIGKILL, and hear what it said before."""
        self.process.kill()
        self.process.join(_PATIENCE)
        while not self._from_child.closed and self._receive() is not None:
            pass

    def stop(self) -> None:
        """Let it finish the load it is at, and end."""
        self._from_child.send("stop")
        self.wait_for("stopped")
        self.process.join(_PATIENCE)

    @property
    def next_replace(self) -> int:
        """The first load of a next loader: whatever the table holds, it is right after that."""
        return self.started + 2 - self.started % 2
