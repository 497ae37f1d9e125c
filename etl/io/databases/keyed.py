"""Modes that go by key: rows are staged beside the target, then three statements do the rest.

The target's collation judges which keys are equal; a change is judged to the byte. Nothing that is
already right is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from etl.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from etl.io.databases.base import Database
    from etl.io.databases.columns import Column, TableName

__all__ = ["KeyedMode", "Merged", "Stage", "duplicate_keys", "merge", "refuse_duplicates"]

KeyedMode = Literal["insert", "upsert", "sync"]
_EXAMPLES = 3


@dataclass(frozen=True)
class Stage:
    """Rows that wait beside their target; the names are as they stand in a statement."""

    name: str
    columns: tuple[str, ...]
    rows: int


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What the server counted."""

    inserted: int
    updated: int
    deleted: int


def merge(
    database: Database,
    connection: sa.Connection,
    table: TableName,
    columns: Sequence[Column],
    stage: Stage,
    *,
    mode: KeyedMode,
    key: Sequence[str],
) -> Merged:
    """Bring a target to what its stage says, within the connection's transaction.

    Raises
    ------
    ContractError
        Two staged rows have one key, as the target's collation sees it.
    """
    target = database.qualified(table)
    keys = [n for n, column in enumerate(columns) if column.name in key]
    names = [database.quote(column.name) for column in columns]
    same = " AND ".join(f"t.{names[n]} = s.{stage.columns[n]}" for n in keys)
    database.index_stage(connection, stage, keys)
    refuse_duplicates(database, connection, str(table), columns, stage, keys)

    deleted = updated = 0
    if mode == "sync":
        gone = f"NOT EXISTS (SELECT 1 FROM {stage.name} AS s WHERE {same})"
        by = ", ".join(names[n] for n in keys)
        doubled = f"(SELECT {by} FROM {target} GROUP BY {by} HAVING COUNT(*) > 1) AS d"
        if database.rows(connection, f"SELECT COUNT(*) FROM {doubled}")[0][0]:
            # All rows of a key that the target holds more than once: one of them can't be told
            # from another, so they come in anew.
            twice = " AND ".join(f"t.{names[n]} = d.{names[n]}" for n in keys)
            gone += f" OR EXISTS (SELECT 1 FROM {doubled} WHERE {twice})"
        deleted = database.delete_where(connection, target, gone)
    rest = [n for n in range(len(columns)) if n not in keys]
    if mode != "insert" and rest:
        differs = " OR ".join(
            database.differs(columns[n], f"t.{names[n]}", f"s.{stage.columns[n]}") for n in rest
        )
        updated = database.update_from(
            connection,
            target,
            stage.name,
            ", ".join(f"{names[n]} = s.{stage.columns[n]}" for n in rest),
            same,
            f"({differs})",
        )
    inserted = database.counted(
        connection,
        f"INSERT INTO {target} ({', '.join(names)}) "
        f"SELECT {', '.join(f's.{c}' for c in stage.columns)} FROM {stage.name} AS s "
        # A join, not NOT EXISTS: SQLite makes an index for the one as it goes, not for the other.
        f"LEFT JOIN {target} AS t ON {same} WHERE t.{names[keys[0]]} IS NULL",
    )
    return Merged(inserted=inserted, updated=updated, deleted=deleted)


def refuse_duplicates(
    database: Database,
    connection: sa.Connection,
    table: str,
    columns: Sequence[Column],
    stage: Stage,
    keys: Sequence[int],
) -> None:
    """Raise where two staged rows have one key, as the collation of its columns sees it.

    Raises
    ------
    ContractError
        Says how many keys, and some of them.
    """
    by = ", ".join(stage.columns[n] for n in keys)
    rows = database.rows(
        connection, f"SELECT {by}, COUNT(*) FROM {stage.name} GROUP BY {by} HAVING COUNT(*) > 1"
    )
    if rows:
        raise duplicate_keys(table, [columns[n].name for n in keys], [row[:-1] for row in rows])


def duplicate_keys(
    table: str, names: Sequence[str], keys: Sequence[Sequence[object]]
) -> ContractError:
    """The error of a frame in which these keys stand more than once.

    >>> str(duplicate_keys("dbo.t", ["id"], [(7,)]))
    '1 key(s) (id) stand in more than one row of the frame: 7; nothing was written to dbo.t'
    """
    shown = "; ".join(", ".join(map(str, key)) for key in keys[:_EXAMPLES])
    return ContractError(
        f"{len(keys)} key(s) ({', '.join(names)}) stand in more than one row of the frame: {shown}"
        f"{' ...' if len(keys) > _EXAMPLES else ''}; nothing was written to {table}",
        table=table,
    )
