"""The tables ``dbo.audit_results`` and ``dbo.audit_summary``: what was shipped against the orders.

Rates are parts of one, ``..._pct`` are per cent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dataframely as dy

from etl.contracts.master_schedule import KEY_LENGTH
from etl.contracts.text import Text

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "MATCHED_PO",
    "MATCH_TYPES",
    "NO_CUSTOMER",
    "QUALITIES",
    "AuditResults",
    "AuditSummary",
]

MATCH_TYPES: Final = ("EXACT", "FUZZY", "NO_MATCH", "UNFULFILLED")
"""The first three are of shipments, the last is of order lines that none matched."""
MATCHED_PO: Final = ("po", "alt_po", "po_to_alt", "alt_to_po")
"""Which numbers agree: ``po_to_alt`` is the shipment's PO and the order's alternative one."""
QUALITIES: Final = ("GOOD", "ACCEPTABLE", "QUESTIONABLE", "POOR")
NO_CUSTOMER: Final = "(no customer)"
"""Stands where neither a shipment nor an order tells a customer."""

_LABEL: Final = 100
_NAME: Final = 255
_SIZE: Final = 50
_WORD: Final = 20


def _label() -> Text:
    return Text(nullable=True, min_length=1, max_length=_LABEL)


class AuditResults(dy.Schema):
    """One row a shipment, by the key that packed and shipped share; and one an unfulfilled order line.

    Texts are trimmed and upper-cased, words for null are null.
    """

    audit_key = Text(primary_key=True, min_length=1, max_length=KEY_LENGTH)
    customer = Text(min_length=1, max_length=_NAME)
    """The canonical name; of a customer that nobody knows, its name normalised."""
    known_customer = dy.Bool()
    po_number = _label()
    alt_po = _label()
    style = _label()
    pattern = _label()
    color = _label()
    size = Text(nullable=True, min_length=1, max_length=_SIZE)
    packed_qty = dy.Int64()
    shipped_qty = dy.Int64()

    match_type = Text(max_length=_WORD)
    match_score = dy.Float64(nullable=True, min=0.0, max=100.0)
    """To one decimal; 100 where ``EXACT``, null where there is no match."""
    matched_po = Text(nullable=True, max_length=_WORD)
    """Null where there is no match, or one side has no number at all."""

    order_number = _label()
    """The first, where several orders have the same line."""
    order_po = _label()
    order_alt_po = _label()
    order_style = _label()
    order_pattern = _label()
    order_color = _label()
    order_size = Text(nullable=True, min_length=1, max_length=_SIZE)
    order_line_qty = dy.Int64(nullable=True, min=1)
    """What the matched line orders: on every row that matched it."""
    ordered_qty = dy.Int64(min=0)
    """The same counted once: on the line's first row by exact, score, key; 0 on its others."""

    po_match = dy.Bool(nullable=True)
    """Whether both tell the same, which may be nothing; null where there is no match."""
    alt_po_match = dy.Bool(nullable=True)
    style_match = dy.Bool(nullable=True)
    """By the customer's own fields for styles."""
    color_match = dy.Bool(nullable=True)
    size_match = dy.Bool(nullable=True)

    variance_qty = dy.Int64(nullable=True)
    """Ordered minus shipped of the row's customer, order PO, style and colour; null without an order."""
    variance_pct = dy.Float64(nullable=True)
    """In per cent of what was ordered."""
    quality = Text(max_length=_WORD)
    over_shipped = dy.Bool()
    under_shipped = dy.Bool()
    missing_order = dy.Bool()
    """The shipment has no order: ``NO_MATCH``."""

    @dy.rule()
    def known_words(cls) -> pl.Expr:  # noqa: N805 - dataframely makes it a class method
        """Match types, matched numbers and qualities are of those listed."""
        return (
            cls.match_type.col.is_in(MATCH_TYPES)
            & cls.matched_po.col.is_in(MATCHED_PO).fill_null(value=True)
            & cls.quality.col.is_in(QUALITIES)
        )

    @dy.rule()
    def matched_rows_have_a_score(cls) -> pl.Expr:  # noqa: N805
        """Exactly the matched rows have a score."""
        return cls.match_type.col.is_in(MATCH_TYPES[:2]) == cls.match_score.col.is_not_null()

    @dy.rule()
    def all_but_no_match_have_an_order(cls) -> pl.Expr:  # noqa: N805
        """Exactly the rows without a match lack an order line."""
        return (cls.match_type.col == "NO_MATCH") == cls.order_line_qty.col.is_null()


def _rate(*, nullable: bool = False) -> dy.Float64:
    return dy.Float64(nullable=nullable, min=0.0, max=1.0)


class AuditSummary(dy.Schema):
    """One row a customer.

    The match rates of fields are of the customer's matched rows, null where there are none; all
    other rates are of all its rows, unfulfilled order lines included.
    """

    customer = Text(primary_key=True, min_length=1, max_length=_NAME)
    known_customer = dy.Bool()
    records = dy.Int64(min=1)
    exact_count = dy.Int64(min=0)
    fuzzy_count = dy.Int64(min=0)
    no_match_count = dy.Int64(min=0)
    unfulfilled_count = dy.Int64(min=0)
    exact_rate = _rate()
    fuzzy_rate = _rate()
    no_match_rate = _rate()
    unfulfilled_rate = _rate()
    po_match_rate = _rate(nullable=True)
    alt_po_match_rate = _rate(nullable=True)
    style_match_rate = _rate(nullable=True)
    color_match_rate = _rate(nullable=True)
    size_match_rate = _rate(nullable=True)
    packed_qty = dy.Int64()
    shipped_qty = dy.Int64()
    ordered_qty = dy.Int64(min=0)
    """Each order line counted once."""
    variance_qty = dy.Int64()
    """Ordered minus shipped, shipments without an order included."""
    variance_pct = dy.Float64(nullable=True)
    """In per cent of what was ordered; null where nothing was."""
    good_count = dy.Int64(min=0)
    acceptable_count = dy.Int64(min=0)
    questionable_count = dy.Int64(min=0)
    poor_count = dy.Int64(min=0)
    over_shipped_count = dy.Int64(min=0)
    under_shipped_count = dy.Int64(min=0)
    missing_order_count = dy.Int64(min=0)
    over_shipped_rate = _rate()
    under_shipped_rate = _rate()
    missing_order_rate = _rate()
    average_fuzzy_score = dy.Float64(nullable=True, min=0.0, max=100.0)
    """Of the stored scores; null where nothing matched like that."""
