"""The audit's rows: shipments with their order lines, order lines without any, and what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import narwhals as nw

from etl.contracts.audit import NO_CUSTOMER, AuditResults
from etl.contracts.audit_steps import PARTS, AuditLines, AuditMatches, AuditShipments
from etl.contracts.keys import short_key
from etl.transforms.audit._parts import AFTER_ALL_TEXT, first_style, same_types, second_style, style
from etl.transforms.in_python import TextRule, apply_text_rule
from etl.transforms.portable import FrameT, Lazy, equal, on_any_engine, require

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["audit_rows"]

_TOLERANCE: Final = 5
"""Per cent of what was ordered."""
_ACCEPTABLE_SCORE: Final = 90.0
_QUESTIONABLE_SCORE: Final = 75.0

_ORDER: Final = {
    "order_po": "po_number",
    "order_alt_po": "alt_po",
    "order_style": "style",
    "order_pattern": "pattern",
    "order_color": "color",
    "order_size": "size",
}
_MATCHED: Final = {
    "po_match": ("po_number", "order_po"),
    "alt_po_match": ("alt_po", "order_alt_po"),
    "color_match": ("color", "order_color"),
    "size_match": ("size", "order_size"),
}
_SHORT: Final = TextRule(
    function=short_key,
    needs_python=lambda text: text.str.len_chars() > 225,
    otherwise=lambda text: text,
)


def audit_rows(shipments: FrameT, lines: object, *matches: object) -> FrameT:
    """Put shipments and order lines beside each other, with variance and quality.

    Parameters
    ----------
    shipments
        What :func:`~etl.transforms.audit.combine` gives.
    lines
        What :func:`~etl.transforms.audit.unpivot` gives; of the same engine.
    *matches
        What :func:`~etl.transforms.audit.match_exact`,
        :func:`~etl.transforms.audit.match_cross_field` and
        :func:`~etl.transforms.audit.match_fuzzy` have found, each shipment once.

    Returns
    -------
    the type of ``shipments``
        The columns of :class:`~etl.contracts.audit.AuditResults`, ordered by key: every shipment,
        and every order line that none matched.

    Raises
    ------
    ContractError
        A column is missing.

    Notes
    -----
    What a line orders is counted on the first of its rows alone: exact before fuzzy, the higher
    score, the key. The variance is ordered minus shipped of a customer, order PO (the alternative
    one where there is none), style and colour, on every row of it; rows without an order have none.
    Quality: ``GOOD`` is exact and within 5 %, ``ACCEPTABLE`` fuzzy from 90 and within 5 %,
    ``QUESTIONABLE`` fuzzy from 75 and within 5 %, all else ``POOR``.

    Examples
    --------
    >>> import polars as pl
    >>> key = {"customer": "Northwind", "alt_po": None, "style": "LS1", "pattern": None}
    >>> key |= {"color": "NAVY", "size": "M", "known_customer": True, "style_fields": "style"}
    >>> shipment = {**key, "po_number": "A-1", "shipment": 1, "packed_qty": 9, "shipped_qty": 9}
    >>> line = {**key, "po_number": "A-1", "line": 4, "quantity": 10, "order_number": "SO-1"}
    >>> match = {"shipment": 1, "line": 4, "match_type": "EXACT", "score": 100.0, "matched_po": "po"}
    >>> match["match_score"] = 100.0
    >>> rows = audit_rows(pl.DataFrame([shipment]), pl.DataFrame([line]), pl.DataFrame([match]))
    >>> rows.select("ordered_qty", "variance_qty", "variance_pct", "quality", "under_shipped").row(0)
    (10, 1, 10.0, 'POOR', True)
    """
    return on_any_engine(_audit_rows, shipments, lines, *matches)


def _audit_rows(shipments: Lazy, lines: Lazy, *matches: Lazy) -> Lazy:
    require(shipments, AuditShipments.column_names(), "audit_rows, shipments")
    require(lines, AuditLines.column_names(), "audit_rows, lines")
    shipments, lines = same_types(shipments, AuditShipments), same_types(lines, AuditLines)
    found = nw.concat([_match_columns(match) for match in matches])
    rows = nw.concat([_matched(shipments, lines, found), _unfulfilled(lines, found)])
    rows = _with_quality(_with_variance(_counted_once(rows)))
    rows = apply_text_rule(rows, ["audit_key"], _SHORT)
    # A table without rows would leave a pandas column of literals without a type.
    rows = rows.with_columns(nw.col("match_type").cast(nw.String))
    return rows.select(*AuditResults.column_names()).sort("audit_key", nulls_last=True)


def _match_columns(match: Lazy) -> Lazy:
    require(match, AuditMatches.column_names(), "audit_rows, matches")
    return same_types(match, AuditMatches)


def _order_columns(lines: Lazy) -> Lazy:
    return lines.select(
        "line",
        "order_number",
        *(nw.col(part).alias(name) for name, part in _ORDER.items()),
        order_line_qty=nw.col("quantity"),
        order_style_1=first_style(),
        order_style_2=second_style(),
        order_own=style(),
    )


def _matched(shipments: Lazy, lines: Lazy, found: Lazy) -> Lazy:
    """The shipments, each with its order line if it has one."""
    rows = shipments.join(found, on="shipment", how="left")
    rows = rows.join(_order_columns(lines), on="line", how="left")
    there = ~nw.col("line").is_null()
    flags = {name: equal(nw.col(ours), nw.col(theirs)) for name, (ours, theirs) in _MATCHED.items()}
    flags["style_match"] = _same_style()
    return rows.select(
        *PARTS, "known_customer", "packed_qty", "shipped_qty", "shipment", "line", "score", "match_score",
        "matched_po", "order_number", *_ORDER, "order_line_qty",
        *(nw.when(there).then(flag).alias(name) for name, flag in flags.items()),
        match_type=nw.col("match_type").fill_null("NO_MATCH"),
        audit_key=_key("shipment", PARTS),
    )  # fmt: skip


def _same_style() -> nw.Expr:
    """Whether the customer's own fields agree, or neither side has any."""
    ours, theirs = (first_style(), second_style()), ("order_style_1", "order_style_2")
    any_pair = [(our == nw.col(their)).fill_null(value=False) for our in ours for their in theirs]
    return nw.any_horizontal(*any_pair, ignore_nulls=True) | (
        style().is_null() & nw.col("order_own").is_null()
    )


