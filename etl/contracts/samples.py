"""The table ``sample_audit_truth``: which order line each generated shipment belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dataframely as dy

from etl.contracts.text import Text

if TYPE_CHECKING:
    import polars as pl

__all__ = ["TRUTH_TABLE", "SampleAuditTruth"]

TRUTH_TABLE: Final = "sample_audit_truth"

_LABEL: Final = 100


class SampleAuditTruth(dy.Schema):
    """One row a shipment as the audit combines packed and shipped: its key, and its order line.

    The key's texts are trimmed and upper-cased, and null where they are words for null; samples
    (``SMS``) are left out. The order line's are those of its row in ``dbo.orders_unified``, cleaned
    in the same way.
    """

    truth_id = dy.Int64(primary_key=True, min=1)
    customer = Text(min_length=1, max_length=255)
    """The canonical name; of a customer that nobody knows, its name normalised."""
    po_number = Text(nullable=True, max_length=_LABEL)
    alt_po = Text(nullable=True, max_length=_LABEL)
    style = Text(nullable=True, max_length=_LABEL)
    pattern = Text(nullable=True, max_length=_LABEL)
    color = Text(nullable=True, max_length=_LABEL)
    size = Text(nullable=True, max_length=50)
    packed_qty = dy.Int64(min=0)
    shipped_qty = dy.Int64(min=0)
    order_number = Text(nullable=True, max_length=_LABEL)
    """Null, as all of the order line, where no order was shipped."""
    order_po = Text(nullable=True, max_length=_LABEL)
    order_style = Text(nullable=True, max_length=_LABEL)
    order_color = Text(nullable=True, max_length=_LABEL)
    order_size = Text(nullable=True, max_length=50)
    noise = Text(min_length=1, max_length=50)
    """What was done to the shipment; ``none`` where it tells exactly what was ordered."""

    @dy.rule()
    def an_order_line_is_whole(cls) -> pl.Expr:  # noqa: N805 - dataframely makes it a class method
        """The order line is there with all its parts, or with none."""
        parts = (cls.order_po, cls.order_style, cls.order_color, cls.order_size)
        there = cls.order_number.col.is_null()
        whole = [part.col.is_null() == there for part in parts]
        return whole[0] & whole[1] & whole[2] & whole[3]
