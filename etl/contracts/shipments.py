"""The tables ``dbo.packed`` (distribution) and ``dbo.shipped`` (warehouse): what left the shelves.

Both hold one row a scan: several rows may tell of one purchase order, style, colour and size.
"""

from __future__ import annotations

from typing import Final

import dataframely as dy

from etl.contracts.text import Text

__all__ = ["Packed", "Shipped"]

_LABEL: Final = 100


class _Scan(dy.Schema):
    customer = Text(nullable=True, max_length=255)
    po_number = Text(nullable=True, max_length=_LABEL)
    alt_po = Text(nullable=True, max_length=_LABEL)
    style = Text(nullable=True, max_length=_LABEL)
    pattern = Text(nullable=True, max_length=_LABEL)
    color = Text(nullable=True, max_length=_LABEL)
    size = Text(nullable=True, max_length=50)
    quantity = dy.Int64(nullable=True)


class Packed(_Scan):
    """One row a carton's content, as the distribution centre packed it."""

    packed_id = dy.Int64(primary_key=True, min=1)
    packed_on = dy.Date(nullable=True)


class Shipped(_Scan):
    """One row a line of a delivery, as the warehouse shipped it."""

    shipped_id = dy.Int64(primary_key=True, min=1)
    shipped_on = dy.Date(nullable=True)
