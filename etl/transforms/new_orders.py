"""Which orders are not in the master schedule yet."""

from __future__ import annotations

import difflib
from typing import Final

import narwhals as nw

from etl.contracts.keys import name_key
from etl.contracts.master_schedule import MasterSchedule
from etl.contracts.orders_unified import OrdersUnified
from etl.errors import ContractError
from etl.transforms.keys import as_text, with_keys
from etl.transforms.order_keys import ORDER_PARTS, missing_parts, with_order_key
from etl.transforms.portable import FrameT, Lazy, on_any_engine, require, typed

__all__ = ["new_orders"]

_SCHEDULE_PARTS: Final = ("order_number", "style", "color")
_CUSTOMER: Final = "CUSTOMER NAME"
_RECEIVED: Final = "RECEIVED DATE"
_KEY: Final = "_order_key"
_ROWS: Final = "_rows_of_key"
_WHY: Final = "reason"
_DUPLICATE: Final = (
    f"duplicate key: another row has the same {', '.join(ORDER_PARTS)}, but is not the same row"
)


def new_orders(
    orders: FrameT,
    schedule: object,
    customers: object | None = None,
    customer: str | None = None,
) -> dict[str, FrameT]:
    """Find the orders that are not in the schedule, and set aside those that nobody can tell apart.

    An order is known by its number, style and colour, compared trimmed and case-folded
    (:func:`etl.contracts.keys.code_key`).

    Parameters
    ----------
    orders
        Rows of ``dbo.orders_unified``, size columns and all: a pandas or polars frame, a LazyFrame,
        a pyarrow Table or a DuckDB relation.
    schedule
        Rows of ``dbo.customer_master_schedule``, or anything with its columns ``order_number``,
        ``style`` and ``color``; of the same engine.
    customers
        The customers' names (:class:`~etl.contracts.customers.CustomerNames`), for ``customer``;
        without them its name is compared as it is.
    customer
        Only orders of this customer, by any of its names; orders of others are neither new nor set
        aside.

    Returns
    -------
    dict of the type of ``orders``
        ``new``: the orders' own columns, the newest received first, each order once.
        ``rejected``: the same columns behind ``reason``: rows that lack a part of the key (null,
        empty or a word for null), and rows that share one (``duplicate key``) but differ in
        anything. Rows that are the same to the value count as one.

    Raises
    ------
    ContractError
        A column is missing, or ``customers`` does not know ``customer``.

    Examples
    --------
    >>> import polars as pl
    >>> told = {"CUSTOMER NAME": "Northwind", "RECEIVED DATE": None, "COLOR": "Navy"}
    >>> rows = {"ORDER NUMBER": ["SO-1", "SO-2", "so-3 ", None], "STYLE": ["A", "A", "A", "A"]}
    >>> orders = pl.DataFrame(rows).with_columns(pl.lit(v).alias(k) for k, v in told.items())
    >>> schedule = pl.DataFrame({"order_number": ["SO-3"], "style": ["a"], "color": ["NAVY"]})
    >>> found = new_orders(orders, schedule)
    >>> found["new"]["ORDER NUMBER"].to_list(), found["rejected"]["reason"].to_list()
    (['SO-1', 'SO-2'], ['ORDER NUMBER: missing'])
    """
    known = () if customers is None or customer is None else (customers,)
    return on_any_engine(_new_orders, orders, schedule, *known, customer=customer)


def _new_orders(
    orders: Lazy, schedule: Lazy, customers: Lazy | None = None, *, customer: str | None
) -> dict[str, Lazy]:
    require(orders, [*ORDER_PARTS, _CUSTOMER, _RECEIVED], "new_orders, orders")
    require(schedule, _SCHEDULE_PARTS, "new_orders, schedule")
    columns = orders.collect_schema().names()
    orders = typed(orders, OrdersUnified)
    orders = as_text(orders, {part: part for part in ORDER_PARTS})
    if customer is not None:
        orders = _of_customer(orders, customers, customer)
    rows = with_order_key(orders, into=_KEY)
    scheduled = with_order_key(
        typed(schedule, MasterSchedule).select(*_SCHEDULE_PARTS), _SCHEDULE_PARTS, into=_KEY
    )
    nameless = rows.filter(nw.col(_KEY).is_null()).with_columns(missing_parts().alias(_WHY))
    fresh = (
        rows.filter(~nw.col(_KEY).is_null())
        .join(scheduled.select(_KEY), on=_KEY, how="anti")
        .unique(keep="any")
        .with_columns(nw.lit(1).alias(_ROWS))
        .with_columns(nw.col(_ROWS).sum().over(_KEY))
    )
    alike = fresh.filter(nw.col(_ROWS) > 1).with_columns(nw.lit(_DUPLICATE).alias(_WHY))
    new = fresh.filter(nw.col(_ROWS) == 1)
    return {
        "new": new.sort(_RECEIVED, _KEY, descending=[True, False], nulls_last=True).select(columns),
        "rejected": nw.concat([frame.select(_WHY, *columns) for frame in (nameless, alike)]).sort(
            _WHY, *ORDER_PARTS, nulls_last=True
        ),
    }


def _of_customer(orders: Lazy, customers: Lazy | None, customer: str) -> Lazy:
    """Keep the orders of one customer, by any of its names."""
    key = name_key(customer)
    keyed = with_keys(orders, {_KEY: _CUSTOMER}, key=name_key)
    if customers is None:
        return keyed.filter(nw.col(_KEY) == key).drop(_KEY)
    require(customers, ["alias_key", "customer"], "new_orders, customers")
    # A few rows, whatever the engine: a name that nobody has is a mistake, and not "no orders".
    names = customers.select("alias_key", "customer").collect(backend="polars").rows()
    canonical = {name for alias, name in names if alias == key}
    if not canonical:
        close = difflib.get_close_matches(customer, sorted({name for _, name in names}), n=1)
        hint = f"did you mean {close[0]!r}?" if close else "none is called like that"
        raise ContractError(f"new_orders: no customer {customer!r} among the customers; {hint}")
    aliases = [alias for alias, name in names if name in canonical]
    return keyed.filter(nw.col(_KEY).is_in(aliases).fill_null(value=False)).drop(_KEY)
