"""Properties of the search for new orders, against a model in plain Python."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from etl.contracts.keys import code_key, name_key
from etl.errors import ContractError
from etl.testing import ENGINES, Engine, assert_engine_parity, hand_over
from etl.transforms.new_orders import new_orders
from etl.transforms.order_keys import ORDER_PARTS
from tests.parity import parity
from tests.transforms.order_frames import (
    CUSTOMERS,
    customer_names,
    one_order,
    orders,
    orders_of,
    schedule_of,
)

NULLS = {"", "none", "nan", "null", "nat"}
PARTS = st.tuples(
    st.sampled_from(["SO-1", " so-2", "strasse", "İ"]),
    st.sampled_from(["st-9", "B|C", None]),
    st.sampled_from(["navy", "C", "none"]),
)
SCHEDULES = st.lists(PARTS, max_size=3).map(lambda keys: schedule_of(*keys))


def key_of(row: dict[str, Any], parts: tuple[str, ...] = ORDER_PARTS) -> tuple[str, ...] | None:
    keys = [None if row[part] is None else code_key(row[part]) for part in parts]
    return None if any(key is None or key in NULLS for key in keys) else tuple(map(str, keys))


def model(orders: pl.DataFrame, schedule: pl.DataFrame) -> tuple[Counter[Any], Counter[Any]]:
    """Say which rows are new and which are set aside, one row at a time."""
    names = ("order_number", "style", "color")
    there = {key_of(row, names) for row in schedule.iter_rows(named=True)}
    rows: dict[Any, set[tuple[Any, ...]]] = {}
    aside: Counter[Any] = Counter()
    for row in orders.iter_rows(named=True):
        key = key_of(row)
        if key is None:
            aside[tuple(row.values())] += 1
        elif key not in there:
            rows.setdefault(key, set()).add(tuple(row.values()))
    new = Counter(row for same in rows.values() if len(same) == 1 for row in same)
    return new, aside + Counter(row for same in rows.values() if len(same) > 1 for row in same)


def counted(frame: pl.DataFrame) -> Counter[Any]:
    return Counter(frame.drop("reason", strict=False).rows())


@given(orders=orders(), schedule=SCHEDULES)
def test_new_rows_and_rows_set_aside_are_what_the_model_says(
    orders: pl.DataFrame, schedule: pl.DataFrame
) -> None:
    found = new_orders(orders, schedule)
    assert (counted(found["new"]), counted(found["rejected"])) == model(orders, schedule)
    assert found["new"].columns == orders.columns
    assert found["rejected"].columns == ["reason", *orders.columns]


@parity(new_orders)
@settings(max_examples=6)
@given(orders=orders(), schedule=SCHEDULES)
def test_every_engine_gives_the_same(
    engine: Engine, orders: pl.DataFrame, schedule: pl.DataFrame
) -> None:
    assert_engine_parity(new_orders, orders, schedule, engines=[engine])
    if not engine.slow:
        new = engine.read(new_orders(*hand_over(engine, orders, schedule))["new"])
        expected = new_orders(orders, schedule)["new"]
        assert_frame_equal(new.cast(expected.schema), expected, check_exact=True)


@given(orders=orders(), schedule=SCHEDULES, at=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    orders: pl.DataFrame, schedule: pl.DataFrame, at: Any
) -> None:
    places = list(range(orders.height))
    at.shuffle(places)
    found, shuffled = new_orders(orders, schedule), new_orders(orders[places], schedule)
    assert_frame_equal(found["new"], shuffled["new"])
    assert counted(found["rejected"]) == counted(shuffled["rejected"])


@given(orders=orders())
def test_what_was_new_is_not_new_once_it_is_scheduled(orders: pl.DataFrame) -> None:
    new = new_orders(orders, schedule_of())["new"]
    schedule = schedule_of(*new.select(*ORDER_PARTS).rows())
    again = new_orders(orders, schedule)
    assert again["new"].height == 0
    # Nor do new orders change when they are looked at alone.
    assert_frame_equal(new_orders(new, schedule_of())["new"], new)


@given(orders=orders())
def test_the_newest_received_comes_first_and_nulls_last(orders: pl.DataFrame) -> None:
    dates = new_orders(orders, schedule_of())["new"]["RECEIVED DATE"].to_list()
    known = [day for day in dates if day is not None]
    assert dates == sorted(known, reverse=True) + [None] * (len(dates) - len(known))


@given(orders=orders())
def test_rows_set_aside_say_why(orders: pl.DataFrame) -> None:
    for row in new_orders(orders, schedule_of())["rejected"].iter_rows(named=True):
        missing = [
            part for part in ORDER_PARTS if row[part] is None or code_key(row[part]) in NULLS
        ]
        if missing:
            assert row["reason"] == "; ".join(f"{part}: missing" for part in missing)
        else:
            assert row["reason"].startswith("duplicate key: another row has the same ORDER NUMBER")


@settings(max_examples=4)
@given(orders=orders(), customer=st.sampled_from(list(CUSTOMERS)))
def test_orders_of_one_customer_are_those_by_any_of_its_names(
    engine: Engine, orders: pl.DataFrame, customer: str
) -> None:
    names = {name_key(name) for name in (customer, *CUSTOMERS[customer])}
    theirs = orders.filter(
        [name is not None and name_key(name) in names for name in orders["CUSTOMER NAME"]]
    )
    natives = hand_over(engine, orders, schedule_of(), customer_names())
    written = f" {customer.upper()}"
    found = new_orders(*natives, customer=written)
    assert counted(engine.read(found["new"]).cast(dict(orders.schema))) == counted(
        new_orders(theirs, schedule_of())["new"]
    )


def test_one_order_in_several_ways_of_writing_it(engine: Engine) -> None:
    scheduled = schedule_of(("so-1", "straße", "İ"))
    written = [
        one_order(order_number="SO-1\u3000", style="STRASSE", color="i\u0307"),  # the same
        one_order(order_number="SO-1", style="STRASSE", color="i"),
        one_order(order_number="ＳＯ-1", style="STRASSE", color="İ"),  # codes have no NFKC
    ]
    found = new_orders(*hand_over(engine, orders_of(*written), scheduled))
    new = engine.read(found["new"])
    assert new.select("ORDER NUMBER", "COLOR").rows() == [("SO-1", "i"), ("ＳＯ-1", "İ")]


def test_rows_of_one_key_collapse_only_when_they_are_the_same() -> None:
    same = [one_order(total_qty=5)] * 3
    assert new_orders(orders_of(*same), schedule_of())["new"].height == 1
    other = new_orders(orders_of(*same, one_order(total_qty=6)), schedule_of())
    assert (other["new"].height, other["rejected"].height) == (0, 2)
    # A different way to write the key is a difference: which of them is right is not known here.
    cased = new_orders(orders_of(*same, one_order(total_qty=5, color="NAVY")), schedule_of())
    assert (cased["new"].height, cased["rejected"].height) == (0, 2)


def test_no_orders_and_no_schedule_are_fine(engine: Engine) -> None:
    found = new_orders(*hand_over(engine, orders_of(), schedule_of()))
    assert {name: engine.read(frame).height for name, frame in found.items()} == {
        "new": 0,
        "rejected": 0,
    }


def test_a_customer_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(
        ContractError, match=r"no customer 'Northwind Outfiters'.*did you mean 'Nor"
    ):
        new_orders(orders_of(), schedule_of(), customer_names(), "Northwind Outfiters")
    some = orders_of(one_order(), one_order(order_number="SO-2", customer_name="Else"))
    # Without customers there are no aliases: the name as it is.
    assert new_orders(some, schedule_of(), customer="ELSE ")["new"].height == 1


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ContractError, match="new_orders, orders: the frame has no column STYLE"):
        new_orders(orders_of().drop("STYLE"), schedule_of())
    with pytest.raises(ContractError, match=r"new_orders, schedule: .* no column order_number"):
        new_orders(orders_of(), pl.DataFrame({"style": ["x"], "color": ["x"]}))
    lazy = new_orders(orders_of(one_order()).lazy(), ENGINES["polars-lazy"].make(schedule_of()))
    assert isinstance(lazy["new"], pl.LazyFrame)
