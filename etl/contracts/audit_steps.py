"""What the steps of the audit hand to one another: shipments, order lines, and which belong together."""

from __future__ import annotations

from typing import Final

import dataframely as dy

__all__ = ["PARTS", "AuditLines", "AuditMatches", "AuditShipments"]

PARTS: Final = ("customer", "po_number", "alt_po", "style", "pattern", "color", "size")
"""The key that packed and shipped are combined by, and orders summed by; each part may be null."""


class _Keyed(dy.Schema):
    customer = dy.String(nullable=True)
    po_number = dy.String(nullable=True)
    alt_po = dy.String(nullable=True)
    style = dy.String(nullable=True)
    pattern = dy.String(nullable=True)
    color = dy.String(nullable=True)
    size = dy.String(nullable=True)
    known_customer = dy.Bool()
    style_fields = dy.String()
    """The fields that hold the customer's style, first first, joined by a comma."""


class AuditShipments(_Keyed):
    """One row a key of packed and shipped."""

    shipment = dy.Int64(primary_key=True, min=1)
    """Its place among all, ordered as ties are."""
    packed_qty = dy.Int64()
    shipped_qty = dy.Int64()


class AuditLines(_Keyed):
    """One row a key of the orders, of one size."""

    line = dy.Int64(primary_key=True, min=1)
    """Its place among all, ordered as ties are."""
    order_number = dy.String(nullable=True)
    quantity = dy.Int64(min=1)


class AuditMatches(dy.Schema):
    """One row a shipment that has an order line."""

    shipment = dy.Int64(primary_key=True)
    line = dy.Int64()
    match_type = dy.String()
    score = dy.Float64()
    """Not rounded."""
    match_score = dy.Float64()
    """To one decimal."""
    matched_po = dy.String(nullable=True)
