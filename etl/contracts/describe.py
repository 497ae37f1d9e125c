"""What a contract says about its columns, in one place for whoever builds on it.

The DDL, the board reader and the check all need the same few facts. They take them from here and
not from dataframely's column classes, so that its types stay an implementation detail.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import dataframely as dy

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

__all__ = ["ContractColumn", "describe"]


@dataclass(frozen=True, kw_only=True)
class ContractColumn:
    """One column of a contract.

    ``max_length`` is the size of the text in UTF-16 units, which is what ``n`` counts in SQL
    Server's ``NVARCHAR(n)`` (an emoji takes two); None is unbounded, and None for other types.
    ``metadata`` is what the contract's author wrote beside the column: ``board_column`` and
    ``part`` for a board, for example. It cannot be changed.
    """

    name: str
    dtype: pl.DataType
    nullable: bool
    max_length: int | None
    primary_key: bool
    metadata: Mapping[str, Any]


def describe(contract: type[dy.Schema]) -> tuple[ContractColumn, ...]:
    """Describe a contract's columns, in the contract's order.

    Parameters
    ----------
    contract
        A dataframely schema.

    Returns
    -------
    tuple of ContractColumn
        A part of the primary key is never nullable.

    Examples
    --------
    >>> import dataframely as dy
    >>> class Orders(dy.Schema):
    ...     order_id = dy.Int64(primary_key=True)
    ...     note = dy.String(nullable=True, max_length=80, metadata={"board_column": "note_1"})
    >>> [(c.name, str(c.dtype), c.nullable, c.max_length) for c in describe(Orders)]
    [('order_id', 'Int64', False, None), ('note', 'String', True, 80)]
    >>> describe(Orders)[1].metadata["board_column"]
    'note_1'
    """
    return tuple(
        ContractColumn(
            name=name,
            dtype=column.dtype,
            nullable=column.nullable and not column.primary_key,
            max_length=column.max_length if isinstance(column, dy.String) else None,
            primary_key=column.primary_key,
            metadata=MappingProxyType(dict(column.metadata or {})),
        )
        for name, column in contract.columns().items()
    )
