"""Tables of order staging in states that runs can leave them in, for the tests of its transforms."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl
from hypothesis import strategies as st

from etl.contracts.board_results import BoardResults
from etl.contracts.check import split
from etl.contracts.master_schedule import MasterSchedule, ScheduleSubitems
from etl.contracts.order_mapping import ColumnRule
from etl.contracts.order_staging import OrderBatches, OrderStaging, OrderStagingSizes
from etl.transforms.order_board import (
    item_payloads,
    item_results,
    subitem_payloads,
    subitem_results,
)
from etl.transforms.order_promotion import keep_orders, promote_orders
from etl.transforms.order_staging import stage_orders

START = dt.datetime(2026, 3, 2, 6, 0, 0, 5, tzinfo=dt.UTC)
CONTRACTS = {
    "staging": OrderStaging,
    "sizes": OrderStagingSizes,
    "batches": OrderBatches,
    "schedule": MasterSchedule,
    "subitems": ScheduleSubitems,
}
ORDERS = pl.Schema(
    {name: dtype for name, dtype in pl.Schema(MasterSchedule).items() if name != "board_item_id"}
)
SIZES = {"order_key": pl.String, "size": pl.String, "quantity": pl.Int64}
RULES = [
    ColumnRule(target="po_number", how="direct", sources=("PO NUMBER",), board_column="po_number"),
    ColumnRule(target="total_qty", how="sum", sources=("sizes",), board_column="numbers_1"),
    ColumnRule(target="due_date", how="exact", sources=("DUE DATE",), board_column="date4"),
    ColumnRule(target="style", how="direct", sources=("STYLE",)),
]
_KEYS = ["1|a|red", "2|a|red", "2|b|blau", "3|棉|👕", "4|ß|x", "5|c|x"]
_CUSTOMERS = ["Café Lumière", "東京衣料"]
_DAYS = [None, dt.date(2026, 1, 5), dt.date(2026, 2, 1), dt.date(1753, 1, 1)]


@dataclass(frozen=True)
class Order:
    """An order at the source."""

    key: str
    customer: str = _CUSTOMERS[0]
    received: dt.date | None = None
    po: str | None = "PO-1"
    sizes: dict[str, int | None] = field(default_factory=lambda: {"M": 2})

    @property
    def quantity(self) -> int:
        return sum(quantity or 0 for quantity in self.sizes.values())

    def row(self) -> dict[str, Any]:
        return {
            "order_key": self.key,
            "order_number": self.key[:1],
            "customer": self.customer,
            "po_number": self.po,
            "style": "A",
            "color": "RED",
            "received_date": self.received,
            "total_qty": self.quantity,
            "item_name": f"A RED {self.key[:1]}",
            "group_name": self.customer,
        }


def frames(orders: list[Order]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The orders and their sizes as they come from the mapping."""
    sizes = [(order.key, *each) for order in orders for each in order.sizes.items()]
    rows = pl.DataFrame([order.row() for order in orders], schema=ORDERS)
    return rows, pl.DataFrame(sizes, schema=SIZES, orient="row")


def orders(min_size: int = 0) -> st.SearchStrategy[list[Order]]:
    """Some orders, each once."""
    order = st.builds(
        Order,
        key=st.sampled_from(_KEYS),
        customer=st.sampled_from(_CUSTOMERS),
        received=st.sampled_from(_DAYS),
        po=st.sampled_from(["PO-1", "PO-2", None]),
        sizes=st.dictionaries(
            st.sampled_from(["S", "M", "32DD", "ONE SIZE"]),
            st.one_of(st.none(), st.integers(0, 3)),
            max_size=3,
        ),
    )
    return st.lists(order, unique_by=lambda order: order.key, min_size=min_size, max_size=5)


