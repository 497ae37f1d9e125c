"""Whether live tables and contracts fit each other: those that are written, and those that are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from etl.contracts.describe import describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    import dataframely as dy

    from etl.contracts.describe import ContractColumn
    from etl.io.databases.columns import Column

__all__ = ["source_problems", "table_problems"]


def table_problems(contract: type[dy.Schema], columns: Sequence[Column]) -> list[str]:
    """What keeps a live table from holding every row that a contract allows.

    Parameters
    ----------
    contract
        A dataframely schema.
    columns
        The live table's columns.

    Returns
    -------
    list of str
        A sentence for each problem; empty if the table fits.
    """
    live = {column.name: column for column in columns}
    problems: list[str] = []
    for wanted in describe(contract):
        column = live.pop(wanted.name, None)
        if column is None:
            problems.append(f"{wanted.name} is missing")
            continue
        problems += _type_problems(wanted, column) or _room_problems(wanted, column)
        if wanted.nullable and not column.nullable:
            problems.append(f"{wanted.name} refuses nulls, the contract allows them")
    problems += [
        f"{column.name} must be filled, and the contract does not know it"
        for column in live.values()
        if not (column.nullable or column.has_default or column.generated)
    ]
    return problems


def source_problems(contract: type[dy.Schema], columns: Sequence[Column]) -> list[str]:
    """What keeps a contract from reading a live table: columns that lack, types that differ.

    What the table holds beyond the contract is no problem: other columns are not read, and rows
    that break a rule are set aside.

    Parameters
    ----------
    contract
        A dataframely schema.
    columns
        The live table's columns.

    Returns
    -------
    list of str
        A sentence for each problem; empty if the table can be read.

    Examples
    --------
    >>> import dataframely as dy
    >>> from etl.io.databases.columns import Column
    >>> class Packed(dy.Schema):
    ...     size = dy.String()
    ...     quantity = dy.Int64()
    >>> source_problems(Packed, [Column(name="quantity", type="varchar", dtype=pl.String())])
    ['size is missing', 'quantity is varchar, the contract says Int64']
    """
    live = {column.name: column for column in columns}
    problems: list[str] = []
    for wanted in describe(contract):
        column = live.get(wanted.name)
        if column is None:
            problems.append(f"{wanted.name} is missing")
        elif not _reads(wanted.dtype, column):
            problems += _type_problems(wanted, column)
    return problems


def _reads(wanted: pl.DataType, column: Column) -> bool:
    """Whether every value of another type can be read: whole numbers, and what has no type."""
    fits = column.dtype.is_integer() and wanted.is_numeric()
    return fits or not column.type


def _type_problems(wanted: ContractColumn, column: Column) -> list[str]:
    if _family(wanted.dtype) == _family(column.dtype):
        return []
    return [f"{wanted.name} is {column.type}, the contract says {wanted.dtype}"]


def _room_problems(wanted: ContractColumn, column: Column) -> list[str]:
    """What of the contract's values has no room: long texts, digits before and behind the point."""
    if wanted.dtype == pl.String and column.length is not None:
        length = wanted.max_length
        if length is None or length > column.length:
            room = f"{column.type}({column.length})"
            return [f"{wanted.name} is {room}, the contract allows {length or 'any length'}"]
    ours, theirs = wanted.dtype, column.dtype
    if isinstance(ours, pl.Decimal) and isinstance(theirs, pl.Decimal):
        whole = theirs.precision - theirs.scale < ours.precision - ours.scale
        if whole or theirs.scale < ours.scale:
            room = f"{column.type}({theirs.precision}, {theirs.scale})"
            return [f"{wanted.name} is {room}, the contract allows {ours}"]
    return []


def _family(dtype: pl.DataType) -> str:
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "float"
    if dtype == pl.String:
        return "text"
    if isinstance(dtype, pl.Datetime):
        return "datetime"
    return type(dtype).__name__
