"""The key of a load, and which way each mode goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.contracts.describe import describe
from etl.errors import ContractError, LoadError
from etl.io.names import did_you_mean
from etl.io.options import Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    import dataframely as dy
    import sqlalchemy as sa

    from etl.io.databases.base import Database
    from etl.io.databases.columns import Column, TableName
    from etl.io.databases.keyed import KeyedMode
    from etl.io.preflight import Rules

__all__ = ["Mode", "key_columns", "key_names", "mode_by_key"]


def key_names(key: str | Sequence[str] | None, contract: type[dy.Schema] | None) -> list[str]:
    """The key as it was given; the contract's primary key by default.

    >>> key_names("id", None), key_names(["id", "part"], None), key_names(None, None)
    (['id'], ['id', 'part'], [])
    """
    if key is None:
        return [c.name for c in describe(contract) if c.primary_key] if contract else []
    return [key] if isinstance(key, str) else list(key)


def key_columns(
    key: str | Sequence[str] | None,
    contract: type[dy.Schema] | None,
    columns: Sequence[Column],
    rules: Rules,
    table: str,
) -> list[str]:
    """The key's columns as the table names them; the contract's primary key by default."""
    names = key_names(key, contract)

    def fold(name: str) -> str:
        return name.casefold() if rules.folds_case else name

    known = {fold(column.name): column.name for column in columns}
    missing = [name for name in names if fold(name) not in known]
    if missing:
        raise ContractError(
            f"the key of {table} names {', '.join(missing)}, which the frame lacks"
            + did_you_mean(missing[0], known.values()),
            table=table,
        )
    return [known[fold(name)] for name in names]


def mode_by_key(
    database: Database,
    connection: sa.Connection,
    target: TableName,
    mode: Mode,
    keys: Sequence[str],
) -> KeyedMode | None:
    """How the mode goes by key; None where it needs none."""
    if mode in ("insert", "upsert", "sync"):
        if not keys:
            raise ContractError(
                f"mode {mode} needs a key: pass key=[...], or a contract with a primary key",
                table=str(target),
            )
        return mode
    if mode != "replace":
        return None
    children = database.referenced_by(connection, target)
    if children and not keys:
        raise LoadError(
            f"{target} is referenced by {', '.join(children)}: replace would delete rows that stay, "
            "and a cascade would eat theirs; pass key=[...] to go by update, insert and delete",
            table=str(target),
        )
    return "sync" if children else None
