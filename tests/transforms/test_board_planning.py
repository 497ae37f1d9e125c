"""Properties of the planning transform, on items as a board's reader gives them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from etl.contracts.board_planning import BoardPlanning
from etl.contracts.check import split
from etl.contracts.describe import describe
from etl.errors import ContractError
from etl.testing import ENGINES, NULL_WORDS, Engine, assert_engine_parity, texts
from etl.transforms.board_planning import planning_rows
from tests.parity import parity
from tests.strategies import items

COLUMNS = [column.name for column in describe(BoardPlanning)]
ITEMS = items(BoardPlanning)
UTC = dt.UTC


def one_item(**cells: Any) -> pl.DataFrame:
    """One item; what is not told is null and of the contract's type."""
    row = BoardPlanning.create_empty().clear(1).rename({"style_key": "item_name"})
    given_cells = {"item_id": 7, "item_name": "Linen shirt", **cells}
    return row.with_columns(
        value if isinstance(value, pl.Series) else pl.lit(value).alias(name)
        for name, value in given_cells.items()
    )


def cleaned(engine: str = "polars", **cells: Any) -> dict[str, Any]:
    """The row that one item becomes, once it went through an engine."""
    rows = ENGINES[engine].read(planning_rows(ENGINES[engine].make(one_item(**cells))))
    return rows.row(0, named=True)


def as_items(rows: pl.DataFrame) -> pl.DataFrame:
    """Take the transform's rows for items again."""
    return rows.rename({"style_key": "item_name"})


@given(board=ITEMS)
def test_the_columns_are_the_contracts_at_any_height(board: pl.DataFrame) -> None:
    assert planning_rows(board).columns == COLUMNS
    assert planning_rows(board.clear()).columns == COLUMNS


def test_no_rows_give_no_rows_on_every_engine(engine: Engine) -> None:
    rows = engine.read(planning_rows(engine.make(one_item().clear())))
    assert (rows.columns, rows.height) == (COLUMNS, 0)
    checked = split(rows, BoardPlanning)
    assert checked.good.schema == pl.Schema(BoardPlanning)
    assert (checked.good.height, checked.rejected.height) == (0, 0)


# Forty-nine columns are much work for an engine: few examples here, and each cleaner has many on
# every engine in test_cells.
@parity(planning_rows)
@settings(max_examples=8)
@given(board=items(BoardPlanning, max_size=8))
def test_every_engine_gives_the_same_values_and_types(engine: Engine, board: pl.DataFrame) -> None:
    assert_engine_parity(planning_rows, board, engines=[engine], contract=BoardPlanning)


@given(board=ITEMS)
def test_every_item_is_a_good_row_or_a_rejected_one(board: pl.DataFrame) -> None:
    rows = planning_rows(board)
    assert rows.height == board.height
    checked = split(rows, BoardPlanning)
    assert checked.good.height + checked.rejected.height == board.height
    assert BoardPlanning.is_valid(checked.good)
    assert checked.good["item_id"].is_unique().all()


@given(names=st.lists(st.one_of(st.sampled_from(NULL_WORDS), texts()), min_size=1, max_size=5))
def test_names_are_never_cleaned(names: list[str]) -> None:
    board = pl.concat([one_item(item_id=i, item_name=n) for i, n in enumerate(names, start=1)])
    assert planning_rows(board)["style_key"].to_list() == names


@given(board=ITEMS)
def test_no_text_cell_keeps_a_word_for_null(board: pl.DataFrame) -> None:
    rows = planning_rows(board).drop("style_key", "group_title")
    for column in rows.select(pl.col(pl.String)):
        words = {cell.strip().lower() for cell in column.drop_nulls()}
        assert not words & {"", "none", "nan", "null", "nat"}


@given(board=ITEMS)
def test_items_with_nothing_but_a_name_are_good_rows(board: pl.DataFrame) -> None:
    # Of whatever types the reader found on this board.
    empty = board.clear(board.height).with_columns(
        item_id=pl.int_range(1, board.height + 1), item_name=pl.lit("name")
    )
    checked = split(planning_rows(empty), BoardPlanning)
    assert checked.rejected.height == 0
    assert not checked.good["approved"].any()
    told = checked.good.drop("item_id", "style_key", "approved")
    assert told.null_count().sum_horizontal().sum() == told.width * board.height


