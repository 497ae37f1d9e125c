"""The audit of more rows than memory holds: customer by customer, which changes no row of it.

A shipment is only ever matched with order lines of its customer, and a variance is a customer's. So
the rows are streamed into files by customer once, and what is held afterwards is one customer's.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from etl.contracts.keys import name_key
from etl.io.parts import scan_parts, write_parts
from etl.transforms.audit import audit_results
from etl.transforms.customers import canonical_customers

__all__ = ["AuditPart", "audit_by_customer", "customer_parts"]

_NAMED_BY: Final = {"packed": "customer", "shipped": "customer", "orders": "CUSTOMER NAME"}
_PART: Final = "_audit_part"


@dataclass(frozen=True, kw_only=True)
class AuditPart:
    """The rows of one customer; or of all that nobody knows, which are a part together."""

    packed: pl.LazyFrame
    shipped: pl.LazyFrame
    orders: pl.LazyFrame


def customer_parts(
    packed: pl.LazyFrame,
    shipped: pl.LazyFrame,
    orders: pl.LazyFrame,
    customers: pl.LazyFrame,
    directory: Path,
) -> list[AuditPart]:
    """Split the audit's rows by customer: each is streamed into files of its part.

    Parameters
    ----------
    packed, shipped, orders, customers
        As for :func:`~etl.transforms.audit.audit_results`, as plans: ``pl.scan_parquet`` or
        ``db.scan_frame``. The customers' names are read into memory.
    directory
        Where the files are written, for as long as the parts are read.

    Returns
    -------
    list of AuditPart
        One for each customer with a name, and one of the rows whose customer nobody knows. Every
        row is in one of them, and no two rows of one customer are in two.
    """
    numbers = _numbers(customers.select("alias_key", "customer").collect())
    rest = numbers.height
    made = []
    for table, rows in {"packed": packed, "shipped": shipped, "orders": orders}.items():
        named = canonical_customers(rows, customers, column=_NAMED_BY[table], into=_PART)
        # A join and no replacement: that would hold the column, and all that stands beside it.
        numbered = named.join(numbers.lazy(), on=_PART, how="left").with_columns(
            pl.col("number").fill_null(rest).alias(_PART)
        )
        plan = numbered.drop("number")
        made.append(write_parts(plan, directory / table, by=_PART, parts=rest + 1))
    return [
        AuditPart(packed=scan_parts(ours), shipped=scan_parts(theirs), orders=scan_parts(ordered))
        for ours, theirs, ordered in zip(*made, strict=True)
    ]


def _numbers(customers: pl.DataFrame) -> pl.DataFrame:
    """Number the customers that have a part of their own.

    A customer that nobody knows is called by its name's key. Where that might be a known one's name,
    as no alias catches it, the two belong together.
    """
    keys = set(customers["alias_key"])
    names = customers["customer"].unique().sort().to_list()
    apart = [name for name in names if name_key(name) in keys]
    return pl.DataFrame({_PART: apart}, schema={_PART: pl.String}).with_row_index("number")


def audit_by_customer(
    packed: pl.LazyFrame,
    shipped: pl.LazyFrame,
    orders: pl.LazyFrame,
    customers: pl.LazyFrame,
    directory: Path,
) -> pl.LazyFrame:
    """Audit one customer after the other: memory is that of the largest, not of all.

    Parameters
    ----------
    packed, shipped, orders, customers
        As for :func:`customer_parts`.
    directory
        An empty one: the results are written there, a Parquet file a customer. The disk has to hold
        all rows once more while this runs.

    Returns
    -------
    LazyFrame
        What :func:`~etl.transforms.audit.audit_results` gives of all at once, to the row: a scan of
        the files, ordered by key.

    Examples
    --------
    >>> from etl.contracts.customers import CustomerNames
    >>> scan = {"customer": "Northwind", "po_number": "A-1", "alt_po": None, "style": "LS1"}
    >>> scan |= {"pattern": None, "color": "navy", "size": "M", "quantity": 7}
    >>> order = {"ORDER NUMBER": "SO-1", "CUSTOMER NAME": "northwind", "PO NUMBER": "A-1"}
    >>> order |= {"ALT PO": None, "STYLE": "LS1", "PATTERN": None, "COLOR": "Navy"}
    >>> order |= {"UNIT OF MEASURE": "EA", "M": 7, "TOTAL QTY": 7}
    >>> scans, names = pl.LazyFrame([scan]), CustomerNames.create_empty().lazy()
    >>> with tempfile.TemporaryDirectory() as place:
    ...     rows = audit_by_customer(scans, scans, pl.LazyFrame([order]), names, Path(place))
    ...     rows.select("customer", "match_type", "ordered_qty", "shipped_qty").collect().rows()
    [('northwind', 'EXACT', 7, 7)]
    """
    with tempfile.TemporaryDirectory(dir=directory, prefix="parts-") as place:
        parts = customer_parts(packed, shipped, orders, customers, Path(place))
        for at, part in enumerate(parts):
            found = audit_results(part.packed, part.shipped, part.orders, customers)
            found.sink_parquet(directory / f"{at}.parquet", engine="streaming")
    return scan_parts(directory).sort("audit_key", nulls_last=True)
