"""What the contracts say about themselves, and the lengths that text columns count."""

from __future__ import annotations

import dataclasses

import dataframely as dy
import polars as pl
import pytest
from hypothesis import given

from etl.contracts.board_groups import BoardGroups
from etl.contracts.board_planning import BoardPlanning
from etl.contracts.describe import describe
from etl.contracts.text import Text, utf16_units
from etl.testing import texts

CONTRACTS = [BoardGroups, BoardPlanning]


class Lengths(dy.Schema):
    key = dy.Int64(primary_key=True, nullable=False)
    text = Text(nullable=True, min_length=2, max_length=4)
    free = Text(nullable=True)
    listed = dy.List(dy.String(), nullable=True, max_length=3)
    price = dy.Decimal(12, 2, metadata={"board_column": "numbers_1"})


@pytest.mark.parametrize("contract", CONTRACTS)
def test_columns_are_told_in_their_order_and_types(contract: type[dy.Schema]) -> None:
    columns = describe(contract)
    assert {column.name: column.dtype for column in columns} == dict(pl.Schema(contract))
    assert [column.name for column in columns] == list(pl.Schema(contract))
    assert [column.name for column in columns if column.primary_key] == contract.primary_key()


def test_lengths_keys_and_metadata_are_told() -> None:
    key, text, free, listed, price = describe(Lengths)
    assert (key.primary_key, key.nullable) == (True, False)
    assert (text.max_length, free.max_length, listed.max_length) == (4, None, None)
    assert price.metadata == {"board_column": "numbers_1"}
    with pytest.raises(TypeError, match="does not support item assignment"):
        price.metadata["board_column"] = "x"  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        price.name = "x"  # type: ignore[misc]


@given(text=texts())
def test_lengths_are_what_utf_16_needs(text: str) -> None:
    counted = pl.select(utf16_units(pl.lit(text))).item()
    assert counted == len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("订单订单", True),
        ("👕👕", True),
        ("👕👕x", False),
        ("x", False),
        ("👕", True),
        (None, True),
    ],
)
def test_a_text_column_counts_utf_16_units(text: str | None, fits: bool) -> None:
    row = {"key": 1, "text": text, "free": "x" * 9999, "listed": None, "price": 1}
    assert Lengths.is_valid(pl.DataFrame([row], schema=pl.Schema(Lengths))) is fits


def test_every_board_column_says_where_it_comes_from() -> None:
    own = ["item_id", "style_key", "group_title", "created_at", "updated_at"]
    for column in describe(BoardPlanning):
        assert ("board_column" in column.metadata) is (column.name not in own)
    sources = [
        (column.metadata["board_column"], column.metadata.get("part"))
        for column in describe(BoardPlanning)
        if column.name not in own
    ]
    assert len(set(sources)) == len(sources)