@given(board=ITEMS)
def test_cleaning_twice_is_cleaning_once(board: pl.DataFrame) -> None:
    once = planning_rows(board)
    assert_frame_equal(planning_rows(as_items(once)), once, check_exact=True)


@given(board=ITEMS)
def test_the_order_of_items_does_not_matter(board: pl.DataFrame) -> None:
    assert_frame_equal(
        planning_rows(board.reverse()), planning_rows(board).reverse(), check_exact=True
    )


@given(board=items(BoardPlanning, max_size=6), at=st.integers(0, 6))
def test_pages_of_items_can_be_cleaned_one_by_one(board: pl.DataFrame, at: int) -> None:
    pages = [planning_rows(board[:at]), planning_rows(board[at:])]
    assert_frame_equal(pl.concat(pages), planning_rows(board), check_exact=True)


@given(board=ITEMS)
def test_columns_that_nobody_asked_for_are_left_out(board: pl.DataFrame) -> None:
    more = board.with_columns(open_form=pl.lit("Open"), row_number=pl.lit(1))
    assert_frame_equal(planning_rows(more), planning_rows(board), check_exact=True)


def test_a_late_time_has_its_utc_date(engine: Engine) -> None:
    late = dt.datetime(2024, 3, 10, 23, 30, tzinfo=UTC)
    early = dt.datetime(2024, 3, 11, 4, 30, tzinfo=UTC)
    row = cleaned(engine.name, ex_factory=late, fabric_eta=early, ship_at=late)
    assert row["ex_factory"] == dt.date(2024, 3, 10)
    assert row["fabric_eta"] == dt.date(2024, 3, 11)
    assert row["ship_at"] == late


def test_dates_outside_the_calendar_are_null(engine: Engine) -> None:
    row = cleaned(
        engine.name,
        ex_factory=dt.date(1752, 12, 31),
        fabric_eta=dt.date(1753, 1, 1),
        production_to=dt.date(9999, 12, 31),
        ship_at=dt.datetime(1, 1, 1, tzinfo=UTC),
        created_log=dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    )
    assert row["ex_factory"] is None
    assert row["fabric_eta"] == dt.date(1753, 1, 1)
    assert row["production_to"] == dt.date(9999, 12, 31)
    assert row["ship_at"] is None
    assert row["created_log"] == dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


def test_an_unticked_box_is_false(engine: Engine) -> None:
    assert cleaned(engine.name)["approved"] is False
    assert cleaned(engine.name, approved=True)["approved"] is True


def test_numbers_as_text_are_parsed_and_other_text_is_set_aside_as_it_was() -> None:
    rows = planning_rows(
        pl.concat(
            [
                one_item(cut_qty=" 1,200 ", unit_cost="12.50", margin_pct="-3.25"),
                one_item(item_id=8, cut_qty="None", unit_cost="", margin_pct="NaN"),
                one_item(item_id=9, cut_qty="12 pcs", unit_cost="1.005", margin_pct="n/a"),
            ]
        )
    )
    checked = split(rows, BoardPlanning)
    assert checked.good.select("cut_qty", "unit_cost", "margin_pct").rows() == [
        (1200, Decimal("12.50"), -3.25),
        (None, None, None),
    ]
    assert checked.rejected["reason"].item() == (
        "cut_qty: '12 pcs' is not a whole number; "
        "unit_cost: '1.005' is not a number with at most 10 digits before and 2 after the point; "
        "margin_pct: 'n/a' is not a number"
    )


def test_categories_are_the_texts_they_stand_for() -> None:
    for dtype in (pl.Categorical(), pl.Enum(["None", "Done"])):
        status = pl.Series("style_status", ["Done"], dtype=dtype)
        season = pl.Series("season", ["None"], dtype=dtype)
        row = cleaned(style_status=status, season=season)
        assert (row["style_status"], row["season"]) == ("Done", None)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ContractError, match="planning_rows: the frame has no column season, notes"):
        planning_rows(one_item().drop("season", "notes"))
