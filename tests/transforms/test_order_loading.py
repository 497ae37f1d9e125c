"""New orders into staging, from the source to the tables: the same on every engine."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from etl.contracts.order_mapping import mapping_frame
from etl.contracts.order_staging import OrderBatches, OrderStaging, OrderStagingSizes
from etl.testing import Engine, assert_conserves, assert_engine_parity
from etl.transforms.order_loading import load_orders
from tests.parity import parity
from tests.transforms.order_frames import SIZES, customer_names, orders, schedule_of
from tests.transforms.test_map_orders import STRICT

if TYPE_CHECKING:
    import polars as pl

CONTRACTS = {"staging": OrderStaging, "sizes": OrderStagingSizes, "batches": OrderBatches}
TABLES = [contract.create_empty() for contract in CONTRACTS.values()]
NOW = dt.datetime(2026, 3, 10, 23, 30, tzinfo=dt.UTC)
ORDERED = [size for size in SIZES if size != "SMS"]


def loaded(orders: Any, schedule: Any, customers: Any, *tables: Any) -> dict[str, Any]:
    rules = mapping_frame(STRICT)
    named = dict(zip(CONTRACTS, tables, strict=True))
    how: dict[str, Any] = {"now": NOW, "run_id": "r", "batch_size": 2}
    return load_orders(orders, schedule, customers=customers, mapping=rules, **named, **how)


@parity(load_orders)
@settings(max_examples=3)
@given(orders=orders(), key=st.sampled_from(["so-2", "none"]))
def test_every_engine_gives_the_same(engine: Engine, orders: pl.DataFrame, key: str) -> None:
    given = (orders, schedule_of((key, "st-9", "navy")), customer_names(), *TABLES)
    assert_engine_parity(loaded, *given, engines=[engine], contract=CONTRACTS)


@given(orders=orders())
def test_a_quantity_is_staged_or_set_aside(orders: pl.DataFrame) -> None:
    # What is there twice to the value is one order.
    given = (orders.unique(), schedule_of(), customer_names(), *TABLES)
    assert_conserves(loaded, *given, columns=ORDERED, into=["order_qty", *ORDERED])
