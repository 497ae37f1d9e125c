"""What the workbooks of the audit show, of the results and the summary that it has left."""

from __future__ import annotations

from typing import Final

import narwhals as nw

from etl.contracts.audit import AuditResults, AuditSummary
from etl.transforms.batches import settled
from etl.transforms.portable import FrameT, Lazy, on_any_engine, require, typed

__all__ = ["FIELDS", "audit_report"]

FIELDS: Final = {"po": "PO", "alt_po": "Alternative PO", "style": "Style", "color": "Color", "size": "Size"}  # fmt: skip
"""The fields that are compared, and what people call them."""

_RESULTS: Final = tuple(AuditResults.column_names())
_SUMMARY: Final = tuple(AuditSummary.column_names())
_ALL: Final = "(all customers)"
_MATCHED: Final = ("EXACT", "FUZZY")
_LOW_MATCH: Final = 0.9
_HIGH_VARIANCE: Final = 5.0
_HIGH_SHARE: Final = 0.1

# What a summary says, in the order in which people read it: column, what it is called, its format.
_METRICS: Final = (
    ("exact_count", "Exact matches", "whole"),
    ("fuzzy_count", "Fuzzy matches", "whole"),
    ("no_match_count", "Shipments without an order", "whole"),
    ("unfulfilled_count", "Order lines not shipped", "whole"),
    ("good_count", "Quality: good", "whole"),
    ("acceptable_count", "Quality: acceptable", "whole"),
    ("questionable_count", "Quality: questionable", "whole"),
    ("poor_count", "Quality: poor", "whole"),
    ("records", "Rows in all", "whole"),
    ("match_rate", "Shipments that match an order", "rate"),
    ("exact_rate", "Exact, of all rows", "rate"),
    ("fuzzy_rate", "Fuzzy, of all rows", "rate"),
    ("average_fuzzy_score", "Average score of fuzzy matches", "number"),
    ("ordered_qty", "Ordered quantity", "whole"),
    ("packed_qty", "Packed quantity", "whole"),
    ("shipped_qty", "Shipped quantity", "whole"),
    ("variance_qty", "Variance: ordered minus shipped", "whole"),
    ("variance_pct", "Variance, of ordered", "percent"),
    ("over_shipped_count", "Rows over-shipped", "whole"),
    ("under_shipped_count", "Rows under-shipped", "whole"),
)
_COUNTS: Final = (
    "records", "exact_count", "fuzzy_count", "no_match_count", "unfulfilled_count", "packed_qty",
    "shipped_qty", "ordered_qty", "variance_qty", "good_count", "acceptable_count",
    "questionable_count", "poor_count", "over_shipped_count", "under_shipped_count",
    "missing_order_count",
)  # fmt: skip


def audit_report(results: FrameT, summary: object) -> dict[str, FrameT]:
    """Make a frame for every sheet of the audit's workbooks.

    Parameters
    ----------
    results
        Rows of ``dbo.audit_results``, with the columns of
        :class:`~etl.contracts.audit.AuditResults`: a pandas or polars frame, a LazyFrame, a
        pyarrow Table or a DuckDB relation.
    summary
        Rows of ``dbo.audit_summary`` (:class:`~etl.contracts.audit.AuditSummary`); of the same
        engine.

    Returns
    -------
    dict of the type of ``results``
        Of all customers: ``dashboard`` (a row a metric: ``metric``, ``value``, ``kind``, which is
        how the value shows), ``rankings`` (a row a customer, the best matched first), ``fields``
        (a row a compared field), ``customer_fields``, and ``problems`` (customers with a reason to
        look at them). With a column ``customer``: ``customer_summary``, ``match_analysis``,
        ``field_issues``, ``po_variance`` and ``transactions``, which is every row of the results.

    Raises
    ------
    ContractError
        A column is missing.

    Notes
    -----
    Quantities are those of the results: each order line's ordered quantity counts once. Customers
    are looked at when fewer than 90 % of their shipments match an order, when shipped and ordered
    quantities differ by more than 5 %, when more than 10 % of their rows are order lines that were
    not shipped, or when nobody knows them.

    Examples
    --------
    >>> frames = audit_report(AuditResults.create_empty(), AuditSummary.create_empty())
    >>> frames["dashboard"].filter(metric="Rows in all").rows()
    [('Rows in all', 0.0, 'whole', 8)]
    """
    return on_any_engine(_audit_report, results, summary)


