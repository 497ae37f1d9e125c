"""The stage of a database in a file: a directory beside it, and an Arrow file for each attempt.

Such a file has one writer, so tasks can't fill a table of it: they write files of their own, and
the rows then go through the usual load, batch by batch.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from etl.errors import LoadError
from etl.io.databases.keyed import duplicate_keys
from etl.io.databases.stages import new_stage_directory
from etl.io.keys import key_names
from etl.io.loading import LoadResult, load
from etl.io.names import parse_table_name
from etl.io.new_tables import create_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import sqlalchemy as sa

    from etl.io.databases.base import Database
    from etl.io.options import WriteOptions

__all__ = ["FileStage"]

_ELSEWHERE: Final = (
    "tasks on other machines can't write to a database in a file of this one: use a server"
)


@dataclass(frozen=True, kw_only=True)
class FileStage:
    """A stage (:class:`etl.io.attempts.Stage`) for processes of one machine."""

    table: str
    options: WriteOptions
    schema: pl.Schema
    directory: Path

    @classmethod
    def made(
        cls, database: Database, table: str, options: WriteOptions, schema: pl.Schema
    ) -> FileStage:
        """Make the directory."""
        parse_table_name(table)
        directory = new_stage_directory(database)
        directory.mkdir(parents=True)
        return cls(table=table, options=options, schema=schema, directory=directory)

    @contextmanager
    def attempt(
        self,
        database: Database,  # noqa: ARG002 - the stage of a server goes by it
        name: str,
    ) -> Iterator[Callable[[pl.DataFrame], None]]:
        """As the protocol says; the file has its name once it is whole."""
        import pyarrow as pa

        if not self.directory.is_dir():
            raise LoadError(f"{self.directory} is not there: {_ELSEWHERE}", table=self.table)
        part = self.directory / f"{name}.part"
        with part.open("wb") as file:
            writer: Any = None

            def send(frame: pl.DataFrame) -> None:
                nonlocal writer
                table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
                if writer is None:
                    writer = pa.ipc.new_stream(file, table.schema)
                writer.write_table(table)

            yield send
            if writer is not None:
                writer.close()
        part.replace(self._file(name))

    def _file(self, name: str) -> Path:
        return self.directory / f"{name}.arrow"

    def publish(
        self, database: Database, connection: sa.Connection, attempts: Mapping[str, int]
    ) -> LoadResult:
        """As the protocol says; the rows go through this process in batches."""
        frames = _Frames(self.schema, [self._file(name) for name, rows in attempts.items() if rows])
        self._refuse_duplicates(frames)
        target = database.resolve(connection, parse_table_name(self.table))
        if database.columns(connection, target) is None:
            # By the types alone: the first batch does not tell how long the texts of all are.
            empty = pl.DataFrame(schema=self.schema)
            create_table(
                database, connection, target, empty, self.options.contract, self.options.create
            )
        result = load(database, connection, frames, self.table, self.options)
        if result.rows != sum(attempts.values()):
            raise LoadError(
                f"the tasks wrote {sum(attempts.values())} rows for {self.table}, and "
                f"{result.rows} were found: nothing was changed; write again",
                database=database.settings.name,
                table=self.table,
            )
        return result

    def _refuse_duplicates(self, frames: _Frames) -> None:
        """Of a contract's key; each task has checked its own rows, and the modes by key ask again."""
        key = key_names(None, self.options.contract)
        if not key or self.options.mode not in ("append", "replace"):
            return
        keys = pl.concat([frame.select(key) for frame in frames])
        twice = keys.filter(keys.is_duplicated()).unique(maintain_order=True)
        if twice.height:
            raise duplicate_keys(self.table, key, twice.rows())

    def drop(self, database: Database) -> None:  # noqa: ARG002 - as for attempt
        """Remove the directory."""
        shutil.rmtree(self.directory, ignore_errors=True)


class _Frames:
    """The rows of files as frames, an empty one first for the columns; can be read again."""

    def __init__(self, schema: pl.Schema, files: Sequence[Path]) -> None:
        self._schema = schema
        self._files = files

    def __iter__(self) -> Iterator[pl.DataFrame]:
        import pyarrow as pa

        yield pl.DataFrame(schema=self._schema)
        for path in self._files:
            try:
                with path.open("rb") as file, pa.ipc.open_stream(file) as reader:
                    for batch in reader:
                        yield pl.DataFrame(batch)
            except (OSError, pa.ArrowInvalid) as error:
                raise LoadError(
                    f"{path.name}, which a task has written, can't be read: {error}; {_ELSEWHERE}"
                ) from error
