"""What the audit's workbooks look like: one of all customers, and one for each."""

from __future__ import annotations

from typing import Final

from etl.io.excel import Book, Chart, Column, Sheet
from etl.transforms.audit_report import FIELDS

__all__ = ["BOOKS"]

_MATCH_COLORS: Final = ("#2A9D8F", "#F2A541", "#C44536", "#8D99AE")
_QUALITY_COLORS: Final = ("#2A9D8F", "#8AB17D", "#F2A541", "#C44536")

_METRICS: Final = (
    Column("metric", "Metric", width=34),
    Column("value", "Value", format_in="kind", width=16),
)
_QUANTITIES: Final = (
    Column("ordered_qty", "Ordered", "whole"),
    Column("packed_qty", "Packed", "whole"),
    Column("shipped_qty", "Shipped", "whole"),
)
_VARIANCE: Final = (
    Column("variance_qty", "Variance", "whole"),
    Column("variance_pct", "Variance %", "percent"),
)
_MATCHES: Final = Chart(
    kind="doughnut",
    title="How rows match",
    categories="metric",
    values=("value",),
    rows=(0, 4),
    colors=_MATCH_COLORS,
)
_QUALITY: Final = Chart(
    kind="column",
    title="Quality of the match",
    categories="metric",
    values=("value",),
    rows=(4, 4),
    colors=("#1F3A5F",),
)
_OVERALL: Final = Book(
    file="audit",
    sheets=(
        Sheet(
            name="Dashboard",
            frame="dashboard",
            columns=_METRICS,
            charts=(
                _MATCHES,
                _QUALITY,
                Chart(
                    kind="bar",
                    title="Shipments that match an order: the ten best",
                    categories="customer",
                    values=("match_rate",),
                    sheet="Customer rankings",
                    percent=True,
                ),
                Chart(
                    kind="column",
                    title="Fields that agree, of matched rows",
                    categories="field",
                    values=("match_rate",),
                    sheet="Field analysis",
                    percent=True,
                ),
                Chart(
                    kind="bar",
                    title="Customers with the most poor rows",
                    categories="customer",
                    values=("poor_count",),
                    sheet="Problem customers",
                    colors=("#C44536",),
                ),
            ),
        ),
        Sheet(
            name="Customer rankings",
            frame="rankings",
            columns=(
                Column("rank", "Rank", "whole"),
                Column("customer", "Customer"),
                Column("known_customer", "Known"),
                Column("records", "Rows", "whole"),
                Column("match_rate", "Shipments matched", "rate"),
                Column("exact_rate", "Exact", "rate"),
                Column("fuzzy_rate", "Fuzzy", "rate"),
                Column("no_match_rate", "No match", "rate"),
                Column("unfulfilled_rate", "Unfulfilled", "rate"),
                Column("quality_rate", "Good or acceptable", "rate"),
                Column("average_fuzzy_score", "Average fuzzy score", "number"),
                *_QUANTITIES,
                *_VARIANCE,
                Column("over_shipped_rate", "Over-shipped", "rate"),
                Column("under_shipped_rate", "Under-shipped", "rate"),
                Column("missing_order_rate", "Missing order", "rate"),
            ),
            frozen_columns=2,
        ),
        Sheet(
            name="Field analysis",
            frame="fields",
            columns=(
                Column("field", "Field"),
                Column("rows", "Matched rows", "whole"),
                Column("same", "Same", "whole"),
                Column("different", "Different", "whole"),
                Column("match_rate", "Match rate", "rate"),
            ),
        ),
        Sheet(
            name="Fields by customer",
            frame="customer_fields",
            columns=(
                Column("customer", "Customer"),
                Column("rows", "Matched rows", "whole"),
                *(Column(f"{name}_match_rate", called, "rate") for name, called in FIELDS.items()),
            ),
        ),
        Sheet(
            name="Problem customers",
            frame="problems",
            columns=(
                Column("customer", "Customer"),
                Column("problems", "Why to look at it", width=80),
                Column("records", "Rows", "whole"),
                Column("poor_count", "Poor", "whole"),
                Column("match_rate", "Shipments matched", "rate"),
                Column("no_match_count", "Without an order", "whole"),
                Column("unfulfilled_count", "Unfulfilled", "whole"),
                *_VARIANCE,
            ),
        ),
    ),
)
_CUSTOMER: Final = Book(
    file="audit - {}",
    per="customer",
    sheets=(
        Sheet(
            name="Summary",
            frame="customer_summary",
            columns=_METRICS,
            charts=(
                _MATCHES,
                _QUALITY,
                Chart(
                    kind="column",
                    title="Purchase orders with the largest variance",
                    categories="po",
                    values=("ordered_qty", "shipped_qty"),
                    sheet="Quantity variance by PO",
                    colors=("#1F3A5F", "#F2A541"),
                ),
            ),
        ),
        Sheet(
            name="Match analysis",
            frame="match_analysis",
            columns=(
                Column("match_type", "Match"),
                Column("matched_po", "Matched by"),
                Column("quality", "Quality"),
                Column("rows", "Rows", "whole"),
                Column("average_score", "Average score", "number"),
                *_QUANTITIES,
            ),
        ),
        Sheet(
            name="Field issues",
            frame="field_issues",
            columns=(
                Column("field", "Field"),
                Column("shipment", "The shipment says"),
                Column("order", "The order says"),
                Column("rows", "Rows", "whole"),
                Column("shipped_qty", "Shipped", "whole"),
            ),
        ),
        Sheet(
            name="Quantity variance by PO",
            frame="po_variance",
            columns=(
                Column("po", "PO"),
                Column("rows", "Rows", "whole"),
                *_QUANTITIES,
                *_VARIANCE,
            ),
        ),
        Sheet(
            name="All transactions",
            frame="transactions",
            columns=(
                Column("match_type", "Match"),
                Column("match_score", "Score", "number"),
                Column("matched_po", "Matched by"),
                Column("quality", "Quality"),
                Column("po_number", "PO"),
                Column("alt_po", "Alternative PO"),
                Column("style", "Style"),
                Column("pattern", "Pattern"),
                Column("color", "Color"),
                Column("size", "Size"),
                Column("packed_qty", "Packed", "whole"),
                Column("shipped_qty", "Shipped", "whole"),
                Column("order_number", "Order"),
                Column("order_po", "Order's PO"),
                Column("order_alt_po", "Order's alternative PO"),
                Column("order_style", "Order's style"),
                Column("order_pattern", "Order's pattern"),
                Column("order_color", "Order's color"),
                Column("order_size", "Order's size"),
                Column("order_line_qty", "Line ordered", "whole"),
                Column("ordered_qty", "Ordered, counted once", "whole"),
                *_VARIANCE,
                Column("over_shipped", "Over-shipped"),
                Column("under_shipped", "Under-shipped"),
                Column("missing_order", "Missing order"),
            ),
        ),
    ),
)
BOOKS: Final = (_OVERALL, _CUSTOMER)
