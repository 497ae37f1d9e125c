"""What the steps of the audit share: the order of ties, and the customer's own order of style fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import narwhals as nw
import polars as pl

from etl.contracts.audit_steps import AuditMatches
from etl.transforms.portable import typed

if TYPE_CHECKING:
    from collections.abc import Iterable

    import dataframely as dy

    from etl.transforms.portable import Lazy

__all__ = [
    "AFTER_ALL_TEXT",
    "IN_TIES",
    "first_style",
    "same_types",
    "second_style",
    "style",
    "unmatched",
    "with_place",
]

IN_TIES: Final = ("customer", "po_number", "alt_po", "style", "color", "size", "pattern")
"""The parts of the key in the order in which ties break."""

AFTER_ALL_TEXT: Final = "\U0010ffff" * 8
"""Stands for null where nulls are to be last, or equal; no text is like that."""


def with_place(frame: Lazy, name: str) -> Lazy:
    """Number the rows by their keys, from 1, nulls last.

    Examples
    --------
    >>> import polars as pl
    >>> from etl.contracts.audit_steps import PARTS
    >>> rows = {part: ["x", "x"] for part in PARTS} | {"po_number": ["B-1", "A-1"]}
    >>> frame = with_place(nw.from_native(pl.LazyFrame(rows)), "line")
    >>> frame.collect().to_native()["line"].to_list()
    [1, 2]
    """
    if frame.implementation.is_polars():
        # A window over all rows would hold them all; a sort goes to disk where memory is short.
        native: pl.LazyFrame = frame.to_native()
        place = pl.col(name).cast(pl.Int64)
        rows = native.sort(IN_TIES, nulls_last=True).with_row_index(name, offset=1)
        return nw.from_native(rows.select(*frame.collect_schema().names(), place))
    # Engines do not agree about where nulls stand in a window.
    last = {f"_tie_{at}": nw.col(part).fill_null(AFTER_ALL_TEXT) for at, part in enumerate(IN_TIES)}
    numbered = frame.with_columns(**last).with_columns(
        nw.col("_tie_0").cum_count().over(order_by=list(last)).cast(nw.Int64).alias(name)
    )
    return numbered.drop(*last)


def same_types(frame: Lazy, contract: type[dy.Schema]) -> Lazy:
    """Give every column the contract's type: Arrow has several for text, and joins but one of them.

    Columns that the contract does not know are left out.
    """
    wanted = nw.from_native(contract.create_empty()).schema
    return typed(frame, contract).select(nw.col(name).cast(wanted[name]) for name in wanted)


def unmatched(shipments: Lazy, matches: Iterable[Lazy]) -> Lazy:
    """The shipments that are in none of the matches."""
    for found in matches:
        known = same_types(found, AuditMatches).select("shipment")
        shipments = shipments.join(known, on="shipment", how="anti")
    return shipments


def first_style() -> nw.Expr:
    """The first of the fields that hold the customer's style."""
    return nw.when(_pattern_leads()).then("pattern").otherwise("style")


def second_style() -> nw.Expr:
    """The second of them; null where there is but one."""
    other = nw.when(_pattern_leads()).then("style").otherwise("pattern")
    return nw.when(nw.col("style_fields").str.contains(",", literal=True)).then(other)


def style() -> nw.Expr:
    """The customer's style: the first of its fields that is filled."""
    return nw.coalesce(first_style(), second_style())


def _pattern_leads() -> nw.Expr:
    return nw.col("style_fields").str.starts_with("pattern")