def _audit_report(results: Lazy, summary: Lazy) -> dict[str, Lazy]:
    require(results, _RESULTS, "audit_report, results")
    require(summary, _SUMMARY, "audit_report, summary")
    results = typed(results.select(*_RESULTS), AuditResults)
    summary = _with_rates(typed(summary.select(*_SUMMARY), AuditSummary))
    fields = _fields(results)
    return {
        "dashboard": _metrics(settled(_total(results, summary))).drop("customer").sort("place"),
        "rankings": _rankings(summary),
        "fields": fields,
        "customer_fields": _customer_fields(results),
        "problems": _problems(summary),
        "customer_summary": _metrics(summary).sort("customer", "place"),
        "match_analysis": _match_analysis(results),
        "field_issues": _field_issues(results),
        "po_variance": _po_variance(results),
        "transactions": results.sort("customer", "audit_key"),
    }


def _share(part: nw.Expr, whole: nw.Expr) -> nw.Expr:
    """A part of a whole, null where there is nothing."""
    return nw.when(whole != 0).then(part.cast(nw.Float64) / whole.cast(nw.Float64))


def _with_rates(rows: Lazy) -> Lazy:
    matched = nw.col("exact_count") + nw.col("fuzzy_count")
    shipments = matched + nw.col("no_match_count")
    return rows.with_columns(match_rate=_share(matched, shipments))


def _total(results: Lazy, summary: Lazy) -> Lazy:
    """One row for all customers, as a summary has one for each."""
    # A sum of no rows is null to some engines and 0 to others.
    sums = summary.select(nw.col(name).sum().fill_null(0) for name in _COUNTS)
    scores = (
        _with_tenths(results)
        .filter(nw.col("match_type") == "FUZZY")
        .select(
            nw.col("_tenths").sum().fill_null(0), nw.col("match_score").count().alias("_scores")
        )
    )
    total = sums.join(scores, how="cross").with_columns(
        customer=nw.lit(_ALL),
        exact_rate=_share(nw.col("exact_count"), nw.col("records")),
        fuzzy_rate=_share(nw.col("fuzzy_count"), nw.col("records")),
        average_fuzzy_score=_share(nw.col("_tenths"), nw.col("_scores") * 10),
        variance_pct=_share(nw.col("variance_qty") * 100, nw.col("ordered_qty")),
    )
    return _with_rates(total)


