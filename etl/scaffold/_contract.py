"""A contract as source text, from the columns that a live source proposes."""

from __future__ import annotations

import keyword
import re
from typing import TYPE_CHECKING, Any, Final

import dataframely as dy
import polars as pl

from etl.errors import ContractError
from etl.scaffold._python import Call, Dict, literal, statement

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from etl.contracts.describe import ContractColumn
    from etl.scaffold._python import Expression

__all__ = ["attributes", "column_line", "uses_text"]

# A type -> its column class, and what it takes of the type by name.
_CLASSES: Final[dict[type[pl.DataType], str]] = {
    **{getattr(pl, name): f"dy.{name}" for name in (
        "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64",
        "Float32", "Float64", "Decimal", "Date", "Time", "Datetime", "Duration", "Binary",
    )},
    pl.Boolean: "dy.Bool",
    pl.String: "Text",
}  # fmt: skip
# Attributes that every schema has: a column can't be called so in its class.
_SCHEMA: Final = frozenset(dir(dy.Schema))


def attributes(columns: Iterable[ContractColumn]) -> dict[str, str]:
    """The attribute that stands for each column in the class, by the column's name.

    >>> from etl.contracts.describe import describe
    >>> class Odd(dy.Schema):
    ...     a = dy.Int64(alias="Order No.")
    ...     b = dy.Int64(alias="filter")
    >>> attributes(describe(Odd))
    {'Order No.': 'order_no', 'filter': 'filter_'}
    """
    found: dict[str, str] = {}
    for column in columns:
        found[column.name] = _attribute(column.name, set(found.values()))
    return found


def _attribute(name: str, taken: Collection[str]) -> str:
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    plain = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_") or "column"
    attribute = f"column_{plain}" if plain[0].isdigit() else plain
    while attribute in taken or attribute in _SCHEMA or keyword.iskeyword(attribute):
        attribute += "_"
    return attribute


def column_line(column: ContractColumn, attribute: str) -> str:
    """The statement that declares a column, indented as it stands in its class.

    Raises
    ------
    ContractError
        No contract has such a type.

    Examples
    --------
    >>> from etl.contracts.describe import describe
    >>> class Orders(dy.Schema):
    ...     note = dy.String(nullable=True, max_length=80, metadata={"source_type": "varchar(80)"})
    >>> print(column_line(describe(Orders)[0], "note"))
        note = Text(nullable=True, max_length=80, metadata={"source_type": "varchar(80)"})
    """
    arguments: list[tuple[str, Expression]] = list(_typed(column.dtype))
    if attribute != column.name:
        arguments.append(("alias", literal(column.name)))
    if column.primary_key:
        arguments.append(("primary_key", "True"))
    elif column.nullable:
        arguments.append(("nullable", "True"))
    if column.max_length is not None:
        arguments.append(("max_length", str(column.max_length)))
    if column.metadata:
        items: dict[str, Expression] = {
            name: literal(str(value)) for name, value in column.metadata.items()
        }
        arguments.append(("metadata", Dict(items)))
    name = _CLASSES.get(type(column.dtype))
    if name is None:
        raise ContractError(f"column {column.name!r} is of type {column.dtype}: no contract has it")
    return statement(f"{attribute} = ", Call(name, tuple(arguments)), indent=4)


def uses_text(columns: Iterable[ContractColumn]) -> bool:
    """Whether a contract of these columns needs :class:`~etl.contracts.text.Text`."""
    return any(column.dtype == pl.String for column in columns)


def _typed(dtype: Any) -> Iterable[tuple[str, Expression]]:
    if isinstance(dtype, pl.Decimal):
        yield "", str(dtype.precision)
        yield "", str(dtype.scale)
    elif isinstance(dtype, pl.Datetime):
        yield "time_unit", literal(dtype.time_unit)
        if dtype.time_zone is not None:
            yield "time_zone", literal(dtype.time_zone)
    elif isinstance(dtype, pl.Duration):
        yield "time_unit", literal(dtype.time_unit)
