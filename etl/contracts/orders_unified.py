"""The table ``dbo.orders_unified``: orders as customers send them, one row an order, style and colour.

The columns are called as in the orders' workbooks. Between :data:`SIZES_AFTER` and
:data:`SIZES_BEFORE` stands one column a size, whatever the sizes are called; the contract knows the
others alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import dataframely as dy

from etl.contracts.text import Text
from etl.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "SAMPLE_SIZES",
    "SIZES_AFTER",
    "SIZES_BEFORE",
    "OrdersUnified",
    "size_columns",
    "with_sizes",
]

SIZES_AFTER: Final = "UNIT OF MEASURE"
SIZES_BEFORE: Final = "TOTAL QTY"
SAMPLE_SIZES: Final = ("SMS",)
"""Sizes of samples for the salesmen: they are no part of what was ordered."""

_LABEL: Final = 100


class OrdersUnified(dy.Schema):
    """One row an order, style and colour; every part may be missing at the source."""

    order_number = Text(alias="ORDER NUMBER", nullable=True, max_length=_LABEL)
    customer = Text(alias="CUSTOMER NAME", nullable=True, max_length=255)
    po_number = Text(alias="PO NUMBER", nullable=True, max_length=_LABEL)
    alt_po = Text(alias="ALT PO", nullable=True, max_length=_LABEL)
    style = Text(alias="STYLE", nullable=True, max_length=_LABEL)
    pattern = Text(alias="PATTERN", nullable=True, max_length=_LABEL)
    style_description = Text(alias="STYLE DESCRIPTION", nullable=True, max_length=255)
    color = Text(alias="COLOR", nullable=True, max_length=_LABEL)
    season = Text(alias="SEASON", nullable=True, max_length=50)
    order_type = Text(alias="ORDER TYPE", nullable=True, max_length=50)
    received_date = dy.Date(alias="RECEIVED DATE", nullable=True)
    due_date = dy.Date(alias="DUE DATE", nullable=True)
    destination = Text(alias="DESTINATION", nullable=True, max_length=255)
    unit_price = dy.Decimal(12, 2, alias="UNIT PRICE", nullable=True)
    unit_of_measure = Text(alias=SIZES_AFTER, nullable=True, max_length=50)
    total_qty = dy.Int64(alias=SIZES_BEFORE, nullable=True)
    """The total as the customer reports it; sizes may say otherwise."""


def size_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """Find the size columns of an orders frame by their position.

    Parameters
    ----------
    columns
        The frame's columns, in order.

    Returns
    -------
    tuple of str
        Those between ``UNIT OF MEASURE`` and ``TOTAL QTY``, in order; sample sizes too.

    Raises
    ------
    ContractError
        One of the two is missing, they stand in the wrong order, or there is nothing between them.

    Examples
    --------
    >>> size_columns(["STYLE", "UNIT OF MEASURE", "XS", "32DD", "SMS", "TOTAL QTY", "NOTES"])
    ('XS', '32DD', 'SMS')
    >>> size_columns(["STYLE", "UNIT OF MEASURE", "XS"])
    Traceback (most recent call last):
    etl.errors.ContractError: the orders have no column TOTAL QTY: the sizes are those between UNIT OF MEASURE and TOTAL QTY
    """
    names = list(columns)
    where = f"the sizes are those between {SIZES_AFTER} and {SIZES_BEFORE}"
    for name in (SIZES_AFTER, SIZES_BEFORE):
        if name not in names:
            raise ContractError(f"the orders have no column {name}: {where}")
    sizes = names[names.index(SIZES_AFTER) + 1 : names.index(SIZES_BEFORE)]
    if not sizes:
        raise ContractError(f"the orders have no size columns: {where}")
    return tuple(sizes)


def with_sizes(sizes: Sequence[str]) -> type[dy.Schema]:
    """Make the contract of a whole table: the known columns, and these sizes in their place.

    Examples
    --------
    >>> with_sizes(["XS", "SMS"]).column_names()[-4:]
    ['UNIT OF MEASURE', 'XS', 'SMS', 'TOTAL QTY']
    """
    columns: dict[str, dy.Column] = {}
    for name, column in OrdersUnified.columns().items():
        if name == SIZES_BEFORE:
            columns |= {size: dy.Int64(alias=size, nullable=True) for size in sizes}
        columns[name] = column
    return cast("type[dy.Schema]", type("OrdersUnified", (dy.Schema,), columns))
