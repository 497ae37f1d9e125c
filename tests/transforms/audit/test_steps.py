"""The audit's steps by themselves: the rules as examples, and the same on every engine."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from etl.contracts.audit import NO_CUSTOMER
from etl.contracts.shipments import Packed
from etl.errors import ContractError
from etl.testing import ENGINES, Engine, assert_engine_parity, hand_over
from etl.transforms.audit import _blocks as blocks
from etl.transforms.audit import (
    audit_results,
    audit_rows,
    combine,
    match_cross_field,
    match_exact,
    match_fuzzy,
    standardise,
    summarise,
    uncounted,
    unpivot,
)
from tests.transforms.audit.frames import CUSTOMERS, inputs, orders_of, scans_of

if TYPE_CHECKING:
    import numpy as np

SCAN = {
    "customer": "Northwind",
    "po_number": "A-7001",
    "style": "LS1",
    "color": "Navy",
    "size": "M",
}
ORDER = {"CUSTOMER NAME": "NW", "PO NUMBER": "A-7001", "STYLE": "LS1", "COLOR": "Navy", " m": 10}


def audited(scans: list[dict[str, Any]], orders: list[dict[str, Any]]) -> pl.DataFrame:
    """The results of shipments with a quantity of 10 unless told, against orders of M."""
    shipped = scans_of([{**SCAN, "quantity": 10, **scan} for scan in scans])
    rows = orders_of(
        [{"ORDER NUMBER": f"SO-{at}", **ORDER, **row} for at, row in enumerate(orders)]
    )
    return audit_results(Packed.create_empty(), shipped, rows, CUSTOMERS)


def one(scan: dict[str, Any], *orders: dict[str, Any]) -> dict[str, Any]:
    """The row of one shipment."""
    [row] = audited([scan], list(orders)).filter(pl.col("match_type") != "UNFULFILLED").to_dicts()
    return row


@pytest.mark.parametrize(
    ("scan", "order", "matched_po"),
    [
        ({}, {}, "po"),
        ({"po_number": "X", "alt_po": "ALT"}, {"ALT PO": "alt "}, "alt_po"),
        ({"po_number": "ALT"}, {"ALT PO": "ALT"}, "po_to_alt"),
        ({"po_number": None, "alt_po": "A-7001"}, {}, "alt_to_po"),
        ({"alt_po": "ALT"}, {"ALT PO": "ALT"}, "po"),
        ({"color": " NAVY\t"}, {}, "po"),
        ({"customer": "ＮＯＲＴＨＷＩＮＤ"}, {}, "po"),
        # The customer's style stands in `style`, else in `pattern`: the first that is filled.
        ({"style": None, "pattern": "ls1"}, {}, "po"),
        ({"pattern": "P"}, {"PATTERN": "Q"}, "po"),
    ],
)
def test_what_is_exact(scan: dict[str, Any], order: dict[str, Any], matched_po: str) -> None:
    row = one(scan, order)
    assert (row["match_type"], row["match_score"], row["matched_po"]) == (
        "EXACT",
        100.0,
        matched_po,
    )
    assert (row["quality"], row["variance_qty"], row["ordered_qty"]) == ("GOOD", 0, 10)


def test_of_equal_order_lines_the_first_counts() -> None:
    first = one({}, {"ALT PO": None, "ORDER NUMBER": "A"}, {"ALT PO": "B"}, {"ALT PO": "A"})
    assert first["order_alt_po"] == "A"  # nulls last
    patterns = one({}, {"PATTERN": None}, {"PATTERN": "Y"}, {"PATTERN": "X"})
    assert patterns["order_pattern"] == "X"
    # The same number in the same field goes before the first by key.
    row = one({"alt_po": "A-0"}, {"PO NUMBER": "A-0"}, {})
    assert (row["order_po"], row["matched_po"]) == ("A-7001", "po")


def test_a_missing_part_leaves_its_weight_to_the_others() -> None:
    # Numbers are 83.3 alike: of 3 + 3 + 2 + 2 tenths, then of 3 + 3 + 2, then of 3 + 2 + 2.
    likeness = 250 / 3
    assert one({"po_number": "A-7002"}, {})["match_score"] == 95.0
    lacking = one({"po_number": "A-7002", "color": None}, {})
    assert lacking["match_score"] == pytest.approx((3 * likeness + 500) / 8, abs=0.05)
    assert one({"po_number": "A-7002", "style": None}, {})["match_score"] == pytest.approx((3 * likeness + 400) / 7, abs=0.05)  # fmt: skip
    # All that is told is the same, but not all is told.
    row = one({"color": None}, {})
    assert (row["match_type"], row["match_score"], row["quality"]) == ("FUZZY", 100.0, "ACCEPTABLE")
    assert row["color_match"] is False
    assert one({"po_number": None}, {})["matched_po"] is None


def test_a_score_of_75_is_a_match_and_less_is_none() -> None:
    # Style and size the same: 3 + 2 tenths; the colour's 2 and the number's 3 are half alike.
    half = {"po_number": "A-77", "color": "NA"}
    order = {"PO NUMBER": "A-01", "COLOR": "NAVYXY"}
    row = one(half, order)
    assert (row["match_type"], row["match_score"], row["quality"]) == (
        "FUZZY",
        75.0,
        "QUESTIONABLE",
    )
    less = one({**half, "size": "MM"}, order)
    assert (less["match_type"], less["match_score"], less["matched_po"]) == ("NO_MATCH", None, None)
    assert (less["quality"], less["missing_order"], less["variance_qty"]) == ("POOR", True, None)
    assert (less["over_shipped"], less["under_shipped"], less["ordered_qty"]) == (False, False, 0)


def test_only_orders_of_the_customer_are_candidates() -> None:
    other = one({}, {"CUSTOMER NAME": "Zephyr"})
    assert (other["match_type"], other["customer"]) == ("NO_MATCH", "Northwind Outfitters")
    unknown = one({"customer": " ZEPHYR"}, {"CUSTOMER NAME": "zephyr"})
    assert (unknown["match_type"], unknown["customer"]) == ("EXACT", "zephyr")
    assert unknown["known_customer"] is False
    nobody = audited([{"customer": "nan"}], [{"CUSTOMER NAME": None}])
    assert nobody["match_type"].to_list() == ["UNFULFILLED", "NO_MATCH"]
    assert set(nobody["customer"]) == {NO_CUSTOMER}


def test_what_a_line_orders_is_counted_once_on_the_best_row() -> None:
    rows = audited(
        [{"quantity": 4, "po_number": "A-7010"}, {"quantity": 5}, {"quantity": 3, "color": "Navi"}],
        [{}],
    ).sort("shipped_qty")
    assert rows["match_type"].to_list() == ["FUZZY", "FUZZY", "EXACT"]
    assert rows["ordered_qty"].to_list() == [0, 0, 10]
    assert rows["order_line_qty"].to_list() == [10, 10, 10]
    # All rows carry the variance of the whole: 10 ordered, 12 shipped.
    assert rows["variance_qty"].to_list() == [-2] * 3
    assert rows["variance_pct"].to_list() == [-20.0] * 3
    assert rows["over_shipped"].all()
    fuzzy = audited([{"color": "Nav"}, {"color": "Navyblu"}], [{}])
    assert fuzzy.sort("match_score")["ordered_qty"].to_list() == [0, 10]


def test_an_unfulfilled_line_is_a_row_and_part_of_the_variance() -> None:
    rows = audited([{"quantity": 10}], [{"S": 5}])
    left = rows.row(by_predicate=pl.col("match_type") == "UNFULFILLED", named=True)
    assert (left["order_size"], left["ordered_qty"], left["shipped_qty"]) == ("S", 5, 0)
    assert (left["size"], left["size_match"], left["quality"]) == (None, None, "POOR")
    assert rows["variance_qty"].to_list() == [5, 5]
    assert rows["under_shipped"].all()


@pytest.mark.parametrize(
    ("ordered", "shipped", "quality"),
    [(100, 95, "GOOD"), (100, 105, "GOOD"), (100, 94, "POOR"), (19, 20, "POOR"), (20, 21, "GOOD")],
)
def test_five_per_cent_is_for_the_quality_alone(ordered: int, shipped: int, quality: str) -> None:
    row = one({"quantity": shipped}, {" m": ordered})
    assert row["quality"] == quality
    assert (row["over_shipped"], row["under_shipped"]) == (shipped > ordered, shipped < ordered)


def test_null_equals_null_where_packed_and_shipped_are_combined() -> None:
    scan = {**SCAN, "alt_po": None, "pattern": None, "size": None}
    packed = scans_of([{**scan, "quantity": 4}, {**scan, "quantity": 1}], Packed, "packed")
    shipped = scans_of([{**scan, "alt_po": "none", "quantity": 3}])
    rows = combine(standardise(packed, CUSTOMERS), standardise(shipped, CUSTOMERS))
    assert rows.select("packed_qty", "shipped_qty").rows() == [(5, 3)]


def test_keys_that_look_alike_are_not_the_same_and_long_ones_fit() -> None:
    rows = audited([{"style": "A|B", "color": "C"}, {"style": "A", "color": "B|C"}], [])
    assert rows["audit_key"].n_unique() == 2
    long = ["x" * 100, "x" * 99 + "y"]
    wide = audited([{"style": style, "po_number": "p" * 100, "customer": "c" * 200} for style in long], [])  # fmt: skip
    assert wide["audit_key"].n_unique() == 2
    assert wide["audit_key"].str.len_chars().max() <= 225


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ContractError, match="standardise: the frame has no column size"):
        standardise(scans_of([]).drop("size"), CUSTOMERS)
    with pytest.raises(ContractError, match="unpivot: the frame has no column COLOR"):
        unpivot(orders_of([]).drop("COLOR"), CUSTOMERS)
    with pytest.raises(ContractError, match="no size columns"):
        unpivot(orders_of([]).drop("S", " m", "XL", "SMS"), CUSTOMERS)


@given(frames=inputs())
def test_standardising_twice_is_standardising_once(frames: list[pl.DataFrame]) -> None:
    once = standardise(frames[1], CUSTOMERS)
    again = standardise(once.drop("known_customer", "style_fields"), CUSTOMERS)
    # Rows keep no order.
    assert_frame_equal(again.sort("shipped_id"), once.sort("shipped_id"), check_exact=True)


@settings(max_examples=30)
@given(
    frames=inputs(max_size=12),
    cells=st.sampled_from([1, 2, 7, 64]),
    workers=st.sampled_from([1, 2]),
)
def test_slices_and_threads_do_not_matter(frames: list[pl.DataFrame], cells: int, workers: int) -> None:  # fmt: skip
    rows = block_rows(frames)
    expected = blocks.match_blocks(rows)
    assert_frame_equal(blocks.match_blocks(rows, cells=cells, workers=workers), expected, check_exact=True)  # fmt: skip
    each = [blocks.match_blocks(block) for block in rows.drop_nulls("block").partition_by("block")]
    apart = pl.concat([expected.clear(), *each]).sort("shipment")
    assert_frame_equal(apart, expected, check_exact=True)


def block_rows(frames: list[pl.DataFrame]) -> pl.DataFrame:
    packed, shipped, orders, names = frames
    shipments = combine(standardise(packed, names), standardise(shipped, names))
    sides = [
        rows.select(
            "po_number", "alt_po", "color", "size", block="customer", side=pl.lit(side),
            place=place, style_1="style", style_2="pattern",
        )
        for side, (rows, place) in enumerate([(shipments, "shipment"), (unpivot(orders, names), "line")])
    ]  # fmt: skip
    return pl.concat(sides)


def test_no_more_pairs_are_in_memory_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = blocks._Sum.__init__

    def watched(self: Any, points: np.ndarray, weight: np.ndarray) -> None:
        sizes.append(points.size)
        real(self, points, weight)

    monkeypatch.setattr(blocks._Sum, "__init__", watched)
    shared = {"block": "x", "alt_po": None, "style_1": "LS1", "style_2": None, "color": "NAVY"}
    rows = [
        {**shared, "side": side, "place": at, "po_number": f"A-{at}", "size": str(at % 3)}
        for side in (0, 1)
        for at in range(300)
    ]
    frame = pl.DataFrame(rows, schema_overrides={"alt_po": pl.String, "style_2": pl.String})
    found = blocks.match_blocks(frame, cells=1000)
    assert found["line"].to_list() == list(range(300))
    assert 300 * 300 / 3 > 20 * 1000
    assert max(sizes) <= 1000


@pytest.mark.parametrize("name", [each.name for each in ENGINES.values() if not each.slow])
@settings(max_examples=3)
@given(frames=inputs(max_size=6))
def test_every_engine_takes_each_step(name: str, frames: list[pl.DataFrame]) -> None:
    """One by one; Spark, which takes its time for each, has them all in the whole audit."""
    packed, shipped, orders, names = frames

    def same(step: Any, *of: pl.DataFrame) -> pl.DataFrame:
        assert_engine_parity(step, *of, engines=[name])
        return step(*of)

    shipments = same(combine, *(same(standardise, rows, names) for rows in (packed, shipped)))
    lines = same(unpivot, orders, names)
    exact = same(match_exact, shipments, lines)
    crossed = same(match_cross_field, shipments, lines, exact)
    fuzzy = same(match_fuzzy, shipments, lines, exact, crossed)
    same(summarise, same(audit_rows, shipments, lines, exact, crossed, fuzzy))


def test_what_lacks_a_style_or_a_number_is_one_group_on_every_engine(engine: Engine) -> None:
    scans = [{**SCAN, "style": None, "po_number": None, "quantity": 10}]
    order = {**ORDER, "STYLE": None, "PO NUMBER": None}
    shipments = combine(*(standardise(scans_of(rows), CUSTOMERS) for rows in ([], scans)))
    lines = unpivot(orders_of([order, {**order, "S": 5}]), CUSTOMERS)
    frames = [shipments, lines, match_fuzzy(shipments, lines)]
    rows = engine.read(audit_rows(*hand_over(engine, *frames)))
    assert rows.select("match_type", "ordered_qty", "variance_qty").rows() == [
        ("UNFULFILLED", 5, 15),
        ("FUZZY", 20, 15),
    ]


def test_quantities_may_be_of_any_type_and_what_is_none_is_told(engine: Engine) -> None:
    cells = {
        "S": pl.Series([10.0, 2.5]),
        " m": pl.Series(["1,0", " 10 "]),
        "XL": pl.Series(["12 pcs", "10"]),
        "SMS": pl.Series(["some", "some"]),
    }
    orders = orders_of([ORDER, {**ORDER, "STYLE": "LS2"}]).with_columns(**cells)
    given, names = hand_over(engine, orders, CUSTOMERS)
    lines = engine.read(unpivot(given, names))
    found = {(row[0], row[1]): row[2] for row in lines.select("style", "size", "quantity").rows()}
    assert found == {("LS1", "S"): 10, ("LS2", "M"): 10, ("LS2", "XL"): 10}
    told = engine.read(uncounted(given))
    assert told.columns == ["reason", *orders.columns]
    assert dict(told.select("STYLE", "reason").iter_rows()) == {
        "LS1": " m: '1,0' is no whole number; XL: '12 pcs' is no whole number",
        "LS2": "S: 2.5 is no whole number",
    }


WHOLE = {"7": 7, " 1,200 ": 1200, "3.0": 3, "0": 0, "+4": 4}
NOTHING = [None, "", "none"]
NO_NUMBER = ["12 pcs", "1,0", "2.5", "-1", "9" * 30, "½", "'", "; "]
CELL = st.sampled_from([*WHOLE, *NOTHING, *NO_NUMBER])


@settings(max_examples=8)
@given(rows=st.lists(st.fixed_dictionaries(dict.fromkeys(("S", " m", "SMS"), CELL)), max_size=8))
def test_a_quantity_is_counted_or_told(rows: list[dict[str, str | None]]) -> None:
    plain = orders_of([{**ORDER, "STYLE": f"LS{at}", " m": None} for at in range(len(rows))])
    sizes = {name: pl.Series([row[name] for row in rows], dtype=pl.String) for name in ("S", " m", "SMS")}  # fmt: skip
    orders = plain.with_columns(**sizes)
    counted = dict.fromkeys(itertools.product(plain["STYLE"], ("S", "M")), 0)
    for style, size, quantity in unpivot(orders, CUSTOMERS).select("style", "size", "quantity").rows():  # fmt: skip
        counted[style, size] += quantity
    told = uncounted(orders)
    why = dict(told.select("STYLE", "reason").iter_rows())
    for style, row in zip(plain["STYLE"], rows, strict=True):
        for name in ("S", " m"):
            assert counted[style, name.strip().upper()] == WHOLE.get(str(row[name]), 0)
            assert (f"{name}: '{row[name]}' is " in why.get(style, "")) == (row[name] in NO_NUMBER)
    # The row is told as it came in, and no other row is.
    aside = pl.any_horizontal(pl.col("S", " m").is_in(NO_NUMBER))
    assert_frame_equal(told.drop("reason"), orders.filter(aside), check_row_order=False)
