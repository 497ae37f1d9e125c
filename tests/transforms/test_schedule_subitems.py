"""Properties of the schedule's subitems: each scan counts once, and what is written is then there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from etl.contracts.board_results import BoardResults
from etl.contracts.check import split
from etl.contracts.customers import CustomerNames
from etl.contracts.master_schedule import MasterSchedule, ScheduleSubitems
from etl.contracts.shipments import Packed, Shipped
from etl.errors import ContractError
from etl.testing import assert_engine_parity
from etl.transforms.schedule_subitems import quantity_payloads, schedule_subitems
from tests.parity import parity

if TYPE_CHECKING:
    from etl.testing import Engine

NAMES = {"northwind": "Northwind", "nw": "Northwind", "café lumière": "Café Lumière"}
CUSTOMERS = pl.DataFrame(
    [(key, name, "style") for key, name in NAMES.items()],
    schema=pl.Schema(CustomerNames),
    orient="row",
)
SUBITEMS = {
    "parent_item_id": pl.Int64, "item_id": pl.Int64, "item_name": pl.String, "size_key": pl.String,
    "size": pl.String, "order_qty": pl.Float64, "packed_qty": pl.Float64, "shipped_qty": pl.Float64,
}  # fmt: skip
POS = [None, "A-1", "B-2"]
ORDERS = st.lists(
    st.tuples(st.sampled_from(["Northwind", "Café Lumière"]), st.sampled_from(POS), st.sampled_from(POS), st.sampled_from(["LS1", "LS2"])),
    max_size=4,
)  # fmt: skip
# Of an order, by its number; 9 is not in the schedule.
SUBITEM = st.tuples(
    st.sampled_from([0, 1, 2, 9]), st.sampled_from(["S", "M"]), st.sampled_from([None, 0.0, 3.0, 4.0]), st.sampled_from([None, 2.0])
)  # fmt: skip
SCAN = st.tuples(
    st.sampled_from(["NW", " northwind", "Café Lumière", "nobody", None]), st.sampled_from([*POS, "a-1 ", "nan"]),
    st.sampled_from(POS), st.sampled_from(["LS1", "ls2", None]), st.sampled_from(["S", "m", "SMS", None]), st.sampled_from([1, 2, 3, None]),
)  # fmt: skip
SCANS = st.lists(SCAN, max_size=6)


def schedule_of(orders: list[tuple[str, str | None, str | None, str]]) -> pl.DataFrame:
    rows = [
        {
            "order_key": f"so-{at}", "order_number": f"SO-{at}", "customer": customer, "po_number": po,
            "alt_po": alt, "style": style, "color": "Navy", "total_qty": 9, "item_name": style,
            "board_item_id": 100 + at,
        }
        for at, (customer, po, alt, style) in enumerate(orders)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=pl.Schema(MasterSchedule))


def subitems_of(drawn: list[tuple[int, str, float | None, float | None]]) -> pl.DataFrame:
    rows = [
        (100 + order, 1000 + at, size, f"so-{order}|{size}", size, 9.0, packed, shipped)
        for at, (order, size, packed, shipped) in enumerate(drawn)
    ]
    return pl.DataFrame(rows, schema=SUBITEMS, orient="row")


def scans_of(drawn: list[Any], contract: Any) -> pl.DataFrame:
    names = ("customer", "po_number", "alt_po", "style", "size", "quantity")
    rows = [
        {**dict(zip(names, scan, strict=True)), "color": "NAVY", contract.primary_key()[0]: at + 1}
        for at, scan in enumerate(drawn)
    ]
    return pl.DataFrame(rows, schema=pl.Schema(contract))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[pl.DataFrame, ...]:
    """Subitems, schedule, packed, shipped."""
    unique = st.lists(SUBITEM, max_size=5, unique_by=lambda drawn: drawn[:2])
    return (
        subitems_of(draw(unique)),
        schedule_of(draw(ORDERS)),
        scans_of(draw(SCANS), Packed),
        scans_of(draw(SCANS), Shipped),
    )


def model(world: tuple[pl.DataFrame, ...]) -> dict[str, tuple[int, int]]:
    """What was packed and shipped of each size, one scan at a time."""
    subitems, schedule, *scans = world
    orders = {row["board_item_id"]: row for row in schedule.iter_rows(named=True)}
    lines = [
        (row["size_key"], row["size"], orders[row["parent_item_id"]])
        for row in subitems.sort("size_key").iter_rows(named=True)
        if row["parent_item_id"] in orders
    ]
    sums = {key: [0, 0] for key, _, _ in lines}
    for at, frame in enumerate(scans):
        for scan in frame.iter_rows(named=True):
            key = first(scan, lines)
            if key is not None:
                sums[key][at] += scan["quantity"] or 0
    return {key: (packed, shipped) for key, (packed, shipped) in sums.items()}


def first(scan: dict[str, Any], lines: list[Any]) -> str | None:
    """The first size that says the same as a scan; a PO before an alternative PO, before each other's."""
    po, alt = (told(scan[name]) for name in ("po_number", "alt_po"))
    customer = NAMES.get((scan["customer"] or "").strip().lower())
    for ours, theirs in ((po, "po_number"), (alt, "alt_po"), (po, "alt_po"), (alt, "po_number")):
        for key, size, order in lines:
            same = (customer, told(scan["style"]), told(scan["size"]), ours)
            if None not in same and same == (
                order["customer"],
                order["style"],
                size,
                order[theirs],
            ):
                return str(key)
    return None


