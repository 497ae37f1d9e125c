"""Orders at a source, a board that takes them, and what must be true of both, whatever happened."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from etl.config import load_config
from etl.contracts.check import split
from etl.contracts.master_schedule import MasterSchedule, ScheduleSubitems
from etl.contracts.order_staging import OrderBatches, OrderStaging, OrderStagingSizes
from etl.contracts.orders_unified import SIZES_AFTER, OrdersUnified
from etl.io import db_helper as db
from etl.io.tables import live_rows
from tests.monday_server.boards import writable_boards

if TYPE_CHECKING:
    from etl.config import Config
    from etl.io.monday.board_store import BoardStore
    from tests.monday_server import MondayServer

ROOT = Path(__file__).parents[2]
SIZES = ("S", "M", "32DD", "SMS")
CUSTOMERS = ("Northwind Outfitters", "Café Lumière", "東京衣料")
TABLES = {
    "staging": ("dbo.order_staging", OrderStaging),
    "sizes": ("dbo.order_staging_sizes", OrderStagingSizes),
    "batches": ("dbo.order_batches", OrderBatches),
    "schedule": ("dbo.customer_master_schedule", MasterSchedule),
    "subitems": ("dbo.customer_master_schedule_subitems", ScheduleSubitems),
}


@dataclass(frozen=True)
class Line:
    """An order line at the source."""

    number: int
    po: str = "PO-1"
    sizes: tuple[int | None, ...] = (1, 2, None, 5)

    @property
    def key(self) -> str:
        return f"so-{self.number}|st-{self.number % 7}|navy"

    @property
    def quantities(self) -> dict[str, int]:
        """What of it is ordered, samples left out."""
        pairs = zip(SIZES, self.sizes, strict=True)
        return {size: quantity for size, quantity in pairs if quantity and size != "SMS"}

    def row(self) -> dict[str, Any]:
        return {
            "ORDER NUMBER": f"SO-{self.number}",
            "CUSTOMER NAME": CUSTOMERS[self.number % len(CUSTOMERS)],
            "PO NUMBER": self.po,
            "STYLE": f"ST-{self.number % 7}",
            "COLOR": "Navy",
            "SEASON": "SS26",
            "RECEIVED DATE": dt.date(2026, 1, 1) + dt.timedelta(days=self.number % 5),
            "TOTAL QTY": sum(self.quantities.values()),
            **dict(zip(SIZES, self.sizes, strict=True)),
        }


def orders_frame(lines: list[Line]) -> pl.DataFrame:
    """``dbo.orders_unified`` with these lines."""
    schema: dict[str, Any] = {}
    for name, dtype in pl.Schema(OrdersUnified).items():
        schema[name] = dtype
        if name == SIZES_AFTER:
            schema |= dict.fromkeys(SIZES, pl.Int64)
    return pl.DataFrame([line.row() for line in lines], schema=schema)


@dataclass
class Works:
    """The shipped configuration in a directory of its own, and a board in a store."""

    directory: Path
    store: BoardStore
    config: Config = field(init=False)
    server: MondayServer = field(init=False)

    def __post_init__(self) -> None:
        shutil.copy(ROOT / "config.yaml", self.directory)
        shutil.copytree(ROOT / "config", self.directory / "config")
        writable_boards(self.store, self.directory / "config.yaml")
        self.config = load_config(self.directory / "config.yaml")

    def order(self, lines: list[Line]) -> None:
        """What the source says now."""
        orders = self.config.database("orders")
        db.write_frame(orders_frame(lines), "dbo.orders_unified", orders, mode="replace")

    def table(self, name: str) -> pl.DataFrame:
        """A table's rows; none where it is not there yet."""
        table, contract = TABLES[name]
        rows = live_rows(self.config.database("orders"), table, contract)
        return contract.create_empty() if rows is None else rows

    def on_board(self, board: str) -> list[dict[str, Any]]:
        """The active items of a board: their keys and numbers."""
        shown = []
        for item in self.store.page(board, 0, 100_000):
            cells = {cell["id"]: cell["text"] for cell in item["column_values"]}
            shown.append({"id": int(item["id"]), "parent": item.get("parent"), **cells})
        return shown

    def check(self) -> None:
        """What is true at any moment: nothing twice on the board, legal states, counts that fit."""
        items, subitems = self.on_board(BOARD), self.on_board(SUBITEMS)
        for key, found in (("order_key", items), ("size_key", subitems)):
            twice = [
                name for name, count in Counter(one[key] for one in found).items() if count > 1
            ]
            assert not twice, f"on the board more than once: {twice}"
        for name, (_, contract) in TABLES.items():
            rejected = split(self.table(name), contract).rejected
            assert rejected.is_empty(), rejected["reason"].to_list()
        staging = self.table("staging")
        states = {"pending": "PENDING", "synced": "SYNCED", "failed": "FAILED"}
        for column, state in states.items():
            counts = dict(
                staging.filter(pl.col("status") == state).group_by("batch_id").len().rows()
            )
            told = dict(self.table("batches").select("batch_id", column).rows())
            assert {batch: count for batch, count in told.items() if count} == counts
        # What is promoted is in the schedule, with its item and all its sizes.
        promoted = set(staging.filter(pl.col("status") == "PROMOTED")["order_key"])
        assert promoted <= set(self.table("schedule")["order_key"])
        ids = {item["order_key"]: item["id"] for item in items}
        for key, item in self.table("schedule").select("order_key", "board_item_id").rows():
            assert ids[key] == item

    def check_whole(self, versions: dict[str, list[Line]]) -> None:
        """After all is done: every order once, with one of the quantities that it ever had."""
        self.check()
        items = {item["order_key"]: item for item in self.on_board(BOARD)}
        assert set(items) == set(versions)
        schedule = {row["order_key"]: row for row in self.table("schedule").iter_rows(named=True)}
        assert set(schedule) == set(versions)
        sizes: dict[str, dict[str, int]] = {key: {} for key in versions}
        for one in self.on_board(SUBITEMS):
            key = one["size_key"].rpartition("|")[0]
            quantity = int(float(one["order_qty"] or 0))
            if quantity:
                sizes[key][one["size"]] = quantity
        for key, lines in versions.items():
            assert sizes[key] in [line.quantities for line in lines]
            total = sum(sizes[key].values())
            assert schedule[key]["total_qty"] == total
            assert int(float(items[key]["total_qty"] or 0)) == total
        kept = self.table("subitems")
        sums = dict(kept.group_by("order_key").agg(pl.col("order_qty").sum()).rows())
        assert {key: total for key, total in sums.items() if total} == {
            key: sum(found.values()) for key, found in sizes.items() if found
        }


BOARD = "9200517330"
SUBITEMS = "9200517331"