def _unfulfilled(lines: Lazy, found: Lazy) -> Lazy:
    """The order lines that no shipment has."""
    left = lines.join(found.select("line"), on="line", how="anti")
    # A null of a type: pandas has none for a literal.
    never, line = nw.when(nw.col("line") < 0), nw.col("line")
    text, flag = never.then("order_number"), never.then("known_customer")
    number, score = never.then(line), never.then(line.cast(nw.Float64))
    nothing = nw.lit(0, dtype=nw.Int64)
    return left.select(
        "customer", *(text.alias(part) for part in PARTS[1:]), "known_customer",
        packed_qty=nothing,
        shipped_qty=nothing,
        shipment=number,
        line=line,
        score=score,
        match_score=score,
        matched_po=text,
        order_number=nw.col("order_number"),
        **{name: nw.col(part) for name, part in _ORDER.items()},
        order_line_qty=nw.col("quantity"),
        **dict.fromkeys((*_MATCHED, "style_match"), flag),
        match_type=nw.lit("UNFULFILLED"),
        audit_key=_key("order", PARTS),
    )  # fmt: skip


def _key(kind: str, parts: Sequence[str]) -> nw.Expr:
    """Join the parts such that no two keys are the same; one that is too long is cut later."""
    escaped = [
        nw.col(part)
        .str.replace_all("\\", "\\\\", literal=True)
        .str.replace_all("|", "\\|", literal=True)
        .fill_null("")
        for part in parts
    ]
    return nw.concat_str(nw.lit(kind), *escaped, separator="|", ignore_nulls=False)


def _counted_once(rows: Lazy) -> Lazy:
    """Add ``ordered_qty``: what the line orders, on the first of its rows alone."""
    last = nw.lit(2**62)
    order = {
        "_line": nw.col("line").fill_null(last),
        "_inexact": (nw.col("match_type") != "EXACT").cast(nw.Int64),
        "_low": -nw.col("score").fill_null(0.0),
        "_shipment": nw.col("shipment").fill_null(last),
    }
    rows = rows.with_columns(**order).with_columns(
        _place=nw.col("_line").cum_count().over(order_by=list(order)).cast(nw.Int64)
    )
    first = nw.col("_place") == nw.col("_place").min().over("_line")
    counted = nw.when(first & ~nw.col("line").is_null()).then("order_line_qty").otherwise(0)
    return rows.with_columns(ordered_qty=counted).drop(*order, "_place")


def _with_variance(rows: Lazy) -> Lazy:
    """Add what was ordered and not shipped of each customer, order PO, style and colour."""
    # Null equals null; pyarrow would leave such groups out.
    order = nw.coalesce(nw.col("order_po"), nw.col("order_alt_po"))
    told = (nw.col("customer"), order, nw.col("order_style"), nw.col("order_color"))
    of = {f"_of_{at}": text.fill_null(AFTER_ALL_TEXT) for at, text in enumerate(told)}
    rows = rows.with_columns(_there=~nw.col("line").is_null(), **of)
    rows = rows.with_columns(
        _ordered=nw.col("ordered_qty").sum().over("_there", *of).cast(nw.Int64),
        _shipped=nw.col("shipped_qty").sum().over("_there", *of).cast(nw.Int64),
    )
    rows = rows.with_columns(
        variance_qty=nw.when("_there").then(nw.col("_ordered") - nw.col("_shipped"))
    )
    return rows.with_columns(
        variance_pct=nw.when("_there").then(nw.col("variance_qty") * 100.0 / nw.col("_ordered"))
    )


def _with_quality(rows: Lazy) -> Lazy:
    """Add what the match and the variance are worth."""
    variance, score = nw.col("variance_qty"), nw.col("score").fill_null(0.0)
    kind = nw.col("match_type")
    # In whole numbers: 5 % to the piece.
    within = (variance.abs() * 100 <= nw.col("_ordered") * _TOLERANCE).fill_null(value=False)
    fuzzy = (kind == "FUZZY") & within
    quality = nw.when((kind == "EXACT") & within).then(nw.lit("GOOD")).otherwise(
        nw.when(fuzzy & (score >= _ACCEPTABLE_SCORE)).then(nw.lit("ACCEPTABLE")).otherwise(
            nw.when(fuzzy & (score >= _QUESTIONABLE_SCORE)).then(nw.lit("QUESTIONABLE"))
            .otherwise(nw.lit("POOR"))
        )
    )  # fmt: skip
    return rows.with_columns(
        quality=quality,
        over_shipped=(variance < 0).fill_null(value=False),
        under_shipped=(variance > 0).fill_null(value=False),
        missing_order=kind == "NO_MATCH",
        customer=nw.col("customer").fill_null(NO_CUSTOMER),
    )
