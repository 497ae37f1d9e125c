"""The texts of scans and orders as the audit compares them."""

from __future__ import annotations

from typing import Final

import narwhals as nw

from etl.contracts.audit_steps import PARTS
from etl.contracts.keys import upper_key
from etl.contracts.shipments import Shipped
from etl.transforms.cells import without_null_words
from etl.transforms.customers import with_customer
from etl.transforms.keys import with_keys
from etl.transforms.portable import FrameT, Lazy, on_any_engine, require, typed

__all__ = ["standardise", "standardised"]

_DEFAULT_STYLE: Final = "style"


def standardise(rows: FrameT, customers: object) -> FrameT:
    """Trim texts and put them into capitals, make words for null null, and name customers by one name.

    Parameters
    ----------
    rows
        A pandas or polars frame, a LazyFrame, a pyarrow Table or a DuckDB relation with the columns
        ``customer``, ``po_number``, ``alt_po``, ``style``, ``pattern``, ``color`` and ``size``.
    customers
        The names of :class:`~etl.contracts.customers.CustomerNames`; of the same engine.

    Returns
    -------
    the type of ``rows``
        As many rows, with all columns, and two more. ``known_customer``: an unknown customer keeps
        its own name, normalised (:func:`~etl.contracts.keys.name_key`). ``style_fields``: the
        fields that hold its style, ``style`` unless the customers say otherwise.

    Raises
    ------
    ContractError
        A column is missing.

    Examples
    --------
    >>> import polars as pl
    >>> names = {"alias_key": ["northwind"], "customer": ["Northwind Outfitters"]}
    >>> customers = pl.DataFrame({**names, "style_fields": ["style,pattern"]})
    >>> scan = {"customer": " NORTHWIND", "po_number": "po-7 ", "alt_po": "nan", "style": "ls\u00a01"}
    >>> scans = pl.DataFrame([{**scan, "pattern": None, "color": "straße", "size": "xl"}])
    >>> standardise(scans, customers).row(0)
    ('Northwind Outfitters', 'PO-7', None, 'LS\xa01', None, 'STRASSE', 'XL', True, 'style,pattern')
    """
    return on_any_engine(_standardise, rows, customers)


def _standardise(rows: Lazy, customers: Lazy) -> Lazy:
    require(rows, PARTS, "standardise")
    return standardised(typed(rows, Shipped), customers, PARTS)


def standardised(rows: Lazy, customers: Lazy, texts: tuple[str, ...]) -> Lazy:
    """Do the same to a lazy frame; ``texts`` are the columns, the customer's among them."""
    codes = [name for name in texts if name != "customer"]
    columns = rows.collect_schema().names()
    rows = with_keys(rows, {name: name for name in codes}, key=upper_key)
    named = with_customer(
        rows.with_columns(without_null_words(nw.col(name)) for name in codes),
        customers,
        column="customer",
        key="_name",
        take={"customer": "_canonical", "style_fields": "_style_fields"},
    )
    known = nw.coalesce(nw.col("_canonical"), without_null_words(nw.col("_name")))
    return named.with_columns(
        known.alias("customer"),
        known_customer=~nw.col("_canonical").is_null(),
        style_fields=nw.col("_style_fields").fill_null(_DEFAULT_STYLE),
    ).select(*columns, "known_customer", "style_fields")
