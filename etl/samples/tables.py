"""The sample tables: which they are, where they stand, and their rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.contracts.orders_unified import with_sizes
from etl.contracts.samples import TRUTH_TABLE, SampleAuditTruth
from etl.contracts.shipments import Packed, Shipped
from etl.samples.orders import SIZES, clean_lines, orders_unified
from etl.samples.shipments import packed, parcels, shipped, truth

if TYPE_CHECKING:
    import dataframely as dy
    import polars as pl

__all__ = ["SampleTable", "sample_tables"]


@dataclass(frozen=True, kw_only=True)
class SampleTable:
    """A table of the samples: its database in config.yaml, its contract and its rows."""

    database: str
    table: str
    contract: type[dy.Schema]
    rows: pl.DataFrame


def sample_tables(rows: int = 500, seed: int = 0) -> tuple[SampleTable, ...]:
    """Make the tables of orders, packed and shipped, and the truth about them.

    Parameters
    ----------
    rows
        How many rows ``dbo.orders_unified`` has; the others follow from it.
    seed
        Another seed, other tables.

    Returns
    -------
    tuple of SampleTable
        Four tables in three databases.

    Examples
    --------
    >>> [(made.table, made.database) for made in sample_tables(rows=100)]
    [('dbo.orders_unified', 'orders'), ('dbo.packed', 'distribution'),
     ('dbo.shipped', 'warehouse'), ('sample_audit_truth', 'orders')]
    """
    lines = clean_lines(rows, seed)
    made = parcels(lines, seed)
    return (
        SampleTable(
            database="orders",
            table="dbo.orders_unified",
            contract=with_sizes(SIZES),
            rows=orders_unified(lines, seed),
        ),
        SampleTable(
            database="distribution",
            table="dbo.packed",
            contract=Packed,
            rows=packed(made, seed).select(Packed.column_names()),
        ),
        SampleTable(
            database="warehouse",
            table="dbo.shipped",
            contract=Shipped,
            rows=shipped(made, seed).select(Shipped.column_names()),
        ),
        SampleTable(
            database="orders", table=TRUTH_TABLE, contract=SampleAuditTruth, rows=truth(made)
        ),
    )
