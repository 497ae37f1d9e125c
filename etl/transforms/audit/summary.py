"""The audit's results, customer by customer."""

from __future__ import annotations

from typing import Final

import narwhals as nw

from etl.contracts.audit import AuditResults, AuditSummary
from etl.transforms.portable import FrameT, Lazy, on_any_engine, require, typed

__all__ = ["summarise"]

_MATCHED: Final = ("EXACT", "FUZZY")
_FIELDS: Final = ("po", "alt_po", "style", "color", "size")
_QUANTITIES: Final = ("packed_qty", "shipped_qty", "ordered_qty")
_QUALITIES: Final = ("good", "acceptable", "questionable", "poor")
_OF_ALL: Final = ("exact", "fuzzy", "no_match", "unfulfilled", "over_shipped", "under_shipped", "missing_order")  # fmt: skip


def summarise(results: FrameT) -> FrameT:
    """Count and sum the results of each customer.

    Parameters
    ----------
    results
        Rows with the columns of :class:`~etl.contracts.audit.AuditResults`: a pandas or polars
        frame, a LazyFrame, a pyarrow Table or a DuckDB relation.

    Returns
    -------
    the type of ``results``
        The columns of :class:`~etl.contracts.audit.AuditSummary`, ordered by customer. Match rates
        of fields are of the matched rows, all others of all rows.

    Raises
    ------
    ContractError
        A column is missing.

    Examples
    --------
    >>> import polars as pl
    >>> rows = AuditResults.create_empty().clear(2).with_columns(
    ...     customer=pl.lit("Northwind"), known_customer=True, packed_qty=5, shipped_qty=5,
    ...     ordered_qty=pl.Series([6, 0]), match_type=pl.Series(["EXACT", "NO_MATCH"]),
    ...     size_match=pl.Series([True, None]), missing_order=pl.Series([False, True]),
    ... )
    >>> told = ("records", "exact_rate", "size_match_rate", "ordered_qty", "variance_qty")
    >>> summarise(rows).select(told).rows()
    [(2, 0.5, 1.0, 6, -4)]
    """
    return on_any_engine(_summarise, results)


def _summarise(results: Lazy) -> Lazy:
    require(results, AuditResults.column_names(), "summarise")
    rows = typed(results, AuditResults)
    kind, quality = nw.col("match_type"), nw.col("quality")
    # Counted in whole numbers, the scores in tenths: such sums do not depend on the rows' order.
    counted = {
        "records": nw.lit(1, dtype=nw.Int64),
        "known": _one_if(nw.col("known_customer")),
        "matched": _one_if(kind.is_in(_MATCHED)),
        **{f"{name}_count": _one_if(kind == name.upper()) for name in _OF_ALL[:4]},
        **{f"{name}_count": _one_if(nw.col(name)) for name in _OF_ALL[4:]},
        **{f"{field}_matches": _one_if(nw.col(f"{field}_match")) for field in _FIELDS},
        **{f"{name}_count": _one_if(quality == name.upper()) for name in _QUALITIES},
        **{name: nw.col(name).cast(nw.Int64).fill_null(0) for name in _QUANTITIES},
        "tenths": nw.when(kind == "FUZZY").then(_tenths()).otherwise(0),
    }
    sums = rows.select("customer", **counted).group_by("customer").agg(nw.col(*counted).sum())
    sums = sums.with_columns(nw.col(*counted).cast(nw.Int64)).with_columns(
        variance_qty=nw.col("ordered_qty") - nw.col("shipped_qty")
    )
    rates = {f"{name}_rate": _share(f"{name}_count", "records") for name in _OF_ALL}
    rates |= {f"{field}_match_rate": _share(f"{field}_matches", "matched") for field in _FIELDS}
    return (
        sums.with_columns(
            **rates,
            known_customer=nw.col("known") > 0,
            variance_pct=nw.when(nw.col("ordered_qty") > 0).then(
                nw.col("variance_qty") * 100.0 / nw.col("ordered_qty")
            ),
            average_fuzzy_score=nw.when(nw.col("fuzzy_count") > 0).then(
                nw.col("tenths") / (nw.col("fuzzy_count") * 10.0)
            ),
        )
        .select(*AuditSummary.column_names())
        .sort("customer", nulls_last=True)
    )


def _one_if(flag: nw.Expr) -> nw.Expr:
    return flag.cast(nw.Int64).fill_null(0)


def _tenths() -> nw.Expr:
    """The score in tenths, as a whole number: it has one decimal."""
    return (nw.col("match_score").fill_null(0.0) * 10).round(0).cast(nw.Int64)


def _share(part: str, of: str) -> nw.Expr:
    return nw.when(nw.col(of) > 0).then(nw.col(part) / (nw.col(of) * 1.0))
