"""Customers by the one name that tables and boards use, whatever an order or a shipment calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import narwhals as nw

from etl.contracts.customers import CustomerNames
from etl.contracts.keys import name_key
from etl.transforms.keys import with_keys
from etl.transforms.portable import FrameT, Lazy, on_any_engine, require, typed

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["canonical_customers", "with_customer"]

_JOINED: Final = "_customers_alias_key"


def canonical_customers(
    rows: FrameT, customers: object, *, column: str = "customer", into: str = "canonical_customer"
) -> FrameT:
    """Add the canonical names of the customers that rows tell of.

    A name is one of the customer's if it is equal after NFKC, trimming, collapsing of inner white
    space and case folding (:func:`etl.contracts.keys.name_key`); a part of a name never is. How
    this runs on each engine, lazy ones too, is told in :mod:`etl.transforms.keys`.

    Parameters
    ----------
    rows
        Any dataframe with the column ``column``.
    customers
        The names, with the columns of :class:`~etl.contracts.customers.CustomerNames`; of the same
        engine as ``rows``.
    column
        The column that names the customer.
    into
        The new column; null where nobody knows the customer.

    Returns
    -------
    the type of ``rows``
        As many rows.

    Raises
    ------
    ContractError
        A column is missing, or the frames are of different engines.

    Examples
    --------
    >>> import polars as pl
    >>> names = {"alias_key": ["northwind"], "customer": ["Northwind Outfitters"]}
    >>> customers = pl.DataFrame({**names, "style_fields": ["style"]})
    >>> rows = pl.DataFrame({"customer": [" ＮＯＲＴＨＷＩＮＤ", "North", None]})
    >>> sorted(canonical_customers(rows, customers)["canonical_customer"], key=str)
    [None, None, 'Northwind Outfitters']
    """
    return on_any_engine(
        _canonical, rows, customers, column=column, into=into, who="canonical_customers"
    )


def _canonical(rows: Lazy, customers: Lazy, *, column: str, into: str, who: str) -> Lazy:
    require(rows, [column], who)
    rows = with_customer(rows, customers, column=column, key=_JOINED, take={"customer": into})
    return rows.drop(_JOINED)


def with_customer(
    rows: Lazy, customers: Lazy, *, column: str, key: str, take: Mapping[str, str]
) -> Lazy:
    """Join what is known of customers to rows that name them; for use inside a transform.

    Parameters
    ----------
    rows, customers
        As in :func:`canonical_customers`, lazy.
    column
        The column of ``rows`` that names the customer.
    key
        A new column for the name's key; null where there is no name.
    take
        Column of ``customers`` -> new column of ``rows``; null where nobody knows the customer.

    Examples
    --------
    >>> import polars as pl
    >>> names = {"alias_key": ["northwind"], "customer": ["Northwind Outfitters"]}
    >>> customers = nw.from_native(pl.LazyFrame({**names, "style_fields": ["pattern,style"]}))
    >>> rows = nw.from_native(pl.LazyFrame({"name": ["NORTHWIND"]}))
    >>> with_customer(
    ...     rows, customers, column="name", key="key", take={"style_fields": "fields"}
    ... ).collect().rows()
    [('NORTHWIND', 'northwind', 'pattern,style')]
    """
    require(customers, ["alias_key", *take], "the customers")
    known = typed(customers, CustomerNames).select(
        nw.col("alias_key").alias(key), *(nw.col(old).alias(new) for old, new in take.items())
    )
    return with_keys(rows, {key: column}, key=name_key).join(known, on=key, how="left")
