"""Order lines that are nearly what a shipment says."""

from __future__ import annotations

from typing import Final

import dataframely as dy
import narwhals as nw

from etl.contracts.audit import MATCHED_PO
from etl.contracts.audit_steps import AuditLines, AuditMatches, AuditShipments
from etl.transforms.audit._blocks import match_blocks
from etl.transforms.audit._parts import first_style, same_types, second_style, unmatched
from etl.transforms.batches import in_batch
from etl.transforms.portable import FrameT, Lazy, on_any_engine, require

__all__ = ["match_fuzzy"]

_COMPARED: Final = ("po_number", "alt_po", "color", "size")


class _Found(dy.Schema):
    """What comes out of the blocks."""

    shipment = dy.Int64()
    line = dy.Int64()
    score = dy.Float64()
    match_score = dy.Float64()
    how = dy.Int64()


def match_fuzzy(shipments: FrameT, lines: object, *matches: object) -> FrameT:
    """Find the order line that is most like a shipment, among those of its customer.

    Parameters
    ----------
    shipments
        What :func:`~etl.transforms.audit.combine` gives.
    lines
        What :func:`~etl.transforms.audit.unpivot` gives; of the same engine. A line may be found
        for several shipments, and for such that match it exactly.
    *matches
        What :func:`~etl.transforms.audit.match_exact` and others have found: these shipments are
        left out.

    Returns
    -------
    the type of ``shipments``
        The columns of :class:`~etl.contracts.audit_steps.AuditMatches`, one row for each shipment
        whose best line has a score of 75 or more. Of an engine other than polars the rows are
        fetched when this is called.

    Raises
    ------
    ContractError
        A column is missing.

    Notes
    -----
    The score is the mean of the parts' ``token_sort_ratio``, weighed: PO 0.3, style 0.3, colour
    0.2, size 0.2; a part that either side lacks leaves its weight to the others. PO is the best
    pair of PO and alternative PO on both sides, style the best pair of the customer's fields for
    it. Scores are compared unrounded; of equal ones the first line counts, by PO, alternative PO,
    style, colour, size and pattern, nulls last.

    Source: https://rapidfuzz.github.io/RapidFuzz/Usage/fuzz.html#token-sort-ratio

    Examples
    --------
    >>> import polars as pl
    >>> key = {"customer": "Northwind", "alt_po": None, "style": "LS1", "pattern": None}
    >>> key |= {"color": "NAVY", "size": "M", "known_customer": True, "style_fields": "style"}
    >>> shipments = pl.DataFrame(
    ...     [{**key, "po_number": "A-7001", "shipment": 1, "packed_qty": 0, "shipped_qty": 5}]
    ... )
    >>> lines = pl.DataFrame(
    ...     [{**key, "po_number": "A-7010", "line": 4, "quantity": 5, "order_number": "SO-1"}]
    ... )
    >>> match_fuzzy(shipments, lines).rows()
    [(1, 4, 'FUZZY', 95.0, 95.0, 'po')]
    """
    return on_any_engine(_match_fuzzy, shipments, lines, *matches)


def _match_fuzzy(shipments: Lazy, lines: Lazy, *matches: Lazy) -> Lazy:
    require(shipments, AuditShipments.column_names(), "match_fuzzy, shipments")
    require(lines, AuditLines.column_names(), "match_fuzzy, lines")
    shipments = unmatched(same_types(shipments, AuditShipments), matches)
    lines = same_types(lines, AuditLines)
    both = nw.concat([_side(shipments, "shipment", 0), _side(lines, "line", 1)])
    best = in_batch(both, match_blocks, _Found, by="block")
    how = nw.col("how")
    matched_po: nw.Expr = nw.when(how == 0).then(nw.lit(MATCHED_PO[0]))
    for at, name in enumerate(MATCHED_PO[1:], start=1):
        matched_po = nw.when(how == at).then(nw.lit(name)).otherwise(matched_po)
    return best.select(
        "shipment",
        "line",
        "score",
        "match_score",
        match_type=nw.lit("FUZZY"),
        matched_po=matched_po,
    ).select(*AuditMatches.column_names())


def _side(rows: Lazy, place: str, side: int) -> Lazy:
    return rows.select(
        *_COMPARED,
        block=nw.col("customer"),
        side=nw.lit(side),
        place=nw.col(place),
        style_1=first_style(),
        style_2=second_style(),
    )
