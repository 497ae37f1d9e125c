"""Splitting a frame: nothing is lost, what is good is good, and the reasons say why the rest is not."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import dataframely as dy
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from polars.testing.parametric import column, dataframes

from etl.contracts.board_groups import BoardGroups
from etl.contracts.check import split
from etl.contracts.row_json import rows_as_json
from etl.contracts.text import Text
from etl.errors import ContractError
from etl.testing import frames, texts, utc_times
from tests.strategies import date_texts, number_texts


class Orders(dy.Schema):
    """A contract with a rule of every kind."""

    po = Text(primary_key=True, max_length=10)
    line = dy.Int64(primary_key=True, min=1)
    qty = dy.Int64(nullable=True, min=0, max=10_000)
    price = dy.Decimal(12, 2, nullable=True)
    share = dy.Float64(nullable=True)
    day = dy.Date(nullable=True, min=dt.date(1753, 1, 1))
    at = dy.Datetime(nullable=True, time_unit="us", time_zone="UTC")
    done = dy.Bool()
    size = Text(nullable=True, regex="^[A-Z]+$")
    season = dy.Enum(["SS", "FW"], nullable=True)

    @dy.rule()
    def free_orders_have_no_price(cls) -> pl.Expr:  # noqa: N805 - dataframely makes it a class method
        """What costs nothing has no quantity."""
        return (pl.col("price") != 0) | (pl.col("qty") == 0)


COLUMNS = list(pl.Schema(Orders))
GOOD = {
    "po": "A-1", "line": 1, "qty": 12, "price": Decimal("1.50"), "share": 0.5,
    "day": dt.date(2024, 2, 29), "at": dt.datetime(2024, 2, 29, tzinfo=dt.UTC), "done": True,
    "size": "XL", "season": "SS",
}  # fmt: skip


def order(**cells: Any) -> pl.DataFrame:
    """One good order, but for the cells told; a cell may be a Series, for its type."""
    good = pl.DataFrame([GOOD], schema=pl.Schema(Orders))
    return good.with_columns(
        value.alias(name) if isinstance(value, pl.Series) else pl.lit(value).alias(name)
        for name, value in cells.items()
    )


@st.composite
def orders(draw: st.DrawFn, *, max_size: int = 6) -> pl.DataFrame:
    """Orders whose columns are right, or text, or of another type altogether."""
    height = draw(st.integers(0, max_size))
    right: dict[str, tuple[pl.DataType, st.SearchStrategy[Any]]] = {
        "po": (pl.String(), st.sampled_from(["A", "B", "", "👕👕👕👕👕", "👕👕👕👕👕x"])),
        "line": (pl.Int64(), st.integers(0, 3)),
        "qty": (pl.Float64(), st.sampled_from([0.0, 12.0, 12.5, -1.0, float("nan")])),
        "price": (pl.Float64(), st.sampled_from([0.0, 1.5, 1.255])),
        "share": (pl.Float64(), st.floats()),
        "day": (pl.Date(), st.dates()),
        "at": (pl.Datetime("ns", "Asia/Tokyo"), utc_times(1980, 2200)),
        "done": (pl.Boolean(), st.booleans()),
        "size": (pl.String(), texts(5)),
        "season": (pl.Categorical(), st.sampled_from(["SS", "FW", "XX"])),
    }
    as_text = st.one_of(number_texts(), date_texts(), texts())
    columns = []
    for name in draw(st.permutations(COLUMNS)):
        dtype, cells = draw(st.sampled_from([right[name], right[name], (pl.String(), as_text)]))
        values = draw(st.lists(st.one_of(cells, st.none()), min_size=height, max_size=height))
        columns.append(pl.Series(name, values, dtype=dtype))
    return pl.DataFrame(columns)


ANY_FRAME = dataframes([column(name) for name in COLUMNS], max_size=4)


@given(frame=st.one_of(orders(), ANY_FRAME))
def test_every_row_is_in_one_of_the_two(frame: pl.DataFrame) -> None:
    before = frame.clone()
    checked = split(frame, Orders)
    assert checked.good.height + checked.rejected.height == frame.height
    assert checked.good.schema == pl.Schema(Orders)
    assert checked.good.columns == COLUMNS
    assert checked.rejected.schema == {"reason": pl.String, "row": pl.String}
    assert Orders.is_valid(checked.good)
    assert_frame_equal(frame, before, check_exact=True)


@given(frame=orders())
def test_rejected_rows_are_those_that_came_in(frame: pl.DataFrame) -> None:
    checked = split(frame, Orders)
    came_in = rows_as_json(frame)
    rejected = checked.rejected["row"].to_list()
    # In their order, each of them once: what is left over are the good ones.
    rest = iter(enumerate(came_in))
    numbers = [next(number for number, row in rest if row == text) for text in rejected]
    assert len(numbers) == len(rejected)
    assert all(checked.rejected["reason"].str.len_chars() > 0)
    assert all(list(json.loads(text)) == frame.columns for text in rejected)


@given(frame=orders())
def test_a_good_row_holds_the_values_that_came_in(frame: pl.DataFrame) -> None:
    checked = split(frame.with_columns(line=pl.int_range(1, frame.height + 1)), Orders)
    for row in checked.good.iter_rows(named=True):
        source = frame.row(row["line"] - 1, named=True)
        assert [source[name] is None for name in COLUMNS if name != "line"] == [
            row[name] is None for name in COLUMNS if name != "line"
        ]
        assert (row["po"], row["size"]) == (source["po"], source["size"])
        if row["qty"] is not None:
            assert row["qty"] == Decimal(str(source["qty"]))
        if row["price"] is not None:
            assert row["price"] == Decimal(str(source["price"]))
        if row["day"] is not None:
            assert str(row["day"]) == str(source["day"])


@given(frame=orders())
def test_the_same_frame_is_split_the_same_way(frame: pl.DataFrame) -> None:
    first, second = split(frame, Orders), split(frame.clone(), Orders)
    assert_frame_equal(first.good, second.good, check_exact=True)
    assert_frame_equal(first.rejected, second.rejected)


@given(frame=orders())
def test_the_order_of_rows_and_columns_does_not_matter(frame: pl.DataFrame) -> None:
    checked, turned = split(frame, Orders), split(frame.reverse(), Orders)
    assert_frame_equal(turned.good, checked.good.reverse(), check_exact=True)
    assert_frame_equal(turned.rejected, checked.rejected.reverse())
    shuffled = split(frame.select(sorted(frame.columns)), Orders)
    assert_frame_equal(shuffled.good, checked.good, check_exact=True)
    assert shuffled.rejected["reason"].to_list() == checked.rejected["reason"].to_list()


@given(frame=orders())
def test_what_is_good_stays_good(frame: pl.DataFrame) -> None:
    once = split(frame, Orders).good
    again = split(once, Orders)
    assert_frame_equal(again.good, once, check_exact=True)
    assert again.rejected.height == 0


@given(frame=orders(max_size=8), at=st.integers(0, 8))
def test_frames_that_share_no_key_are_split_one_by_one(frame: pl.DataFrame, at: int) -> None:
    frame = frame.with_columns(line=pl.int_range(1, frame.height + 1))
    whole, parts = split(frame, Orders), [split(frame[:at], Orders), split(frame[at:], Orders)]
    assert_frame_equal(pl.concat([p.good for p in parts]), whole.good, check_exact=True)
    assert_frame_equal(pl.concat([p.rejected for p in parts]), whole.rejected)


@given(rows=frames(BoardGroups, rules=False))
def test_a_frame_of_a_contract_is_rejected_for_its_rules_alone(rows: pl.DataFrame) -> None:
    reasons = split(rows, BoardGroups).rejected["reason"].to_list()
    valid = BoardGroups.filter(rows)[0]
    assert len(reasons) == rows.height - valid.height
    words = ("more than once", "is below 1", "empty", "breaks the rule inactive_has_its_time")
    assert all(any(word in reason for word in words) for reason in reasons)


def test_an_empty_frame_is_split_into_two() -> None:
    checked = split(Orders.create_empty(), Orders)
    assert (checked.good.height, checked.rejected.height) == (0, 0)
    assert checked.good.schema == pl.Schema(Orders)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"qty": "12 pcs"}, "qty: '12 pcs' is not a whole number"),
        ({"qty": 12.5}, "qty: 12.5 is not a whole number"),
        ({"qty": 2**63}, "qty: 9223372036854775808 is out of the range of Int64"),
        ({"qty": -1}, "qty: -1 is below 0"),
        ({"qty": 10_001}, "qty: 10001 is above 10000"),
        ({"price": "1.255"}, "price: '1.255' is not a number with at most 10 digits before and 2 after the point"),
        ({"share": float("nan")}, "share: not a number (NaN)"),
        ({"share": float("-inf")}, "share: infinite"),
        ({"day": "29.02.2024"}, "day: '29.02.2024' is not a date (YYYY-MM-DD)"),
        ({"day": dt.date(1752, 12, 31)}, "day: 1752-12-31 is below 1753-01-01"),
        ({"day": dt.datetime(2024, 2, 29, 10)}, "day: 2024-02-29T10:00:00 has a time of day, the column has dates only"),  # noqa: DTZ001
        ({"at": dt.datetime(2024, 2, 29, 10)}, "at: 2024-02-29T10:00:00 has no time zone"),  # noqa: DTZ001
        ({"done": None}, "done: null"),
        ({"done": "yes"}, "done: 'yes' is not true or false"),
        ({"po": None}, "po: null"),
        ({"po": "x" * 11}, "po: longer than 10"),
        ({"po": "👕" * 6}, "po: longer than 10"),
        ({"size": "xl"}, "size: 'xl' does not match ^[A-Z]+$"),
        ({"season": "XX"}, "season: 'XX' is not one of the allowed values"),
        ({"price": 0}, "breaks the rule free_orders_have_no_price"),
        ({"size": b"\xff"}, "size: /w== is not text"),
        ({"size": [1, 2]}, "size: [1, 2] is not text"),
    ],
)  # fmt: skip
def test_reasons_can_be_read(cells: dict[str, Any], reason: str) -> None:
    [(name, value)] = cells.items()
    checked = split(order(**{name: pl.Series([value])}), Orders)
    assert checked.rejected["reason"].to_list() == [reason]


def test_all_reasons_of_a_row_are_told_in_the_contracts_order() -> None:
    checked = split(order(season="XX", po=None, qty="many", share=float("inf")), Orders)
    assert checked.rejected["reason"].item() == (
        "po: null; qty: 'many' is not a whole number; share: infinite; "
        "season: 'XX' is not one of the allowed values"
    )


def test_a_value_is_shown_in_part_and_on_one_line() -> None:
    reason = split(order(qty="1\n2\x1b[31m" + "9" * 500), Orders).rejected["reason"].item()
    assert reason.isprintable()
    assert r"qty: '1\n2\x1b[31m999" in reason
    assert len(reason) < 130


def test_all_rows_of_a_key_are_set_aside() -> None:
    frame = pl.concat(
        [
            order(line=1),
            order(line=1, qty=5),
            order(line=2),
            order(line=1, po="A-2"),
            order(line=None),
            order(line=None),
        ],
        how="vertical_relaxed",
    )
    checked = split(frame, Orders)
    assert checked.good.select("po", "line").rows() == [("A-1", 2), ("A-2", 1)]
    assert checked.rejected["reason"].to_list() == [
        "po, line: 'A-1', 1 is there more than once",
        "po, line: 'A-1', 1 is there more than once",
        "line: null",
        "line: null",
    ]


def test_a_key_that_could_not_be_read_is_no_duplicate() -> None:
    frame = pl.concat([order(line="one"), order(line="two"), order(line="1"), order(line="1.0")])
    assert split(frame, Orders).rejected["reason"].to_list() == [
        "line: 'one' is not a whole number",
        "line: 'two' is not a whole number",
        "po, line: 'A-1', 1 is there more than once",
        "po, line: 'A-1', 1 is there more than once",
    ]


def test_a_rule_over_rows_holds_for_the_rows_that_stay() -> None:
    class Pairs(dy.Schema):
        key = dy.Int64(primary_key=True)
        pair = dy.Int64()
        qty = dy.Int64(min=0)

        @dy.rule()
        def has_two(cls) -> pl.Expr:  # noqa: N805 - dataframely makes it a class method
            return pl.len().over("pair") == 2

    frame = pl.DataFrame({"key": [1, 2, 3, 4], "pair": [1, 1, 2, 2], "qty": [1, -1, 1, 1]})
    checked = split(frame, Pairs)
    assert Pairs.is_valid(checked.good)
    assert checked.good["key"].to_list() == [3, 4]
    assert checked.rejected["reason"].to_list() == ["breaks the rule has_two", "qty: -1 is below 0"]


def test_a_contract_may_have_a_column_called_row() -> None:
    class Rows(dy.Schema):
        row = dy.Int64(primary_key=True)
        row_ = dy.Int64(nullable=True, min=0)

    checked = split(pl.DataFrame({"row": [1, 2], "row_": [None, -1]}), Rows)
    assert checked.good.rows() == [(1, None)]
    assert checked.rejected.rows() == [("row_: -1 is below 0", '{"row": 2, "row_": -1}')]


def test_missing_columns_are_named_with_what_was_meant() -> None:
    with pytest.raises(
        ContractError, match=r"Orders: the frame lacks the column season \(is it saeson\?\)"
    ):
        split(order().rename({"season": "saeson"}), Orders)
    with pytest.raises(ContractError, match="the frame lacks the columns qty, done;"):
        split(order().drop("qty", "done"), Orders)


def test_unknown_columns_are_named() -> None:
    with pytest.raises(ContractError, match="the contract does not know the column colour;"):
        split(order(colour="red"), Orders)
