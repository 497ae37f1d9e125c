"""New orders onto the board and into the schedule, in batches, safe to stop anywhere."""

from __future__ import annotations

from etl.jobs._order_steps import ORDERS_LOCK, items, load, promote, retention, subitems
from etl.jobs.base import Pipeline

__all__ = ["BATCH_SIZE", "order_staging"]

BATCH_SIZE = 500
"""Orders of one customer that are worked on, and committed, at a time."""

order_staging = Pipeline(
    name="order-staging",
    description="New orders onto the schedule's board in batches a customer, and into the schedule.",
    steps=(load(BATCH_SIZE), items, subitems, promote, retention),
    schedule="20 * * * *",
    lock=ORDERS_LOCK,
)