def _with_tenths(results: Lazy) -> Lazy:
    """Scores as whole tenths: a sum of these is the same in whatever order it is made."""
    tenths = ((nw.col("match_score") * 10 + 0.5) // 1).cast(nw.Int64)
    return results.with_columns(tenths.alias("_tenths"))


def _metrics(rows: Lazy) -> Lazy:
    """One row a metric of each row, in the order in which they are read."""
    return nw.concat(
        [
            rows.select(
                nw.col("customer"),
                nw.lit(called).alias("metric"),
                nw.col(name).cast(nw.Float64).alias("value"),
                nw.lit(kind).alias("kind"),
                nw.lit(place).alias("place"),
            )
            for place, (name, called, kind) in enumerate(_METRICS)
        ]
    )


def _rankings(summary: Lazy) -> Lazy:
    """Customers by how many of their shipments match, then by how many rows they have."""
    ranked = summary.with_columns(
        quality_rate=_share(nw.col("good_count") + nw.col("acceptable_count"), nw.col("records")),
        _worse=-nw.col("match_rate").fill_null(-1.0),
        _fewer=-nw.col("records"),
        rank=nw.lit(1),
    )
    order = ("_worse", "_fewer", "customer")
    ranked = ranked.with_columns(nw.col("rank").cum_sum().over(order_by=order))
    return ranked.sort("rank").drop("_worse", "_fewer")


def _problems(summary: Lazy) -> Lazy:
    shares = summary.with_columns(
        _spread=nw.when(nw.col("variance_pct") < 0)
        .then(-nw.col("variance_pct"))
        .otherwise(nw.col("variance_pct"))
        .fill_null(0.0)
    )
    reasons = [
        nw.when(~nw.col("known_customer")).then(
            nw.lit("unknown: no customer of config/customers.yaml has this name")
        ),
        nw.when((nw.col("match_rate") < _LOW_MATCH).fill_null(value=False)).then(
            nw.lit("fewer than 90 % of its shipments match an order")
        ),
        nw.when(nw.col("_spread") > _HIGH_VARIANCE).then(
            nw.lit("shipped and ordered quantities differ by more than 5 %")
        ),
        nw.when(nw.col("unfulfilled_rate") > _HIGH_SHARE).then(
            nw.lit("more than 10 % of its rows are order lines that were not shipped")
        ),
    ]
    some = nw.any_horizontal(*(~reason.is_null() for reason in reasons), ignore_nulls=False)
    told = shares.filter(some).with_columns(
        problems=nw.concat_str(*reasons, separator="; ", ignore_nulls=True)
    )
    return told.sort("poor_count", "customer", descending=[True, False], nulls_last=True).drop(
        "_spread"
    )


def _compared(results: Lazy) -> Lazy:
    return results.filter(nw.col("match_type").is_in(_MATCHED))


def _fields(results: Lazy) -> Lazy:
    """One row a field: in how many matched rows both sides tell the same."""
    counted = settled(
        _compared(results).select(
            nw.len().alias("rows"), *(_same(name).sum().fill_null(0).alias(name) for name in FIELDS)
        )
    )
    return nw.concat(
        [
            counted.select(
                nw.lit(called).alias("field"),
                nw.col("rows").cast(nw.Int64),
                nw.col(name).cast(nw.Int64).alias("same"),
                (nw.col("rows").cast(nw.Int64) - nw.col(name).cast(nw.Int64)).alias("different"),
                _share(nw.col(name), nw.col("rows")).alias("match_rate"),
                nw.lit(place).alias("place"),
            )
            for place, (name, called) in enumerate(FIELDS.items())
        ]
    ).sort("place")


def _same(field: str) -> nw.Expr:
    return nw.col(f"{field}_match").fill_null(value=False).cast(nw.Int64)


def _customer_fields(results: Lazy) -> Lazy:
    counted = (
        _compared(results)
        .with_columns(_same(name).alias(f"_{name}") for name in FIELDS)
        .group_by("customer")
        .agg(nw.len().alias("rows"), *(nw.col(f"_{name}").sum() for name in FIELDS))
    )
    return counted.select(
        "customer",
        nw.col("rows").cast(nw.Int64),
        *(
            _share(nw.col(f"_{name}"), nw.col("rows")).alias(f"{name}_match_rate")
            for name in FIELDS
        ),
    ).sort("customer")


def _match_analysis(results: Lazy) -> Lazy:
    by = ["customer", "match_type", "matched_po", "quality"]
    rows = _with_tenths(results).with_columns(nw.col("matched_po").fill_null("-"))
    counted = rows.group_by(by).agg(
        nw.len().alias("rows"),
        nw.col("match_score").count().alias("_scores"),
        nw.col("_tenths").sum(),
        nw.col("ordered_qty").sum(),
        nw.col("packed_qty").sum(),
        nw.col("shipped_qty").sum(),
    )
    average = _share(nw.col("_tenths"), nw.col("_scores") * 10).alias("average_score")
    return (
        counted.with_columns(nw.col("rows").cast(nw.Int64), average)
        .drop("_tenths", "_scores")
        .sort(*by)
    )


def _field_issues(results: Lazy) -> Lazy:
    """Matched rows whose two sides differ, counted by what each side says."""
    issues = [
        _compared(results)
        .filter(~nw.col(f"{name}_match").fill_null(value=True))
        .select(
            "customer",
            nw.lit(called).alias("field"),
            nw.col("po_number" if name == "po" else name).fill_null("(nothing)").alias("shipment"),
            nw.col(f"order_{name}").fill_null("(nothing)").alias("order"),
            nw.col("shipped_qty"),
        )
        for name, called in FIELDS.items()
    ]
    by = ["customer", "field", "shipment", "order"]
    counted = (
        nw.concat(issues).group_by(by).agg(nw.len().alias("rows"), nw.col("shipped_qty").sum())
    )
    return counted.with_columns(nw.col("rows").cast(nw.Int64)).sort(
        "customer", "rows", *by[1:], descending=[False, True, False, False, False], nulls_last=True
    )


def _po_variance(results: Lazy) -> Lazy:
    """By purchase order: the order's where there is one, else the shipment's own."""
    numbered = results.with_columns(
        po=nw.coalesce(
            nw.col("order_po"), nw.col("order_alt_po"), nw.col("po_number"), nw.col("alt_po")
        ).fill_null("(no PO)")
    )
    summed = numbered.group_by("customer", "po").agg(
        nw.len().alias("rows"),
        nw.col("ordered_qty").sum(),
        nw.col("packed_qty").sum(),
        nw.col("shipped_qty").sum(),
    )
    difference = nw.col("ordered_qty") - nw.col("shipped_qty")
    return (
        summed.with_columns(
            nw.col("rows").cast(nw.Int64),
            variance_qty=difference,
            variance_pct=_share(difference * 100, nw.col("ordered_qty")),
            spread=nw.when(difference < 0).then(-difference).otherwise(difference),
        )
        .sort("customer", "spread", "po", descending=[False, True, False], nulls_last=True)
        .drop("spread")
    )
