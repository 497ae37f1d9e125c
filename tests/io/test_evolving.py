"""Tables that change with their frames, and which of two rows of one key is the last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from etl.errors import ContractError
from etl.io import db_helper as db

if TYPE_CHECKING:
    from tests.databases import Door

FRAME = pl.DataFrame({"id": [1, 2], "size": ["M", "XXL"], "new 🎉": ["a", None]})


@pytest.fixture
def table(door: Door) -> str:
    made = door.create("id BIGINT, size VARCHAR(2)")
    door.write(pl.DataFrame({"id": [0], "size": ["S"]}), made)
    return made


def test_a_new_column_is_an_error_unless_it_is_asked_for(door: Door, table: str) -> None:
    frame = FRAME.with_columns(size=pl.lit("M"))
    with pytest.raises(ContractError, match="new 🎉: the table has no such column"):
        door.write(frame, table)
    door.write(frame, table, on_new_columns="ignore")
    assert door.read(table).columns == ["id", "size"]
    door.write(frame, table, on_new_columns="add")
    back = door.read(table).sort("id", "new 🎉")
    assert back.columns == ["id", "size", "new 🎉"]
    assert back["new 🎉"].to_list() == [None, None, "a", None, None]
    door.write(frame, table, on_new_columns="add")  # there is nothing to add any more
    assert door.read(table).height == 7


def test_a_column_that_was_added_goes_with_a_load_that_fails(door: Door, table: str) -> None:
    bad = FRAME.with_columns(size=pl.lit("M"), id=pl.lit(None, dtype=pl.Int64))
    with pytest.raises(ContractError):
        door.write(bad, table, mode="upsert", key="id", on_new_columns="add")
    assert door.read(table).columns == ["id", "size"]


def test_text_that_is_too_long_is_an_error_unless_the_column_may_widen(
    door: Door, table: str
) -> None:
    frame = FRAME.select("id", "size")
    if not door.keeps_lengths:
        assert door.write(frame, table, on_widen="widen").rows == 2
        return
    with pytest.raises(ContractError, match=r"size: 1 value.*'XXL'"):
        door.write(frame, table)
    if door.dialect == "sqlite":
        with pytest.raises(ContractError, match="can't widen a column in place"):
            door.write(frame, table, on_widen="widen")
        return
    door.write(frame, table, on_widen="widen")
    column = next(c for c in db.table_columns(table, door.settings) or [] if c.name == "size")
    assert column.length == 50
    assert door.read(table).sort("id")["size"].to_list() == ["S", *frame["size"].to_list()]


@pytest.mark.parametrize("mode", ["insert", "upsert", "sync", "append"])
def test_the_last_row_of_a_key_stands_for_all(door: Door, mode: Any) -> None:
    table = door.create("id BIGINT, note VARCHAR(9), at_day INTEGER")
    frame = pl.DataFrame(
        {"id": [1, 2, 1, 1], "note": ["a", "b", "last", "no day"], "at_day": [1, 5, 9, None]}
    )
    result = door.write(frame, table, mode=mode, key="id", on_duplicate="last", order_by="at_day")
    assert (result.rows, result.duplicates) == (2, 2)
    assert sorted(door.read(table).rows()) == [(1, "last", 9), (2, "b", 5)]


def test_the_last_row_needs_a_key_an_order_and_the_whole_frame(door: Door) -> None:
    table = door.create("id BIGINT, note VARCHAR(9)")
    frame = pl.DataFrame({"id": [1], "note": ["a"]})
    last: dict[str, Any] = {"mode": "upsert", "key": "id", "on_duplicate": "last"}
    with pytest.raises(ContractError, match="order_by go together"):
        door.write(frame, table, **last)
    with pytest.raises(ContractError, match="missing: day"):
        door.write(frame, table, **last, order_by="day")
    with pytest.raises(ContractError, match="a stream goes into"):
        door.write(iter([frame]), table, **last, order_by="note")