@dataclass(frozen=True)
class Tables:
    """The tables, and the time; every step gives new ones."""

    staging: pl.DataFrame = field(default_factory=OrderStaging.create_empty)
    sizes: pl.DataFrame = field(default_factory=OrderStagingSizes.create_empty)
    batches: pl.DataFrame = field(default_factory=OrderBatches.create_empty)
    schedule: pl.DataFrame = field(default_factory=MasterSchedule.create_empty)
    subitems: pl.DataFrame = field(default_factory=ScheduleSubitems.create_empty)
    now: dt.datetime = START
    runs: int = 0

    def upserted(self, changed: dict[str, pl.DataFrame]) -> Tables:
        """Upsert what a step gave, and see that its contracts are kept."""
        new = {}
        for name, contract in CONTRACTS.items():
            if name in changed:
                checked = split(changed[name], contract)
                assert checked.rejected.is_empty(), checked.rejected["reason"].to_list()
                key = list(contract.primary_key())
                kept = getattr(self, name).join(checked.good, on=key, how="anti")
                new[name] = pl.concat([kept, checked.good]).sort(key)
        return replace(self, **new)

    def later(self, by: dt.timedelta) -> Tables:
        """The same, when time has gone by."""
        return replace(self, now=self.now + by)

    def loaded(self, orders: list[Order], *, batch_size: int = 2) -> Tables:
        """What is not in the schedule is staged."""
        scheduled = set(self.schedule["order_key"])
        return self.upserted(
            stage_orders(
                *frames([order for order in orders if order.key not in scheduled]),
                self.staging,
                self.sizes,
                self.batches,
                now=self.now,
                run_id=f"run-{self.runs}",
                batch_size=batch_size,
            )
        )

    def items(self, results: pl.DataFrame) -> Tables:
        """A pass over the items."""
        return self.upserted(item_results(self.staging, self.batches, results, now=self.now))

    def item_payloads(self) -> pl.DataFrame:
        """What that pass would write."""
        return item_payloads(self.staging, RULES, now=self.now)

    def subitems_(self, results: pl.DataFrame) -> Tables:
        """A pass over the subitems."""
        return self.upserted(
            subitem_results(self.staging, self.sizes, self.batches, results, now=self.now)
        )

    def subitem_payloads(self) -> pl.DataFrame:
        """What that pass would write."""
        return subitem_payloads(self.staging, self.sizes, now=self.now)

    def promoted(self) -> Tables:
        """What is synced gets into the schedule."""
        return self.upserted(
            promote_orders(self.staging, self.sizes, self.batches, self.subitems, now=self.now)
        )

    def kept(self) -> Tables:
        """What is too old goes."""
        kept = keep_orders(self.staging, self.sizes, self.batches, now=self.now)
        for name, frame in kept.items():
            assert split(frame, CONTRACTS[name]).rejected.is_empty()
        return replace(self, **{name: frame.sort(frame.columns[0]) for name, frame in kept.items()})


def results(payloads: pl.DataFrame, *outcomes: str) -> pl.DataFrame:
    """What a writer says of payloads: ``done``, ``skipped`` or a type of error for each."""
    rows = []
    for at, (key, outcome) in enumerate(zip(payloads["key"], outcomes, strict=True)):
        failed = outcome not in ("done", "skipped")
        rows.append(
            {
                "key": key,
                "item_id": 100 + at if outcome == "done" else None,
                "action": "created" if outcome == "done" else None,
                "status": "failed" if failed else outcome,
                "error_type": outcome if failed else None,
                "message": f"no: {outcome} " + "👕" * 1500 if failed else None,
                "attempts": 0 if outcome == "skipped" else 1,
            }
        )
    return pl.DataFrame(rows, schema=pl.Schema(BoardResults))


OUTCOMES = ["done", "done", "done", "skipped", "retryable", "rejected", "fatal"]
STEPS = ["load", "load", "items", "items", "subitems", "subitems", "promote", "retention", "wait"]
HOURS = [0.1, 1.0, 24 * 8.0, 24 * 31.0, 24 * 95.0]


@dataclass(frozen=True)
class Step:
    """A step of a history, with what it needs; it is played later, since that takes its time."""

    name: str
    source: list[Order] | None
    outcomes: list[str]
    hours: float
    batch_size: int
    same_run: bool


def histories(*, most: int = 6) -> st.SearchStrategy[list[Step]]:
    """Steps, done in any order with any outcome."""
    step = st.builds(
        Step,
        name=st.sampled_from(STEPS),
        source=st.one_of(st.none(), orders()),
        outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=4),
        hours=st.sampled_from(HOURS),
        batch_size=st.integers(1, 3),
        same_run=st.booleans(),
    )
    return st.tuples(orders(1), st.lists(step, max_size=most)).map(
        lambda drawn: [Step("load", drawn[0], ["done"], 0, 2, True), *drawn[1]]
    )


def told(payloads: pl.DataFrame, outcomes: list[str]) -> pl.DataFrame:
    """What a writer says of payloads, one outcome after the other, over and over."""
    return results(payloads, *itertools.islice(itertools.cycle(outcomes), payloads.height))


def played(history: list[Step]) -> Tables:
    """The tables as a history has left them."""
    made, source = Tables(), []
    for step in history:
        source = source if step.source is None else step.source
        made = after(step, made, source)
    return made


def after(step: Step, made: Tables, source: list[Order]) -> Tables:
    """Do one step."""
    if step.name == "load":
        made = made if step.same_run else replace(made, runs=made.runs + 1)
        return made.loaded(source, batch_size=step.batch_size)
    if step.name == "wait":
        return made.later(dt.timedelta(hours=step.hours))
    if step.name == "items":
        return made.items(told(made.item_payloads(), step.outcomes))
    if step.name == "subitems":
        return made.subitems_(told(made.subitem_payloads(), step.outcomes))
    return made.promoted() if step.name == "promote" else made.kept()
