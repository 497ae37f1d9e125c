"""Orders as lines of one size, and the orders that such lines do not tell all of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dataframely as dy
import narwhals as nw

from etl.contracts.audit_steps import PARTS, AuditLines
from etl.contracts.keys import upper_key
from etl.contracts.orders_unified import SAMPLE_SIZES, OrdersUnified, size_columns
from etl.transforms._quantities import quantity, reason
from etl.transforms.audit._parts import same_types, with_place
from etl.transforms.audit.standardise import standardised
from etl.transforms.portable import FrameT, Lazy, on_any_engine, require, typed
from etl.transforms.stacking import stacked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.transforms._quantities import Quantity

__all__ = ["uncounted", "unpivot"]

_TEXTS: Final = ("customer", "po_number", "alt_po", "style", "pattern", "color", "order_number")
_ALIASES: Final = {
    name: column.alias or name
    for name, column in vars(OrdersUnified).items()
    if isinstance(column, dy.Column) and name in _TEXTS
}
_KNOWN: Final = ("known_customer", "style_fields")
_KEYS: Final = (*PARTS, *_KNOWN)
_KEPT: Final = (*_TEXTS, *_KNOWN)


def unpivot(orders: FrameT, customers: object) -> FrameT:
    """Make one row a size of what was ordered: quantities above 0, summed by key, no samples.

    A cell that holds no whole number from 0 on counts as 0: :func:`uncounted` tells of it. Texts
    become as those of shipments (:func:`~etl.transforms.audit.standardise`).

    Parameters
    ----------
    orders
        Rows of ``dbo.orders_unified``; the sizes are the columns between ``UNIT OF MEASURE`` and
        ``TOTAL QTY``. A pandas or polars frame, a LazyFrame, a pyarrow Table or a DuckDB relation.
    customers
        The names of :class:`~etl.contracts.customers.CustomerNames`; of the same engine.

    Returns
    -------
    the type of ``orders``
        The columns of :class:`~etl.contracts.audit_steps.AuditLines`, one row a key.

    Raises
    ------
    ContractError
        A column is missing, or a size column is of a type that holds no quantities.

    Examples
    --------
    >>> import polars as pl
    >>> from etl.contracts.customers import CustomerNames
    >>> told = {"ORDER NUMBER": ["SO-1"], "CUSTOMER NAME": ["Northwind"], "PO NUMBER": ["a-1"]}
    >>> told |= {"ALT PO": [None], "STYLE": ["ls1"], "PATTERN": [None], "COLOR": ["Navy"]}
    >>> sizes = {"UNIT OF MEASURE": ["EA"], "XS": [0], "m ": [7], "SMS": [1], "TOTAL QTY": [8]}
    >>> lines = unpivot(pl.DataFrame({**told, **sizes}), CustomerNames.create_empty())
    >>> lines.select("line", "customer", "style", "size", "quantity").rows()
    [(1, 'northwind', 'LS1', 'M', 7)]
    """
    return on_any_engine(_unpivot, orders, customers)


def uncounted(orders: FrameT) -> FrameT:
    """Give the orders with a size whose quantity can't be counted, and say why.

    What :func:`unpivot` counts as 0 although something is written there. The other sizes of such a
    row are counted as ever.

    Parameters
    ----------
    orders
        As for :func:`unpivot`.

    Returns
    -------
    the type of ``orders``
        The orders' own columns behind ``reason``. Sizes of samples are no reason.

    Raises
    ------
    ContractError
        There are no size columns, or one is of a type that holds no quantities.

    Examples
    --------
    >>> import polars as pl
    >>> orders = {"STYLE": ["LS1", "LS2"], "UNIT OF MEASURE": ["EA", "EA"], "XS": ["12 pcs", "7"]}
    >>> uncounted(pl.DataFrame({**orders, "TOTAL QTY": [12, 7]})).select("reason", "STYLE").rows()
    [("XS: '12 pcs' is no whole number", 'LS1')]
    """
    return on_any_engine(_uncounted, orders)


def _uncounted(orders: Lazy) -> Lazy:
    schema = orders.collect_schema()
    problems = [read.problem for read in _quantities(schema).values()]
    told = reason(problems) if problems else nw.lit(None, dtype=nw.String)
    rows = typed(orders, OrdersUnified).select(told.alias("reason"), *schema.names())
    return rows.filter(~nw.col("reason").is_null())


def _quantities(schema: Mapping[str, Any]) -> dict[str, Quantity]:
    """Say how each size is counted, those of samples left out."""
    sizes = [name for name in size_columns(list(schema)) if upper_key(name) not in SAMPLE_SIZES]
    return {size: quantity(size, schema[size]) for size in sizes}


def _unpivot(orders: Lazy, customers: Lazy) -> Lazy:
    require(orders, _ALIASES.values(), "unpivot")
    counted = _quantities(orders.collect_schema())
    called = {f"_size_{at}": upper_key(size) for at, size in enumerate(counted)}
    wide = typed(orders, OrdersUnified).select(
        *(nw.col(alias).alias(name) for name, alias in _ALIASES.items()),
        *(read.count.alias(new) for new, read in zip(called, counted.values(), strict=True)),
    )
    wide = standardised(wide, customers, _TEXTS)
    return _summed(stacked(wide, called, keep=_KEPT, name="size", value="quantity"))


def _summed(lines: Lazy) -> Lazy:
    sums = (
        lines.group_by(*_KEYS)
        .agg(nw.col("quantity").sum(), nw.col("order_number").min())
        .with_columns(nw.col("quantity").cast(nw.Int64))
    )
    return same_types(with_place(sums, "line"), AuditLines)
