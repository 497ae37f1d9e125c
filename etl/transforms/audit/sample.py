"""A part of the audit's results, spread evenly over all of them."""

from __future__ import annotations

import narwhals as nw

from etl.errors import ContractError
from etl.transforms.portable import FrameT, Lazy, on_any_engine, require

__all__ = ["sampled"]


def sampled(results: FrameT, rows: int) -> FrameT:
    """Take some of the results, always the same ones: every so-many-th by key.

    A row of the sample is the row of the full results, to the digit.

    Parameters
    ----------
    results
        Rows with ``audit_key``.
    rows
        How many; all, where there are no more.

    Returns
    -------
    the type of ``results``
        At most ``rows`` rows, ordered by key.

    Raises
    ------
    ContractError
        ``rows`` is below 1.

    Examples
    --------
    >>> import polars as pl
    >>> sampled(pl.DataFrame({"audit_key": list("edcba")}), 2)["audit_key"].to_list()
    ['c', 'e']
    """
    if rows < 1:
        raise ContractError(f"sampled: a sample has at least 1 row, not {rows}")
    return on_any_engine(_sampled, results, rows=rows)


def _sampled(results: Lazy, *, rows: int) -> Lazy:
    require(results, ["audit_key"], "sampled")
    columns = results.collect_schema().names()
    key = nw.col("audit_key")
    placed = results.with_columns(
        _place=key.cum_count().over(order_by="audit_key").cast(nw.Int64)
    ).with_columns(_all=nw.col("_place").max())
    # The places at which the sample grows by one, if it grows evenly over all rows.
    grown, before = nw.col("_place") * rows, (nw.col("_place") - 1) * rows
    taken = (nw.col("_all") <= rows) | (grown // nw.col("_all") > before // nw.col("_all"))
    return placed.filter(taken).select(*columns).sort("audit_key", nulls_last=True)
