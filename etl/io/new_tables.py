"""A table that is not there yet: made from the contract, or from the frame's types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl

from etl.contracts.describe import describe
from etl.errors import ContractError, LoadError
from etl.io.databases.base import NewColumn
from etl.io.sql_types import ddl_type, text_length, utf16_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    import dataframely as dy
    import sqlalchemy as sa

    from etl.io.databases.base import Database
    from etl.io.databases.columns import Column, TableName

__all__ = ["create_statement", "create_table", "new_columns_of"]


def create_table(
    database: Database,
    connection: sa.Connection,
    target: TableName,
    first: pl.DataFrame,
    contract: type[dy.Schema] | None,
    create: Literal["auto"] | bool,
) -> list[Column]:
    """Create the target from the contract, or from the frame's types; gives its columns.

    Raises
    ------
    LoadError
        ``create`` is False, or the login can't see what it made.
    ContractError
        A column's type is one that the engine can't keep: every such column is named.
    """
    if create is False:
        raise LoadError(
            f"{database.label} has no table {target}; create it, or leave create='auto'",
            table=str(target),
        )
    if not first.columns:
        raise ContractError(f"the frame has no columns; {target} can't be created from it")
    new = _columns_of_contract(contract) if contract is not None else new_columns_of(first)
    _check_types(database, target, new)
    database.create_table(connection, target, new)
    columns = database.columns(connection, target)
    if columns is None:
        raise LoadError(
            f"{target} was created and can't be found again: has this login the right to see it?",
            table=str(target),
        )
    return columns


def create_statement(database: Database, target: TableName, contract: type[dy.Schema]) -> str:
    """The statement that a missing table would be created by; nothing is connected to.

    Raises
    ------
    ContractError
        A column's type, or a name, is one that the engine can't keep: every such column is named.

    Examples
    --------
    >>> from etl.contracts.board_groups import BoardGroups
    >>> from etl.config import DatabaseSettings
    >>> from etl.io.databases import open_database
    >>> from etl.io.names import parse_table_name
    >>> memory = open_database(DatabaseSettings.from_url("sqlite://"))
    >>> create_statement(memory, parse_table_name("groups"), BoardGroups)[:46]
    'CREATE TABLE "groups" ("board_id" BIGINT NOT N'
    """
    columns = _columns_of_contract(contract)
    _check_types(database, target, columns)
    return database.create_table_sql(target, columns)


def _check_types(database: Database, target: TableName, columns: Sequence[NewColumn]) -> None:
    problems: list[str] = []
    for column in columns:
        try:
            ddl_type(column.dtype, database.dialect, length=column.length)
        except ContractError as error:
            problems.append(f"  {column.name}: {error}")
    if problems:
        raise ContractError(
            f"{target} can't be created; nothing was written:\n" + "\n".join(problems),
            table=str(target),
        )


def _columns_of_contract(contract: type[dy.Schema]) -> Sequence[NewColumn]:
    return [
        NewColumn(
            name=column.name,
            dtype=column.dtype,
            length=column.max_length,
            nullable=column.nullable,
            primary_key=column.primary_key,
        )
        for column in describe(contract)
    ]


def new_columns_of(frame: pl.DataFrame) -> Sequence[NewColumn]:
    """Columns for a frame's types; text with room for twice what the frame holds."""
    texts = [
        name
        for name, dtype in frame.schema.items()
        if dtype in (pl.String, pl.Categorical, pl.Enum)
    ]
    lengths = (
        frame.select(pl.col(texts).cast(pl.String))
        .select(utf16_length(name).max().alias(name) for name in texts)
        .row(0, named=True)
        if texts and frame.height
        else dict.fromkeys(texts, None)
    )
    return [
        NewColumn(
            name=name,
            dtype=dtype,
            length=text_length([lengths[name]]) if name in lengths else None,
        )
        for name, dtype in frame.schema.items()
    ]
