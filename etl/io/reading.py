"""Read a table, a query or a ``.sql`` file as a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from etl.contracts.casts import cast_lossless
from etl.contracts.describe import describe
from etl.errors import ContractError, LoadError
from etl.io.databases.columns import TableName
from etl.io.names import parse_table_name
from etl.io.sql import bind, is_query, read_sql_file
from etl.io.transpile import to_dialect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Literal, TypeAlias

    import dataframely as dy
    import sqlalchemy as sa

    from etl.io.databases.base import Database
    from etl.io.sql import Params

    Source: TypeAlias = str | tuple[str, str] | Path | sa.Select[Any]

__all__ = ["as_contract", "compile_query", "frames_of", "statement"]


def frames_of(
    database: Database,
    connection: sa.Connection,
    source: Any,
    *,
    params: Params = None,
    dialect: Literal["tsql"] | None = None,
    batch_rows: int | None = None,
) -> Iterator[pl.DataFrame]:
    """The source's rows in frames of one schema, at least one; see ``db_helper.read_frame``."""
    if batch_rows is not None and batch_rows < 1:
        raise ContractError(f"batch_rows must be at least 1, not {batch_rows}")
    sql, values = compile_query(database, connection, source, params=params, dialect=dialect)
    return database.fetch(connection, sql, values, batch_rows=batch_rows)


def compile_query(
    database: Database,
    connection: sa.Connection,
    source: Any,
    *,
    params: Params = None,
    dialect: Literal["tsql"] | None = None,
) -> tuple[str, Sequence[Any] | None]:
    """The statement, in the engine's own dialect, and its values in order."""
    if hasattr(source, "compile") and not isinstance(source, str):
        return _compiled(database, source, params)
    if isinstance(source, str) and source.strip().lower().endswith(".sql"):
        text, dialect = read_sql_file(source.strip()), "tsql"
    elif hasattr(source, "read_text"):
        text, dialect = read_sql_file(source), "tsql"
    elif isinstance(source, str) and is_query(source):
        text = source
    else:
        return _whole_table(database, connection, source, params)
    return statement(database, connection, text, params, dialect=dialect)


def statement(
    database: Database,
    connection: sa.Connection,
    text: str,
    params: Params,
    *,
    dialect: Literal["tsql"] | None = None,
) -> tuple[str, Sequence[Any] | None]:
    """SQL text in the engine's dialect and parameter style."""
    if dialect not in (None, "tsql"):
        raise ContractError(f"dialect is 'tsql' or None, not {dialect!r}")
    brackets = database.brackets
    if dialect == "tsql" and database.sqlglot_dialect != "tsql":
        text = to_dialect(
            text,
            database.sqlglot_dialect,
            schema_exists=lambda name: database.schema_exists(connection, name),
            text_columns=lambda name: _text_columns(database, connection, name),
        )
        brackets = False
    text, values = bind(text, params, database.param_style, brackets=brackets)
    return text, None if values is None else database.parameters(values)


def _text_columns(database: Database, connection: sa.Connection, table: str) -> frozenset[str]:
    columns = database.columns(connection, TableName(table)) if table else None
    return frozenset(c.name.lower() for c in columns or () if c.dtype == pl.String())


def _whole_table(
    database: Database, connection: sa.Connection, source: Any, params: Params
) -> tuple[str, None]:
    if params is not None:
        raise ContractError(f"params go with a query; {source!r} is read as a table")
    table = database.resolve(connection, parse_table_name(source))
    columns = database.columns(connection, table)
    if columns is None:
        raise LoadError(
            f"{database.label} has no table {table} "
            "(a query begins with select, with, exec or values)",
            database=database.settings.name,
            table=str(table),
        )
    names = ", ".join(database.quote(column.name) for column in columns)
    return f"SELECT {names} FROM {database.qualified(table)}", None


def _compiled(database: Database, query: Any, params: Params) -> tuple[str, Sequence[Any] | None]:
    """A SQLAlchemy select as text with the driver's own parameters, by position."""
    if isinstance(params, Mapping):
        query = query.params(**params)
    elif params is not None:
        raise ContractError("a SQLAlchemy select takes its params as a mapping")
    dialect_class: Any = type(database.engine.dialect)
    dialect = dialect_class(paramstyle=database.param_style)
    state = query.compile(dialect=dialect).construct_expanded_state()
    values = state.positional_parameters
    # A per cent sign is doubled for drivers that read %s, so these always get a sequence.
    return state.statement, database.parameters(values)


def as_contract(frame: pl.DataFrame, contract: type[dy.Schema]) -> pl.DataFrame:
    """The frame's columns with the dtypes that a contract declares for those it knows.

    Raises
    ------
    ContractError
        A value would change: every such column, with how many values and the first.
    """
    problems = []
    made = {}
    for column in describe(contract):
        if column.name not in frame.columns:
            continue
        before = frame[column.name]
        if before.dtype.is_integer() and column.dtype == pl.Duration:
            before = before.cast(pl.Duration("us"))  # what a duration is stored as, everywhere
        after = cast_lossless(before, column.dtype)
        lost = before.filter(before.is_not_null() & after.is_null())
        if lost.len():
            problems.append(f"  {column.name}: {lost.len()} value(s) such as {lost[0]!r}")
        made[column.name] = after
    if problems:
        raise ContractError(
            f"what was read does not fit the contract {contract.__name__}:\n" + "\n".join(problems)
        )
    return frame.with_columns(**made)
