"""Orders as lines of one size."""

from __future__ import annotations

from typing import Any, Final, cast

import dataframely as dy
import narwhals as nw

from etl.contracts.audit_steps import PARTS, AuditLines
from etl.contracts.keys import upper_key
from etl.contracts.orders_unified import SAMPLE_SIZES, OrdersUnified, size_columns
from etl.transforms._quantities import quantity
from etl.transforms.audit._parts import same_types, with_place
from etl.transforms.audit.standardise import standardised
from etl.transforms.portable import FrameT, Lazy, on_any_engine, require, typed

__all__ = ["unpivot"]

_TEXTS: Final = ("customer", "po_number", "alt_po", "style", "pattern", "color", "order_number")
_ALIASES: Final = {
    name: column.alias or name
    for name, column in vars(OrdersUnified).items()
    if isinstance(column, dy.Column) and name in _TEXTS
}
_KEYS: Final = (*PARTS, "known_customer", "style_fields")


def unpivot(orders: FrameT, customers: object) -> FrameT:
    """Make one row a size of what was ordered: quantities above 0, summed by key, no samples.

    A cell that holds no whole number counts as 0: bulk-orders sets such rows aside. Texts become as
    those of shipments (:func:`~etl.transforms.audit.standardise`).

    Parameters
    ----------
    orders
        Rows of ``dbo.orders_unified``; the sizes are the columns between ``UNIT OF MEASURE`` and
        ``TOTAL QTY``. A pandas or polars frame, a LazyFrame, a pyarrow Table or a DuckDB relation.
    customers
        The names of :class:`~etl.contracts.customers.CustomerNames`; of the same engine.

    Returns
    -------
    the type of ``orders``
        The columns of :class:`~etl.contracts.audit_steps.AuditLines`, one row a key.

    Raises
    ------
    ContractError
        A column is missing, or a size column is of a type that holds no quantities.

    Examples
    --------
    >>> import polars as pl
    >>> from etl.contracts.customers import CustomerNames
    >>> told = {"ORDER NUMBER": ["SO-1"], "CUSTOMER NAME": ["Northwind"], "PO NUMBER": ["a-1"]}
    >>> told |= {"ALT PO": [None], "STYLE": ["ls1"], "PATTERN": [None], "COLOR": ["Navy"]}
    >>> sizes = {"UNIT OF MEASURE": ["EA"], "XS": [0], "m ": [7], "SMS": [1], "TOTAL QTY": [8]}
    >>> lines = unpivot(pl.DataFrame({**told, **sizes}), CustomerNames.create_empty())
    >>> lines.select("line", "customer", "style", "size", "quantity").rows()
    [(1, 'northwind', 'LS1', 'M', 7)]
    """
    return on_any_engine(_unpivot, orders, customers)


def _unpivot(orders: Lazy, customers: Lazy) -> Lazy:
    require(orders, _ALIASES.values(), "unpivot")
    schema = orders.collect_schema()
    sizes = [s for s in size_columns(schema.names()) if upper_key(s) not in SAMPLE_SIZES]
    numbered = {size: f"_size_{at}" for at, size in enumerate(sizes)}
    wide = typed(orders, OrdersUnified).select(
        *(nw.col(alias).alias(name) for name, alias in _ALIASES.items()),
        *(quantity(size, schema[size]).count.alias(new) for size, new in numbered.items()),
    )
    wide = standardised(wide, customers, _TEXTS)
    return _summed(_long(wide, numbered))


def _long(wide: Lazy, numbered: dict[str, str]) -> Lazy:
    """Stack the sizes."""
    kept = (*_TEXTS, "known_customer", "style_fields")
    if numbered and (wide.implementation.is_duckdb() or wide.implementation.is_spark_like()):
        # These engines would compute the wide rows anew for each size. DuckDB's unpivot drops nulls,
        # but no count is one.
        names = {column: upper_key(size) for size, column in numbered.items()}
        size = nw.col("size").replace_strict(names, default=None, return_dtype=nw.String)
        return _unpivoted(wide, kept, list(names)).filter(nw.col("quantity") > 0).with_columns(size)
    stacked = [
        wide.filter(nw.col(column) > 0).select(
            *kept, nw.lit(upper_key(size)).alias("size"), nw.col(column).alias("quantity")
        )
        for size, column in numbered.items()
    ]
    if not stacked:
        nothing = wide.filter(nw.lit(value=False))
        return nothing.select(*kept, size=nw.lit(""), quantity=nw.lit(0, dtype=nw.Int64))
    return nw.concat(stacked)


def _unpivoted(wide: Lazy, kept: tuple[str, ...], columns: list[str]) -> Lazy:
    rows = wide.select(*kept, *columns)
    if wide.implementation.is_duckdb():
        # Narwhals' own asks DuckDB's default connection, which does not know others' relations.
        relation: Any = rows.to_native()
        long = f"FROM etl_wide UNPIVOT (quantity FOR size IN ({', '.join(columns)}))"
        return cast("Lazy", nw.from_native(relation.query("etl_wide", long)))
    return rows.unpivot(on=columns, index=list(kept), variable_name="size", value_name="quantity")


def _summed(lines: Lazy) -> Lazy:
    sums = (
        lines.group_by(*_KEYS)
        .agg(nw.col("quantity").sum(), nw.col("order_number").min())
        .with_columns(nw.col("quantity").cast(nw.Int64))
    )
    return same_types(with_place(sums, "line"), AuditLines)
