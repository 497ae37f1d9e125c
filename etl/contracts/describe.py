"""What a contract says about its columns, in one place for whoever builds on it.

The DDL, the board reader and the check all need the same few facts. They take them from here and
not from dataframely's column classes, so that its types stay an implementation detail.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ContractColumn", "ContractRule", "column_notes", "column_rules", "contract_rules", "describe"]  # fmt: skip


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


@dataclass(frozen=True)
class ContractRule:
    """A rule about a row as a whole, and what its author says of it."""

    name: str
    text: str


def column_rules(contract: type[dy.Schema]) -> dict[str, tuple[str, ...]]:
    """What a value must be, in words, for each column that says so.

    Types, nulls, keys and the longest text are in :func:`describe`.

    >>> class Orders(dy.Schema):
    ...     qty = dy.Int64(min=1, max=99)
    ...     size = dy.String(regex="^[SML]$")
    >>> column_rules(Orders)
    {'qty': ('at least 1', 'at most 99'), 'size': ('matches ^[SML]$',)}
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, column in contract.columns().items():
        rules = column.validation_rules(pl.col(name))
        told = (_in_words(rule, getattr(column, rule, None)) for rule in rules)
        if words := tuple(word for word in told if word):
            found[name] = words
    return found


def _in_words(rule: str, bound: Any) -> str:
    if rule in ("nullability", "max_length"):
        return ""
    if rule == "is_in":
        return f"one of {', '.join(str(value) for value in bound)}"
    words = {
        "nan": "no NaN",
        "inf": "not infinite",
        "min": f"at least {bound}",
        "max": f"at most {bound}",
        "min_exclusive": f"above {bound}",
        "max_exclusive": f"below {bound}",
        "min_length": "not empty" if bound == 1 else f"at least {bound} characters",
        "regex": f"matches {bound}",
        "unique": "unique",
    }
    return words.get(rule) or rule.removeprefix("check__").replace("_", " ")


def contract_rules(contract: type[dy.Schema]) -> tuple[ContractRule, ...]:
    """The rules about rows as a whole, in the order of their definition.

    >>> class Sizes(dy.Schema):
    ...     packed = dy.Int64()
    ...     ordered = dy.Int64()
    ...
    ...     @dy.rule()
    ...     def not_more_than_ordered(cls):
    ...         '''Nothing is packed that was not ordered.'''
    ...         return cls.packed.col <= cls.ordered.col
    >>> contract_rules(Sizes)
    (ContractRule(name='not_more_than_ordered', text='Nothing is packed that was not ordered.'),)
    """
    found: dict[str, ContractRule] = {}
    for part in reversed(contract.__mro__):
        for name, value in vars(part).items():
            function = getattr(value, "validation_fn", None)
            if function is not None:
                found[name] = ContractRule(name, inspect.getdoc(function) or "")
    return tuple(found.values())


def column_notes(contract: type[dy.Schema]) -> dict[str, str]:
    """What the contract's author wrote about columns: ``description=``, or the text below one.

    A contract whose source is not at hand has descriptions alone.
    """
    found: dict[str, str] = {}
    for part in reversed(contract.__mro__):
        if issubclass(part, dy.Schema) and part is not dy.Schema:
            found |= dict(_texts_below(part))
    columns = contract.columns()
    # An attribute may have an alias, by which the frame's column goes.
    names = {id(column): name for name, column in columns.items()}
    notes = {
        names.get(id(getattr(contract, attribute, None)), attribute): text
        for attribute, text in found.items()
    }
    notes |= {name: c.description for name, c in columns.items() if c.description}
    return {name: text for name, text in notes.items() if name in columns}


def _texts_below(contract: type) -> Iterator[tuple[str, str]]:
    try:
        source = textwrap.dedent(inspect.getsource(contract))
    except (OSError, TypeError):
        return  # made while the program runs, as for a table's size columns
    [defined] = ast.parse(source).body
    body = getattr(defined, "body", [])
    for node, below in pairwise(body):
        match node, below:
            case (
                ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, inspect.cleandoc(text)
            case _:
                pass
