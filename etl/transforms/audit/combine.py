"""Packed and shipped as one: what left the shelves of each key, and how much."""

from __future__ import annotations

from typing import Final

import narwhals as nw

from etl.contracts.audit_steps import PARTS, AuditShipments
from etl.contracts.orders_unified import SAMPLE_SIZES
from etl.contracts.shipments import Shipped
from etl.transforms.audit._parts import same_types, with_place
from etl.transforms.portable import FrameT, Lazy, on_any_engine, require, typed

__all__ = ["combine"]

_KEYS: Final = (*PARTS, "known_customer", "style_fields")
_READ: Final = (*_KEYS, "quantity")


def combine(packed: FrameT, shipped: object) -> FrameT:
    """Sum packed and shipped by customer, PO, alternative PO, style, pattern, colour and size.

    Null equals null: many scans have no alternative PO or pattern. Sizes of samples are left out.

    Parameters
    ----------
    packed, shipped
        Scans as :func:`~etl.transforms.audit.standardise` gives them, with ``quantity``; both of
        one engine.

    Returns
    -------
    the type of ``packed``
        The columns of :class:`~etl.contracts.audit_steps.AuditShipments`, one row a key; what was
        packed alone counts as shipped 0, and the other way round.

    Raises
    ------
    ContractError
        A column is missing.

    Examples
    --------
    >>> import polars as pl
    >>> key = {part: [None, None] for part in PARTS} | {"customer": ["Northwind"] * 2}
    >>> told = {"known_customer": [True] * 2, "style_fields": ["style"] * 2}
    >>> packed = pl.DataFrame({**key, "po_number": ["A-1", "A-2"], **told, "quantity": [5, 7]})
    >>> shipped = packed.with_columns(quantity=pl.lit(2)).head(1)
    >>> combine(packed, shipped).select("shipment", "po_number", "packed_qty", "shipped_qty").rows()
    [(1, 'A-1', 5, 2), (2, 'A-2', 7, 0)]
    """
    return on_any_engine(_combine, packed, shipped)


def _combine(packed: Lazy, shipped: Lazy) -> Lazy:
    require(packed, _READ, "combine, packed")
    require(shipped, _READ, "combine, shipped")
    nothing = nw.lit(0, dtype=nw.Int64)
    counted = nw.col("quantity").cast(nw.Int64).fill_null(0)
    rows = nw.concat(
        [
            typed(packed, Shipped).select(*_KEYS, packed_qty=counted, shipped_qty=nothing),
            typed(shipped, Shipped).select(*_KEYS, packed_qty=nothing, shipped_qty=counted),
        ]
    )
    size = nw.col("size")
    sums = (
        typed(rows, AuditShipments)
        .filter(~size.is_in(SAMPLE_SIZES) | size.is_null())
        .group_by(*_KEYS)
        .agg(nw.col("packed_qty", "shipped_qty").sum())
        .with_columns(nw.col("packed_qty", "shipped_qty").cast(nw.Int64))
    )
    return same_types(with_place(sums, "shipment"), AuditShipments)
