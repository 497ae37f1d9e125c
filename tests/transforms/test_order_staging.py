"""Properties of order staging's transforms, over tables that any sequence of steps has left."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from etl.contracts.board_results import BoardResults
from etl.errors import ContractError
from etl.testing import ENGINES, assert_engine_parity, hand_over
from etl.transforms._staging import MAX_ATTEMPTS
from etl.transforms.order_board import (
    item_payloads,
    item_results,
    subitem_payloads,
    subitem_results,
)
from etl.transforms.order_promotion import failed_orders, keep_orders, promote_orders
from etl.transforms.order_staging import stage_orders
from tests.parity import parity
from tests.transforms.staged import (
    CONTRACTS,
    OUTCOMES,
    RULES,
    START,
    Order,
    Step,
    Tables,
    frames,
    histories,
    orders,
    played,
    results,
    told,
)

if TYPE_CHECKING:
    from etl.testing import Engine

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
# An example is a whole history of the tables, some hundred queries.
few = settings(max_examples=6)


def status(made: Tables) -> dict[str, str]:
    return dict(made.staging.select("order_key", "status").rows())


def run_through(made: Tables) -> Tables:
    """Every step until nothing is left to do, all well."""
    for _ in range(50):
        payloads = made.item_payloads()
        if payloads.is_empty():
            break
        made = made.items(results(payloads, *["done"] * payloads.height))
    for _ in range(50):
        payloads = made.subitem_payloads()
        if payloads.is_empty():
            return made.promoted()
        made = made.subitems_(results(payloads, *["done"] * payloads.height))
    raise AssertionError("there is always something left to do")


@few
@given(history=histories(), source=orders(), size=st.integers(1, 3), seed=st.integers(0, 99))
def test_every_order_is_staged_once_in_a_batch_of_its_customer(
    history: list[Step], source: list[Order], size: int, seed: int
) -> None:
    made = played(history)
    options: dict[str, Any] = {"now": made.now, "run_id": "new", "batch_size": size}
    held = (*frames(source), made.staging, made.sizes, made.batches)
    staged = stage_orders(*held, **options)
    after = made.upserted(staged)
    keys = {order.key for order in source}
    assert keys | set(made.staging["order_key"]) == set(after.staging["order_key"])
    new = staged["staging"]
    assert new.filter(pl.col("status") != "PENDING").is_empty()
    lots = new.group_by("batch_id").agg(pl.col("customer").n_unique(), pl.len())
    assert lots.filter((pl.col("customer") > 1) | (pl.col("len") > size)).is_empty()
    # What got through stays as it is.
    stays = made.staging.filter(pl.col("status") == "SYNCED")["order_key"]
    assert not set(stays) & set(new["order_key"])
    # The order of rows does not matter, and the inputs are as they were.
    mixed = [frame.sample(fraction=1, shuffle=True, seed=seed) for frame in held]
    for name, frame in stage_orders(*mixed, **options).items():
        assert_frame_equal(frame, staged[name], check_row_order=False)
    # To stage the same again changes nothing, later neither.
    fresh = [order for order in source if order.key not in set(made.schedule["order_key"])]
    once = made.loaded(fresh)
    again = once.later(HOUR).loaded(fresh)
    assert_frame_equal(again.staging, once.staging)
    assert_frame_equal(again.sizes, once.sizes)
    assert_frame_equal(again.batches, once.batches)


@few
@given(source=orders(1))
def test_quantities_are_conserved_from_the_source_to_the_schedule(source: list[Order]) -> None:
    made = run_through(Tables().loaded(source))
    quantities = {order.key: order.quantity for order in source}
    assert dict(made.schedule.select("order_key", "total_qty").rows()) == quantities
    sums = made.subitems.group_by("order_key").agg(pl.col("order_qty").sum())
    assert dict(sums.rows()) == {key: total for key, total in quantities.items() if total}
    assert made.subitems.filter(pl.col("order_qty") == 0).is_empty()
    assert set(status(made).values()) == {"PROMOTED"}
    assert set(made.batches["status"]) == {"DONE"}


@settings(max_examples=10)
@given(history=histories(most=9), outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=1))
def test_what_holds_after_any_history(history: list[Step], outcomes: list[str]) -> None:
    made = played(history)
    check_what_is_due(made)
    check_counts(made)
    # Only what has results changes.
    payloads = made.item_payloads()
    results = told(payloads, outcomes)
    changed = item_results(made.staging, made.batches, results, now=made.now)
    known = results.filter(pl.col("status") != "skipped")["key"]
    assert set(changed["staging"]["order_key"]) == set(known)
    # What is promoted is promoted once.
    once = made.promoted()
    again = promote_orders(once.staging, once.sizes, once.batches, once.subitems, now=once.now)
    assert [again[name].height for name in ("staging", "schedule", "subitems")] == [0, 0, 0]
    # Nothing is too old that is not done.
    kept = made.later(365 * DAY).kept()
    unfinished = made.staging.filter(pl.col("status").is_in(["PENDING", "SYNCED"]))
    assert_frame_equal(kept.staging, unfinished)
    assert set(kept.sizes["order_key"]) <= set(kept.staging["order_key"])
    assert set(kept.staging["batch_id"]) <= set(kept.batches["batch_id"])


def check_what_is_due(made: Tables) -> None:
    """It is of one batch, never a row that waits, and no subitem before its item."""
    payloads = made.item_payloads()
    rows = made.staging.filter(pl.col("order_key").is_in(payloads["key"].to_list()))
    assert rows["batch_id"].n_unique() <= 1
    waits = (pl.col("status") == "FAILED") & (
        pl.col("next_attempt_at").is_null() | (pl.col("next_attempt_at") > made.now)
    )
    assert rows.filter(waits | pl.col("status").is_in(["SYNCED", "PROMOTED"])).is_empty()
    keys = made.subitem_payloads()["key"].to_list()
    sizes = made.sizes.filter(pl.col("size_key").is_in(keys))
    tried = pl.col("status").is_in(["PENDING", "FAILED"])
    assert sizes.filter(waits | ~tried).is_empty()
    itemless = made.staging.filter(pl.col("item_synced_at").is_null())["order_key"]
    assert not set(sizes["order_key"]) & set(itemless)


def check_counts(made: Tables) -> None:
    """Batches count what is staged, and what was."""
    for name, state in {"pending": "PENDING", "synced": "SYNCED", "failed": "FAILED"}.items():
        rows = made.staging.filter(pl.col("status") == state)
        counts = dict(rows.group_by("batch_id").len().rows())
        told = dict(made.batches.select("batch_id", name).rows())
        assert {batch: count for batch, count in told.items() if count} == counts
    promoted = made.staging.filter(pl.col("status") == "PROMOTED").group_by("batch_id").len()
    for batch, count in promoted.rows():
        assert made.batches.filter(pl.col("batch_id") == batch)["promoted"].item() >= count


@pytest.mark.parametrize("name", ["pandas-numpy", "pyarrow", "duckdb"])
@settings(max_examples=2)
@given(
    history=histories(most=4),
    source=orders(),
    outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=1),
)
def test_every_engine_gives_the_same_on_any_history(
    name: str, history: list[Step], source: list[Order], outcomes: list[str]
) -> None:
    """On the engines that differ most; all of them are below."""
    compare(ENGINES[name], played(history), source, outcomes)


@parity(
    stage_orders, item_payloads, item_results, subitem_payloads, subitem_results, promote_orders,
    failed_orders, keep_orders,
)  # fmt: skip
def test_every_engine_gives_the_same_values_and_types(engine: Engine) -> None:
    """One history with every state in it, on every engine: Spark takes its time for each."""
    source = [
        Order("1|a|red", sizes={"S": 1, "M": 2}),
        Order("2|a|red", po=None),
        Order("2|b|blau", sizes={}),
        Order("3|棉|👕", received=dt.date(2026, 1, 5), sizes={"M": 3, "32DD": 1}),
        Order("4|ß|x", customer="東京衣料"),
    ]
    made = Tables().loaded(source, batch_size=9)
    made = made.items(results(made.item_payloads(), "done", "retryable", "done", "done"))
    made = made.subitems_(results(made.subitem_payloads(), "done", "rejected", "done"))
    made = made.promoted().later(8 * DAY)
    assert set(made.staging["status"]) == {"PENDING", "FAILED", "PROMOTED"}
    source[0] = Order("1|a|red", sizes={"S": 1, "L": 2})
    more = [*source, Order("5|c|x", sizes={"ONE SIZE": 1})]
    compare(engine, made, more, ["done", "rejected"])


def compare(engine: Engine, made: Tables, source: list[Order], outcomes: list[str]) -> None:
    """Every transform, on an engine's frames and on polars'."""
    new, sizes = frames(source)
    of_items, of_sizes = (
        told(each, outcomes) for each in (made.item_payloads(), made.subitem_payloads())
    )
    staging, staged, batches = made.staging, made.sizes, made.batches
    how: dict[str, Any] = {"engines": [engine], "now": made.now}
    tables: dict[str, Any] = {"contract": CONTRACTS, **how}

    def payloads(staging: Any, now: dt.datetime) -> Any:
        return item_payloads(staging, RULES, now=now)

    assert_engine_parity(payloads, staging, in_order=True, **how)
    assert_engine_parity(subitem_payloads, staging, staged, in_order=True, **how)
    assert_engine_parity(failed_orders, staging, engines=[engine], in_order=True)
    load = {"run_id": "r", "batch_size": 2}
    assert_engine_parity(stage_orders, new, sizes, staging, staged, batches, **load, **tables)
    assert_engine_parity(item_results, staging, batches, of_items, **tables)
    assert_engine_parity(subitem_results, staging, staged, batches, of_sizes, **tables)
    assert_engine_parity(promote_orders, staging, staged, batches, made.subitems, **tables)
    assert_engine_parity(keep_orders, staging, staged, batches, **tables)


def test_an_empty_laptop(engine: Engine) -> None:
    nothing = Tables()
    given = hand_over(engine, *frames([]), nothing.staging, nothing.sizes, nothing.batches)
    staged = stage_orders(*given, now=START, run_id="r", batch_size=500)
    assert [engine.read(frame).height for frame in staged.values()] == [0, 0, 0, 0]


def test_an_order_goes_through_its_states() -> None:
    made = Tables().loaded([Order("1|a|red", sizes={"S": 1, "M": 2, "L": 0, "XL": None})])
    assert made.staging.select("status", "size_count").row(0) == ("PENDING", 2)
    made = made.items(results(made.item_payloads(), "done"))
    assert made.staging.select("status", "board_item_id").row(0) == ("PENDING", 100)
    payloads = made.subitem_payloads()
    assert payloads.rows() == [
        ("1|a|red|M", "M", None, 100, "M", 2),
        ("1|a|red|S", "S", None, 100, "S", 1),
    ]
    half = made.subitems_(results(payloads, "done", "skipped"))
    assert status(half) == {"1|a|red": "PENDING"}
    made = made.subitems_(results(payloads, "done", "done"))
    assert status(made) == {"1|a|red": "SYNCED"}
    made = made.promoted()
    assert made.schedule.select("order_key", "board_item_id").row(0) == ("1|a|red", 100)
    assert made.subitems.select("size", "board_item_id", "board_subitem_id").rows() == [
        ("M", 100, 100),
        ("S", 100, 101),
    ]
    assert made.later(6.9 * DAY).kept().staging.height == 1
    gone = made.later(7.1 * DAY).kept()
    assert (gone.staging.height, gone.sizes.height) == (0, 0)
    assert gone.batches.select("orders", "promoted", "dropped", "status").row(0) == (
        1,
        1,
        0,
        "DONE",
    )
    assert gone.later(90 * DAY).kept().batches.is_empty()


def test_the_newest_are_first_and_those_without_a_date_last() -> None:
    days = {"1|a|red": None, "2|a|red": dt.date(2026, 1, 1), "2|b|blau": dt.date(2026, 2, 1)}
    made = Tables().loaded([Order(key, received=day) for key, day in days.items()], batch_size=2)
    batches = dict(made.staging.select("order_key", "batch_id").rows())
    assert {key: batch[-4:] for key, batch in batches.items()} == {
        "2|b|blau": "0000",
        "2|a|red": "0000",
        "1|a|red": "0001",
    }
    assert made.item_payloads()["key"].to_list() == ["2|b|blau", "2|a|red"]


def test_a_retryable_error_waits_longer_each_time_and_then_for_somebody() -> None:
    made = Tables().loaded([Order("1|a|red")])
    waits = []
    while True:
        payloads = made.item_payloads()
        if payloads.is_empty():
            break
        made = made.items(results(payloads, "retryable"))
        assert made.item_payloads().is_empty()
        due = made.staging["next_attempt_at"].item()
        if due is not None:
            waits.append((due - made.now).total_seconds() / 60)
            assert made.later(due - made.now - HOUR / 3600).item_payloads().is_empty()
            made = made.later(due - made.now)
    assert waits == [5 * 2**power for power in range(MAX_ATTEMPTS - 1)]
    assert made.staging.select("status", "error_type", "attempts").row(0) == (
        "FAILED",
        "retryable",
        MAX_ATTEMPTS,
    )
    assert made.batches["status"].item() == "FAILED"


def test_a_fatal_error_says_nothing_about_the_row() -> None:
    made = Tables().loaded([Order("1|a|red")])
    made = made.items(results(made.item_payloads(), "fatal"))
    row = made.staging.select("status", "error_type", "attempts", "next_attempt_at").row(0)
    assert row == ("FAILED", "fatal", 0, made.now)
    assert made.item_payloads().height == 1


def test_a_rejected_order_waits_for_its_correction() -> None:
    order = Order("1|a|red")
    made = Tables().loaded([order])
    made = made.items(results(made.item_payloads(), "rejected")).later(365 * DAY)
    assert made.loaded([order]).item_payloads().is_empty()
    corrected = made.loaded([Order("1|a|red", po="PO-9")], batch_size=1)
    assert corrected.item_payloads()["po_number"].to_list() == ["PO-9"]
    # The same batch's id, for the same run: it counts the order anew.
    counts = corrected.batches.select("orders", "pending", "dropped").row(0)
    assert counts == (2, 1, 1)


def test_a_rejected_size_fails_its_order_and_the_others_are_written() -> None:
    made = Tables().loaded([Order("1|a|red", sizes={"S": 1, "M": 2})])
    made = made.items(results(made.item_payloads(), "done"))
    made = made.subitems_(results(made.subitem_payloads(), "done", "rejected"))
    row = made.staging.select("status", "error_type", "next_attempt_at").row(0)
    assert row == ("FAILED", "rejected", None)
    assert made.staging["message"].item().startswith("size S: no: rejected")
    assert made.promoted().schedule.is_empty()
    # The source says 32 where it said S: what was refused is on no board, and is dropped.
    made = made.loaded([Order("1|a|red", sizes={"32": 1, "M": 2})])
    made = run_through(made)
    assert made.subitems.select("size", "order_qty").sort("size").rows() == [("32", 1), ("M", 2)]


def test_a_size_that_is_gone_after_it_was_written_gets_a_quantity_of_0() -> None:
    made = Tables().loaded([Order("1|a|red", sizes={"S": 1, "M": 2})])
    made = made.items(results(made.item_payloads(), "done"))
    made = made.subitems_(results(made.subitem_payloads(), "done", "retryable"))
    made = made.loaded([Order("1|a|red", sizes={"L": 3})])
    made = made.items(results(made.item_payloads(), "done"))
    # M is there; of S nobody knows, so it is looked for.
    assert made.subitem_payloads().select("size", "order_qty").rows() == [
        ("L", 3),
        ("M", 0),
        ("S", 0),
    ]
    made = run_through(made)
    assert made.schedule["total_qty"].item() == made.subitems["order_qty"].sum() == 3


def test_an_order_that_is_gone_at_the_source_is_not_lost() -> None:
    made = Tables().loaded([Order("1|a|red")]).loaded([])
    assert run_through(made).schedule["order_key"].to_list() == ["1|a|red"]


def test_an_order_taken_out_of_the_schedule_is_new_again() -> None:
    made = run_through(Tables().loaded([Order("1|a|red")]))
    made = Tables(made.staging, made.sizes, made.batches, now=made.now, runs=1)
    assert status(made.loaded([Order("1|a|red")])) == {"1|a|red": "PENDING"}


def test_a_size_without_room_rejects_its_order() -> None:
    wide = Order("1|a|red", sizes={"👕" * 26: 1, "M": 2})
    staged = stage_orders(
        *frames([wide, Order("2|a|red", sizes={"👕" * 25: 1})]),
        *(CONTRACTS[name].create_empty() for name in ("staging", "sizes", "batches")),
        now=START,
        run_id="r",
        batch_size=5,
    )
    assert staged["rejected"]["order_key"].to_list() == ["1|a|red"]
    assert "is too long" in staged["rejected"]["reason"].item()
    assert set(staged["sizes"]["order_key"]) == {"2|a|red"}
    assert staged["batches"]["orders"].item() == 1


def test_quantities_that_are_known_stay_when_an_order_is_promoted_again() -> None:
    made = run_through(Tables().loaded([Order("1|a|red")]))
    packed = made.subitems.with_columns(packed_qty=pl.lit(2, dtype=pl.Int64))
    again = Tables(made.staging, made.sizes, made.batches, subitems=packed, now=made.now, runs=1)
    again = run_through(again.loaded([Order("1|a|red")]))
    assert again.subitems["packed_qty"].item() == 2


def test_what_is_wrong_with_the_input_is_said() -> None:
    nothing = [CONTRACTS[name].create_empty() for name in ("staging", "sizes", "batches")]
    new, sizes = frames([])
    load: dict[str, Any] = {"run_id": "r", "batch_size": 2}
    with pytest.raises(ContractError, match="stage_orders: now has no time zone"):
        stage_orders(new, sizes, *nothing, now=START.replace(tzinfo=None), **load)
    with pytest.raises(ContractError, match="at least 1 order, not 0"):
        stage_orders(new, sizes, *nothing, now=START, run_id="r", batch_size=0)
    with pytest.raises(ContractError, match="orders: the frame has no column item_name"):
        stage_orders(new.drop("item_name"), sizes, *nothing, now=START, **load)
    with pytest.raises(ContractError, match="results: the frame has no column status"):
        item_results(nothing[0], nothing[2], BoardResults.create_empty().drop("status"), now=START)
