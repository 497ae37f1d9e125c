"""The table that rows go to: made or changed for them where that is asked for, and how they fit it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from etl.io.evolving import evolve
from etl.io.keys import key_columns, mode_by_key
from etl.io.new_tables import create_table
from etl.io.preflight import match_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    import sqlalchemy as sa

    from etl.io.databases.base import Database
    from etl.io.databases.columns import Column, TableName
    from etl.io.databases.keyed import KeyedMode
    from etl.io.options import WriteOptions

__all__ = ["Fitted", "fit_target"]


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """How a frame's columns go into a table's."""

    pairs: Sequence[tuple[str, Column]]
    """The frame's name, and the table's column; a key's takes no null where the mode goes by it."""
    problems: Sequence[str]
    """What stands against the rest of the columns."""
    keys: Sequence[str]
    goes_by: KeyedMode | None
    """How the mode goes by key; None where it needs none."""

    @property
    def columns(self) -> list[Column]:
        """The table's columns that get values."""
        return [column for _, column in self.pairs]


def fit_target(
    database: Database,
    connection: sa.Connection,
    target: TableName,
    columns: list[Column] | None,
    first: pl.DataFrame,
    options: WriteOptions,
    *,
    table: str,
) -> Fitted:
    """Make the table (``columns`` is None: there is none) or change it, within the transaction.

    ``table`` is its name as the caller has it, for messages.

    Raises
    ------
    ContractError
        A mode needs a key, or the key is none of the frame's columns; or the table can't be made.
    LoadError
        There is no table and none may be made.
    """
    contract = options.contract
    if columns is None:
        columns = create_table(database, connection, target, first, contract, options.create)
    else:
        columns = evolve(database, connection, target, columns, first, options)
    pairs, problems = match_columns(
        first.columns, columns, database.rules, ignore_new=options.on_new_columns == "ignore"
    )
    keys = key_columns(
        options.key, contract, [column for _, column in pairs], database.rules, table
    )
    goes_by = mode_by_key(database, connection, target, options.mode, keys)
    if goes_by is not None:
        pairs = [(n, replace(c, nullable=c.nullable and c.name not in keys)) for n, c in pairs]
    return Fitted(pairs=pairs, problems=problems, keys=keys, goes_by=goes_by)
