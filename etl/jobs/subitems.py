"""The subitems of the schedule's board into their table, and what was packed and shipped onto it."""

from __future__ import annotations

from etl.contracts.board_subitems import BoardSubitems
from etl.contracts.master_schedule import MasterSchedule, ScheduleSubitems
from etl.contracts.shipments import Packed, Shipped
from etl.io.monday.reader import MondaySubitems
from etl.io.monday.writer import MondayBoard
from etl.io.rules import Customers
from etl.io.tables import TableRows, TableSource
from etl.jobs._order_steps import ORDERS_LOCK
from etl.jobs.base import Call, Job, Table
from etl.transforms.schedule_subitems import quantity_payloads, schedule_subitems

__all__ = ["subitems"]

subitems = Job(
    name="subitems",
    description="The board's subitems into their table, and packed and shipped onto the board.",
    inputs={
        "subitems": MondaySubitems(board="schedule", contract=BoardSubitems),
        "schedule": TableRows(
            database="orders", table="dbo.customer_master_schedule", contract=MasterSchedule
        ),
        "packed": TableSource(database="distribution", table="dbo.packed", contract=Packed),
        "shipped": TableSource(database="warehouse", table="dbo.shipped", contract=Shipped),
        "customers": Customers(),
    },
    call=Call(payloads=quantity_payloads, writer=MondayBoard(board="schedule", subitems=True)),
    transform=schedule_subitems,
    outputs={
        "subitems": Table(
            "orders",
            "dbo.customer_master_schedule_subitems",
            contract=ScheduleSubitems,
            mode="sync",
        )
    },
    schedule="50 * * * *",
    lock=ORDERS_LOCK,
)