def told(text: str | None) -> str | None:
    text = (text or "").strip().upper()
    return None if text in ("", "NAN") else text


def results_of(payloads: pl.DataFrame, *, done: bool = True) -> pl.DataFrame:
    rows = [
        {
            "key": key,
            "item_id": 1 if done else None,
            "action": "updated" if done else None,
            "status": "done" if done else "failed",
            "error_type": None if done else "rejected",
            "message": None if done else "no",
            "attempts": 1,
        }
        for key in payloads["key"]
    ]
    return pl.DataFrame(rows, schema=pl.Schema(BoardResults))


@settings(max_examples=15)
@given(world=worlds())
def test_each_scan_counts_once_and_only_differences_are_written(
    world: tuple[pl.DataFrame, ...],
) -> None:
    expected = model(world)
    payloads = quantity_payloads(*world, CUSTOMERS)
    written = {
        key: (packed, shipped)
        for key, packed, shipped in payloads.select("key", "packed_qty", "shipped_qty").rows()
    }
    on_board = {
        row["size_key"]: (row["packed_qty"] or 0, row["shipped_qty"] or 0)
        for row in world[0].iter_rows(named=True)
    }
    assert written == {key: sums for key, sums in expected.items() if sums != on_board[key]}
    rows = schedule_subitems(*world, CUSTOMERS, results_of(payloads))
    checked = split(rows, ScheduleSubitems)
    assert checked.rejected.is_empty()
    kept = checked.good.select("size_key", "packed_qty", "shipped_qty").rows()
    assert {key: (packed or 0, shipped or 0) for key, packed, shipped in kept} == expected
    # Refused, the table says what the board says.
    refused = schedule_subitems(*world, CUSTOMERS, results_of(payloads, done=False))
    kept = split(refused, ScheduleSubitems).good.select("size_key", "packed_qty").rows()
    assert {key: packed or 0 for key, packed in kept} == {key: on_board[key][0] for key in expected}


@settings(max_examples=15)
@given(world=worlds(), seed=st.integers(0, 99))
def test_written_once_there_is_nothing_left_to_write_in_any_order(
    world: tuple[pl.DataFrame, ...], seed: int
) -> None:
    payloads = quantity_payloads(*world, CUSTOMERS)
    mixed = [frame.sample(fraction=1, shuffle=True, seed=seed) for frame in world]
    assert_frame_equal(quantity_payloads(*mixed, CUSTOMERS), payloads)
    new = payloads.select("key", packed="packed_qty", shipped="shipped_qty")
    board = world[0].join(new, left_on="size_key", right_on="key", how="left")
    board = board.with_columns(
        pl.coalesce(pl.col(name).cast(pl.Float64), f"{name}_qty").alias(f"{name}_qty")
        for name in ("packed", "shipped")
    )
    assert quantity_payloads(board.select(*SUBITEMS), *world[1:], CUSTOMERS).is_empty()


@parity(quantity_payloads, schedule_subitems)
@settings(max_examples=2)
@given(world=worlds())
def test_every_engine_gives_the_same_values_and_types(
    engine: Engine, world: tuple[pl.DataFrame, ...]
) -> None:
    payloads = quantity_payloads(*world, CUSTOMERS)
    assert_engine_parity(quantity_payloads, *world, CUSTOMERS, engines=[engine])
    given = (*world, CUSTOMERS, results_of(payloads))
    assert_engine_parity(schedule_subitems, *given, engines=[engine], contract=ScheduleSubitems)


def test_a_subitem_made_by_hand_gets_a_key_and_is_not_renamed() -> None:
    schedule = schedule_of([("Northwind", "A-1", None, "LS1")])
    made = pl.DataFrame([(100, 1, "M", None, None, 4.0, None, None)], schema=SUBITEMS, orient="row")
    packed = scans_of([("nw", "A-1", None, "LS1", "M", 3)], Packed)
    payloads = quantity_payloads(made, schedule, packed, Shipped.create_empty(), CUSTOMERS)
    assert payloads.rows() == [("so-0|M", "M", 1, 100, 3, 0)]


def test_a_size_that_is_there_twice_is_left_alone_and_set_aside() -> None:
    schedule = schedule_of([("Northwind", "A-1", None, "LS1")])
    twice = subitems_of([(0, "M", None, None), (0, "M", None, None)])
    packed = scans_of([("nw", "A-1", None, "LS1", "M", 3)], Packed)
    world = (twice, schedule, packed, Shipped.create_empty(), CUSTOMERS)
    assert quantity_payloads(*world).is_empty()
    assert split(schedule_subitems(*world, BoardResults.create_empty()), ScheduleSubitems).rejected.height == 2  # fmt: skip


def test_more_that_came_back_than_was_packed_is_not_written() -> None:
    schedule = schedule_of([("Northwind", "A-1", None, "LS1")])
    packed = scans_of([("nw", "A-1", None, "LS1", "M", -3)], Packed)
    world = (subitems_of([(0, "M", None, None)]), schedule, packed, Shipped.create_empty())
    assert quantity_payloads(*world, CUSTOMERS).is_empty()


def test_what_is_wrong_with_the_input_is_said() -> None:
    world = (subitems_of([]), schedule_of([]), Packed.create_empty(), Shipped.create_empty())
    with pytest.raises(ContractError, match="subitems: the frame has no column item_name"):
        quantity_payloads(world[0].drop("item_name"), *world[1:], CUSTOMERS)
    with pytest.raises(ContractError, match="results: the frame has no column status"):
        schedule_subitems(*world, CUSTOMERS, BoardResults.create_empty().drop("status"))
