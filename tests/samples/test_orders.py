"""Generated orders: the same for a seed, row by row, with what real orders hold."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from etl.contracts.check import split
from etl.contracts.keys import name_key
from etl.contracts.orders_unified import SAMPLE_SIZES, size_columns, with_sizes
from etl.samples.customers import CUSTOMERS, SHARES, UNKNOWN, spellings
from etl.samples.orders import ODD_KINDS, SIZES, clean_lines, orders_unified

ROOT = Path(__file__).parents[2]
SEEDS = st.integers(-(2**70), 2**70)
ROWS = 800
KEY = ["ORDER NUMBER", "STYLE", "COLOR"]
NAMES = {name_key(name): c.name for c in CUSTOMERS for name in (c.name, *c.aliases)}


def made(rows: int = ROWS, seed: int = 0) -> pl.DataFrame:
    return orders_unified(clean_lines(rows, seed), seed)


@settings(max_examples=5)
@given(seed=SEEDS, rows=st.integers(0, 60), more=st.integers(0, 60))
def test_a_row_depends_on_seed_and_number_alone(seed: int, rows: int, more: int) -> None:
    assert_frame_equal(made(rows + more, seed).head(rows), made(rows, seed))


@settings(max_examples=5)
@given(seed=SEEDS)
def test_every_seed_keeps_the_contract(seed: int) -> None:
    orders = made(120, seed)
    assert size_columns(orders.columns) == SIZES
    assert split(orders, with_sizes(SIZES)).rejected.is_empty()
    quantities = orders.select(pl.sum_horizontal(SIZES)).to_series()
    assert quantities.min() > 0


def test_no_rows_have_the_same_columns() -> None:
    assert made(0).schema == made(5).schema


def test_another_seed_is_other_orders() -> None:
    assert not made(50, seed=1).equals(made(50, seed=2))


def test_config_knows_the_customers_and_no_others() -> None:
    told = yaml.safe_load((ROOT / "config/customers.yaml").read_text(encoding="utf-8"))["customers"]
    assert [(c["name"], c["aliases"], c.get("style", ["style"])) for c in told] == [
        (c.name, list(c.aliases), list(c.style)) for c in CUSTOMERS
    ]
    assert len(NAMES) == sum(1 + len(customer.aliases) for customer in CUSTOMERS)
    assert not {name_key(customer.name) for customer in UNKNOWN} & set(NAMES)
    assert (len(SHARES), sum(SHARES)) == (len(CUSTOMERS) + len(UNKNOWN), 100)


@pytest.mark.parametrize("customer", [*CUSTOMERS, *UNKNOWN], ids=lambda customer: customer.name)
def test_odd_spellings_are_the_same_name(customer) -> None:
    for spelling in spellings(customer):
        assert NAMES.get(name_key(spelling), spelling) in {customer.name, spelling}
        if customer in CUSTOMERS:
            assert NAMES[name_key(spelling)] == customer.name
    assert len({customer.name, *spellings(customer)}) > 2


def test_orders_hold_what_real_ones_hold() -> None:
    orders = made()
    text = {name: [value for value in orders[name] if value is not None] for name in orders.columns[:13] if orders.schema[name] == pl.String}  # fmt: skip
    assert {"None", "nan", "NULL", ""} <= set(text["ALT PO"]) | set(text["PATTERN"])
    for sign in ("=", "@", "🧵", "绣"):
        assert any(style.startswith(sign) for style in text["STYLE"]), sign
    assert {"=1+1", "+size tee"} <= set(text["STYLE DESCRIPTION"])
    assert any(style != style.strip() for style in text["STYLE"])
    assert any(color == color.lower() for color in text["COLOR"])
    known = {NAMES.get(name_key(name)) for name in text["CUSTOMER NAME"]}
    assert known >= {customer.name for customer in CUSTOMERS[:10]}
    assert None in known  # a customer that nobody knows
    written = set(text["CUSTOMER NAME"])
    assert written & {alias for customer in CUSTOMERS for alias in customer.aliases}
    assert written & {form for customer in CUSTOMERS for form in spellings(customer)}


def test_sizes_are_of_a_scale_and_totals_are_mostly_their_sum() -> None:
    orders = made(4000)
    summed = orders.select(pl.sum_horizontal(s for s in SIZES if s not in SAMPLE_SIZES)).to_series()
    told = orders["TOTAL QTY"]
    assert 0.9 < (told == summed).sum() / orders.height < 1
    assert 0 < told.null_count() < orders.height * 0.05
    for size in SIZES:
        assert orders.filter(pl.col(size) > 0).height > 10, size
    letters = orders.filter(pl.col("M").is_not_null())
    assert letters.select("0", "32DD", "ONE SIZE").null_count().row(0) == (letters.height,) * 3


def test_odd_rows_are_what_they_are_called() -> None:
    lines = clean_lines(ROWS)
    orders = orders_unified(lines).with_columns(odd=lines["odd"])
    kinds = dict(orders["odd"].value_counts().iter_rows())
    assert set(kinds) == set(ODD_KINDS)
    assert kinds[""] > ROWS * 0.9
    for at, row in enumerate(orders.iter_rows(named=True)):
        before = orders.row(at - 1, named=True) if at else {}
        without = [name for name in row if row[name] != before.get(name) and name != "odd"]
        match row["odd"]:
            case "copy":
                assert without == []
            case "differs":
                assert without
                assert not set(without) & set(KEY)
            case "no_order_number":
                assert row["ORDER NUMBER"] is None
            case "null_word_style":
                assert row["STYLE"] == "None"
            case "empty_color":
                assert row["COLOR"] == ""
            case "no_color":
                assert row["COLOR"] is None
            case "no_customer":
                assert row["CUSTOMER NAME"] == "nan"


@settings(max_examples=5)
@given(seed=SEEDS)
def test_whole_keys_are_unique_but_for_copies(seed: int) -> None:
    lines = clean_lines(240, seed)
    orders = orders_unified(lines, seed).filter(~lines["odd"].is_in(["copy", "differs"]))
    keys = orders.select(pl.col(KEY).str.strip_chars().str.to_uppercase()).drop_nulls()
    assert keys.is_unique().all()


@settings(max_examples=5)
@given(seed=SEEDS)
def test_lines_of_an_order_can_be_told_apart(seed: int) -> None:
    lines = clean_lines(240, seed).filter(pl.col("odd") == "")
    by_order = lines.group_by("order_number").agg(
        pl.col("color").n_unique().alias("colors"), pl.len(), pl.col("style").n_unique().alias("styles"),
        pl.col("varied").all(), pl.col("po_number").n_unique().alias("numbers"),
    )  # fmt: skip
    assert (by_order["colors"] == by_order["len"]).all()
    assert (by_order["numbers"] == 1).all()
    varied = by_order.filter("varied")
    assert (varied["styles"] == varied["len"]).all()
    assert by_order["order_number"].n_unique() == lines["po_number"].n_unique()
