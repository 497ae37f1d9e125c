"""Every new order onto the board and into the schedule."""

from __future__ import annotations

from etl.jobs._order_steps import ORDERS_LOCK, items, load, promote, subitems
from etl.jobs.base import Pipeline

__all__ = ["bulk_orders"]

bulk_orders = Pipeline(
    name="bulk-orders",
    description="New orders onto the schedule's board, all at once, and into the schedule.",
    # A batch is one customer's all the same: 10,000 rows are what monday imports in one file.
    steps=(load(10_000), items, subitems, promote),
    lock=ORDERS_LOCK,
)
