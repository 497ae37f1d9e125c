"""Order lines that say the same as a shipment: by the same number, and by each other's."""

from __future__ import annotations

from typing import Final

import narwhals as nw

from etl.contracts.audit import MATCHED_PO
from etl.contracts.audit_steps import AuditLines, AuditMatches, AuditShipments
from etl.transforms.audit._parts import same_types, style, unmatched
from etl.transforms.portable import FrameT, Lazy, on_any_engine, require

__all__ = ["match_cross_field", "match_exact"]

_NUMBERS: Final = {
    "po": ("po_number", "po_number"),
    "alt_po": ("alt_po", "alt_po"),
    "po_to_alt": ("po_number", "alt_po"),
    "alt_to_po": ("alt_po", "po_number"),
}
_SAME: Final = ("customer", "color", "size")
_EXACT_SCORE: Final = 100.0
# A choice is how a line was found and the line, in one number: the smallest is the best.
_LINES: Final = 2**48


def match_exact(shipments: FrameT, lines: object) -> FrameT:
    """Find the order lines with a shipment's customer, PO, style, colour and size.

    The alternative POs are compared where the POs do not agree. The style is that of the first of
    the customer's fields that is filled, on either side. Null equals nothing.

    Parameters
    ----------
    shipments
        What :func:`~etl.transforms.audit.combine` gives.
    lines
        What :func:`~etl.transforms.audit.unpivot` gives; of the same engine.

    Returns
    -------
    the type of ``shipments``
        The columns of :class:`~etl.contracts.audit_steps.AuditMatches`, one row for each shipment
        that matches: of several lines the first.

    Raises
    ------
    ContractError
        A column is missing.

    Examples
    --------
    >>> import polars as pl
    >>> key = {"customer": "Northwind", "alt_po": None, "style": "LS1", "pattern": None}
    >>> key |= {"color": "NAVY", "size": "M", "known_customer": True, "style_fields": "style"}
    >>> rows = pl.DataFrame([{**key, "po_number": "A-1"}])
    >>> shipments = rows.with_columns(shipment=1, packed_qty=0, shipped_qty=5)
    >>> lines = rows.with_columns(line=4, quantity=5, order_number=pl.lit("SO-1"))
    >>> match_exact(shipments, lines).rows()
    [(1, 4, 'EXACT', 100.0, 100.0, 'po')]
    """
    return on_any_engine(_match, shipments, lines, by=MATCHED_PO[:2], who="match_exact")


def match_cross_field(shipments: FrameT, lines: object, *matches: object) -> FrameT:
    """Find the order lines that :func:`match_exact` would, had a PO not been in the other's field.

    Parameters
    ----------
    shipments, lines
        As for :func:`match_exact`.
    *matches
        What was found before: these shipments are left out.

    Returns
    -------
    the type of ``shipments``
        As of :func:`match_exact`; a shipment's PO that is the order's alternative one goes before
        the other way round.

    Raises
    ------
    ContractError
        A column is missing.

    Examples
    --------
    >>> import polars as pl
    >>> key = {"customer": "Northwind", "style": "LS1", "pattern": None, "color": "NAVY", "size": "M"}
    >>> rows = pl.DataFrame([{**key, "known_customer": True, "style_fields": "style"}])
    >>> shipments = rows.with_columns(
    ...     shipment=1, po_number=pl.lit(None), alt_po=pl.lit("A-1"), packed_qty=0, shipped_qty=5
    ... )
    >>> lines = rows.with_columns(
    ...     line=4, po_number=pl.lit("A-1"), alt_po=pl.lit(None), quantity=5, order_number=pl.lit("SO")
    ... )
    >>> match_cross_field(shipments, lines).rows()
    [(1, 4, 'EXACT', 100.0, 100.0, 'alt_to_po')]
    """
    return on_any_engine(
        _match, shipments, lines, *matches, by=MATCHED_PO[2:], who="match_cross_field"
    )


def _match(shipments: Lazy, lines: Lazy, *matches: Lazy, by: tuple[str, ...], who: str) -> Lazy:
    require(shipments, AuditShipments.column_names(), f"{who}, shipments")
    require(lines, AuditLines.column_names(), f"{who}, lines")
    shipments = unmatched(same_types(shipments, AuditShipments), matches)
    lines = same_types(lines, AuditLines)
    found = []
    for how in by:
        ours, theirs = _NUMBERS[how]
        pairs = _compared(shipments, ours, "shipment").join(
            _compared(lines, theirs, "line"), on=["_number", "_style", *_SAME], how="inner"
        )
        first = MATCHED_PO.index(how) * _LINES
        found.append(pairs.select("shipment", choice=nw.col("line").cast(nw.Int64) + first))
    best = nw.concat(found).group_by("shipment").agg(nw.col("choice").min())
    rank = (nw.col("choice") // _LINES).cast(nw.Int64)
    matched_po = nw.when(rank == MATCHED_PO.index(by[0])).then(nw.lit(by[0]))
    return best.select(
        "shipment",
        line=nw.col("choice") - rank * _LINES,
        match_type=nw.lit("EXACT"),
        score=nw.lit(_EXACT_SCORE),
        match_score=nw.lit(_EXACT_SCORE),
        matched_po=matched_po.otherwise(nw.lit(by[1])),
    ).select(*AuditMatches.column_names())


def _compared(rows: Lazy, number: str, place: str) -> Lazy:
    """What has to be equal, of the rows that have all of it."""
    told = rows.select(place, *_SAME, _number=nw.col(number), _style=style())
    compared = ("_number", "_style", *_SAME)
    return told.filter(
        ~nw.any_horizontal(*(nw.col(c).is_null() for c in compared), ignore_nulls=True)
    )
