"""A table that changes with its frames: new columns, and room for longer text, where asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from etl.errors import ContractError
from etl.io.new_tables import new_columns_of
from etl.io.sql_types import ddl_type, text_length, utf16_length

if TYPE_CHECKING:
    import sqlalchemy as sa

    from etl.io.databases.base import Database
    from etl.io.databases.columns import Column, TableName
    from etl.io.options import WriteOptions

__all__ = ["evolve"]

# One column a statement: Babelfish takes no more.
_ADD: Final = {
    "sqlite": "ALTER TABLE {table} ADD COLUMN {column} {type}",
    "postgresql": "ALTER TABLE {table} ADD COLUMN {column} {type}",
    "duckdb": "ALTER TABLE {table} ADD COLUMN {column} {type}",
    "mssql": "ALTER TABLE {table} ADD {column} {type} NULL",
}
# On SQL Server a column that is altered without a word on nulls takes them; Babelfish wants no
# such word. So it is said only where it matters.
_WIDEN: Final = {
    "postgresql": "ALTER TABLE {table} ALTER COLUMN {column} TYPE {type}",
    "mssql": "ALTER TABLE {table} ALTER COLUMN {column} {type}{nulls}",
}


def evolve(
    database: Database,
    connection: sa.Connection,
    target: TableName,
    columns: list[Column],
    frame: pl.DataFrame,
    options: WriteOptions,
) -> list[Column]:
    """Fit the table to a frame as far as the options allow; gives its columns.

    Parameters
    ----------
    database, connection, target
        The table; what is changed is committed with the load.
    columns
        The table's columns.
    frame
        The frame, or the first batch of a stream: later batches have to fit what it shows.
    options
        ``on_new_columns="add"`` and ``on_widen="widen"`` change the table.

    Raises
    ------
    ContractError
        A column that is too narrow can't be widened in place on this engine.
    """
    changed = False

    def fold(name: str) -> str:
        return name.casefold() if database.rules.folds_case else name

    known = {fold(column.name): column for column in columns}
    if options.on_new_columns == "add":
        extra = [name for name in frame.columns if fold(name) not in known]
        if extra and database.dialect not in _ADD:
            raise ContractError(
                f"{', '.join(extra)}: {database.title} commits when a table changes, so a load can't "
                "add a column and still be all or nothing: add it first",
                table=str(target),
            )
        for new in new_columns_of(frame.select(extra)) if extra else ():
            kind = ddl_type(new.dtype, database.dialect, length=new.length)
            _alter(database, connection, target, _ADD[database.dialect], new.name, kind)
            changed = True
    if options.on_widen == "widen":
        for name in frame.columns:
            column = known.get(fold(name))
            if column is not None and (length := _needed(frame, name, column, database)):
                _widen(database, connection, target, column, length)
                changed = True
    if not changed:
        return columns
    return database.columns(connection, target) or columns


def _needed(frame: pl.DataFrame, name: str, column: Column, database: Database) -> int | None:
    """How long a text column has to be for the frame, if it is too short."""
    if column.length is None or frame[name].dtype not in (pl.String, pl.Categorical, pl.Enum):
        return None
    texts = frame.select(pl.col(name).cast(pl.String))
    length = (
        utf16_length(name)
        if database.rules.text_length == "utf16"
        else pl.col(name).str.len_chars()
    )
    longest = texts.select(length.max()).item() or 0
    return int(longest) if longest > column.length else None


def _widen(
    database: Database, connection: sa.Connection, target: TableName, column: Column, length: int
) -> None:
    if database.dialect not in _WIDEN:
        raise ContractError(
            f"{column.name}: a value is {length} long and the column takes {column.length}; "
            f"{database.title} can't widen a column in place: make the table anew",
            table=str(target),
        )
    template = _WIDEN[database.dialect].replace("{nulls}", "" if column.nullable else " NOT NULL")
    kind = ddl_type(pl.String(), database.dialect, length=text_length([length]))
    _alter(database, connection, target, template, column.name, kind)


def _alter(
    database: Database,
    connection: sa.Connection,
    target: TableName,
    template: str,
    name: str,
    kind: str,
) -> None:
    sql = template.format(table=database.qualified(target), column=database.quote(name), type=kind)
    database.run(connection, sql).close()
