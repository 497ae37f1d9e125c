"""The steps that bulk-orders and order-staging are made of: the same idea, once.

The tables are in ``orders``; each step commits by itself, reads what the others have left, and finds
nothing to do where it has been done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from etl.contracts.master_schedule import MasterSchedule, ScheduleSubitems
from etl.contracts.order_staging import OrderBatches, OrderStaging, OrderStagingSizes
from etl.contracts.orders_unified import OrdersUnified
from etl.io.monday.writer import MondayBoard
from etl.io.rules import Customers, OrderMapping
from etl.io.tables import TableRows, TableSource
from etl.jobs.base import Call, Job, Notes, SetAside, Table
from etl.transforms.order_board import (
    item_payloads,
    item_results,
    subitem_payloads,
    subitem_results,
)
from etl.transforms.order_loading import load_orders
from etl.transforms.order_promotion import failed_orders, keep_orders, promote_orders

if TYPE_CHECKING:
    import datetime as dt

    import dataframely as dy

__all__ = ["ORDERS_LOCK", "SCHEDULE", "SUBITEMS", "items", "load", "promote", "retention", "subitems"]  # fmt: skip

ORDERS_LOCK: Final = "orders to the board"
"""Held by every job that writes the schedule's board: two would look a key up at the same time."""

_STAGING: Final = ("dbo.order_staging", OrderStaging)
_SIZES: Final = ("dbo.order_staging_sizes", OrderStagingSizes)
_BATCHES: Final = ("dbo.order_batches", OrderBatches)
SCHEDULE: Final = ("dbo.customer_master_schedule", MasterSchedule)
SUBITEMS: Final = ("dbo.customer_master_schedule_subitems", ScheduleSubitems)
_MAPPING: Final = "customer_master_schedule"


def _rows(table: tuple[str, type[dy.Schema]]) -> TableRows:
    name, contract = table
    return TableRows(database="orders", table=name, contract=contract)


def _upsert(table: tuple[str, type[dy.Schema]]) -> Table:
    name, contract = table
    return Table("orders", name, contract=contract, mode="upsert")


def _sync(table: tuple[str, type[dy.Schema]]) -> Table:
    name, contract = table
    return Table("orders", name, contract=contract, mode="sync", may_be_empty=True)


def load(batch_size: int) -> Job:
    """The step that stages new orders, at most so many in a batch."""

    def stage(
        *,
        orders: Any,
        schedule: Any,
        customers: Any,
        mapping: Any,
        staging: Any,
        sizes: Any,
        batches: Any,
        now: dt.datetime,
        run_id: str,
    ) -> dict[str, Any]:
        return load_orders(
            orders,
            schedule,
            customers=customers,
            mapping=mapping,
            staging=staging,
            sizes=sizes,
            batches=batches,
            now=now,
            run_id=run_id,
            batch_size=batch_size,
        )

    return Job(
        name="load",
        description="New orders into staging.",
        inputs={
            "orders": TableSource(
                database="orders",
                table="dbo.orders_unified",
                contract=OrdersUnified,
                other_columns=True,
            ),
            "schedule": _rows(SCHEDULE),
            "customers": Customers(),
            "mapping": OrderMapping(_MAPPING),
            "staging": _rows(_STAGING),
            "sizes": _rows(_SIZES),
            "batches": _rows(_BATCHES),
        },
        transform=stage,
        outputs={
            "staging": _upsert(_STAGING),
            "sizes": _upsert(_SIZES),
            "batches": _upsert(_BATCHES),
            "rejected": SetAside("staging"),
            "no_room": SetAside("staging"),
        },
    )


items: Final = Job(
    name="items",
    description="An item on the board for each staged order, batch by batch.",
    inputs={
        "staging": _rows(_STAGING),
        "batches": _rows(_BATCHES),
        "mapping": OrderMapping(_MAPPING),
    },
    call=Call(payloads=item_payloads, writer=MondayBoard(board="schedule")),
    transform=item_results,
    outputs={"staging": _upsert(_STAGING), "batches": _upsert(_BATCHES)},
    repeat=True,
)

subitems: Final = Job(
    name="subitems",
    description="A subitem for each size with a quantity, batch by batch.",
    inputs={"staging": _rows(_STAGING), "sizes": _rows(_SIZES), "batches": _rows(_BATCHES)},
    call=Call(payloads=subitem_payloads, writer=MondayBoard(board="schedule", subitems=True)),
    transform=subitem_results,
    outputs={
        "staging": _upsert(_STAGING),
        "sizes": _upsert(_SIZES),
        "batches": _upsert(_BATCHES),
    },
    repeat=True,
)


def _promoted(
    staging: Any, sizes: Any, batches: Any, scheduled: Any, *, now: dt.datetime
) -> dict[str, Any]:
    promoted = promote_orders(staging, sizes, batches, scheduled, now=now)
    return {**promoted, "failed": failed_orders(staging)}


promote: Final = Job(
    name="promote",
    description="Orders that are on the board into the schedule.",
    inputs={
        "staging": _rows(_STAGING),
        "sizes": _rows(_SIZES),
        "batches": _rows(_BATCHES),
        "scheduled": _rows(SUBITEMS),
    },
    transform=_promoted,
    # One transaction: an order is in the schedule exactly when its row says so.
    outputs={
        "schedule": _upsert(SCHEDULE),
        "subitems": _upsert(SUBITEMS),
        "staging": _upsert(_STAGING),
        "batches": _upsert(_BATCHES),
        "failed": Notes(),
    },
)

retention: Final = Job(
    name="retention",
    description="Old rows out of staging.",
    inputs={"staging": _rows(_STAGING), "sizes": _rows(_SIZES), "batches": _rows(_BATCHES)},
    transform=keep_orders,
    outputs={"staging": _sync(_STAGING), "sizes": _sync(_SIZES), "batches": _sync(_BATCHES)},
)
