"""Rows that a contract set aside, as the table ``etl_quarantine`` keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["quarantine_rows"]


def quarantine_rows(
    rejected: pl.DataFrame, *, job: str, run_id: str, table: str, time: dt.datetime
) -> pl.DataFrame:
    """Rows of :class:`~etl.contracts.bookkeeping.EtlQuarantine`.

    Parameters
    ----------
    rejected
        ``reason`` and ``row``, as :func:`etl.contracts.check.split` gives them.
    job, run_id, time
        Of the run that set them aside; the time is in UTC.
    table
        The table that they were meant for.

    Examples
    --------
    >>> import datetime as dt
    >>> rejected = pl.DataFrame({"reason": ["id: null"], "row": ['{"id": null}']})
    >>> now = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    >>> quarantine_rows(rejected, job="j", run_id="r", table="dbo.t", time=now).row(0)[:3]
    ('j', 'r', 'dbo.t')
    """
    return rejected.select(
        pl.lit(job).alias("job"),
        pl.lit(run_id).alias("run_id"),
        pl.lit(table).alias("table_name"),
        pl.lit(time).dt.cast_time_unit("us").alias("time"),
        "reason",
        "row",
    )
