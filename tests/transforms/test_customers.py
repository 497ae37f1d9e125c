"""Customers and keys: against Python's own rules, and the same on every engine."""

from __future__ import annotations

import sys
import unicodedata
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from etl.contracts.customers import CustomerNames
from etl.contracts.keys import code_key, name_key
from etl.errors import ContractError
from etl.testing import Engine, hand_over, texts
from etl.transforms.customers import canonical_customers
from etl.transforms.keys import with_keys
from etl.transforms.portable import on_any_engine

if TYPE_CHECKING:
    from collections.abc import Callable

# What folds in a way of its own, is wider than others, or is white space to some alone.
WILD = ["straße", "STRASSE", "İstanbul", "ıŞIK", "ΑΣ", "ας", "ＡＢ　Ｃ", "ﬁne", "Å", "A\u030a", "ͅα",
        "½", "\u1e9e", "ǅ", "Ω", "x\x1cy", "x\x85y", "\u200bz", "東京　衣料", "서울니트(주)"]  # fmt: skip
NAMES = st.one_of(st.none(), texts(), st.sampled_from(WILD), st.text(max_size=8))
COLUMNS = st.lists(NAMES.filter(lambda text: text is None or "\0" not in text), max_size=8)


def column(cells: list[str | None], name: str = "customer") -> pl.DataFrame:
    return pl.DataFrame({name: cells}, schema={name: pl.String})


def names(**aliases: str) -> pl.DataFrame:
    """Customers' names: key -> customer."""
    rows = [(key, customer, "style") for key, customer in aliases.items()]
    return pl.DataFrame(rows, schema=pl.Schema(CustomerNames), orient="row")


@pytest.mark.parametrize("key", [code_key, name_key])
@given(cells=COLUMNS)
def test_every_engine_gives_pythons_keys(
    engine: Engine, key: Callable[[str], str], cells: list[str | None]
) -> None:
    keyed = on_any_engine(
        lambda rows: with_keys(rows, {"key": "customer"}, key=key), engine.make(column(cells))
    )
    expected = [None if cell is None else key(cell) for cell in cells]
    assert engine.read(keyed)["key"].to_list() == expected
    assert engine.read(keyed)["customer"].to_list() == cells


@pytest.mark.parametrize("key", [code_key, name_key])
@given(text=st.one_of(texts(), st.sampled_from(WILD), st.text()))
def test_a_key_is_its_own_key(key: Callable[[str], str], text: str) -> None:
    assert key(key(text)) == key(text)
    assert key(f"\t {text}\u3000") == key(text)


def test_every_letter_has_one_key_in_either_case_and_form() -> None:
    for point in range(sys.maxunicode + 1):
        if not 0xD800 <= point < 0xE000:
            letter = chr(point)
            assert name_key(letter) == name_key(unicodedata.normalize("NFKC", letter))
            assert name_key(letter) == name_key(letter.casefold())
            assert code_key(letter) == code_key(letter.casefold())


def test_a_whole_number_has_the_key_of_its_text(engine: Engine) -> None:
    frame = pl.DataFrame({"order": [1001, 7]})
    keyed = on_any_engine(lambda rows: with_keys(rows, {"key": "order"}), engine.make(frame))
    assert engine.read(keyed)["key"].to_list() == ["1001", "7"]


def test_a_column_without_a_text_of_its_own_is_refused(engine: Engine) -> None:
    frame = engine.make(pl.DataFrame({"order": [1001.5]}))
    with pytest.raises(ContractError, match="order is taken as text, but the frame has Float64"):
        on_any_engine(lambda rows: with_keys(rows, {"key": "order"}), frame)


def test_of_polars_nothing_is_computed_before_its_owner_asks() -> None:
    def fail(frame: pl.DataFrame) -> pl.DataFrame:
        raise AssertionError("computed")

    lazy = column(["straße"]).lazy().map_batches(fail, schema={"customer": pl.String})
    result = canonical_customers(lazy, names().lazy())
    with pytest.raises(AssertionError, match="computed"):
        result.collect()


def test_a_name_is_a_customers_however_it_is_written(engine: Engine) -> None:
    customers = names(**{"northwind": "Northwind", "söder & söner": "Söder", "東京衣料": "Tōkyō"})
    written = ["NORTHWIND ", "ｎｏｒｔｈｗｉｎｄ", "So\u0308der  &\tSÖNER", "東京衣料\u3000", "North", "northwind inc",
               "soder & soner", "", None]  # fmt: skip
    rows = canonical_customers(*hand_over(engine, column(written), customers))
    found = dict(engine.read(rows).select("customer", "canonical_customer").rows())
    known = ["Northwind", "Northwind", "Söder", "Tōkyō"]
    assert found == dict(zip(written, [*known, *[None] * 5], strict=True))


@settings(max_examples=10)
@given(cells=COLUMNS, known=st.lists(st.sampled_from([*WILD, "None", "12"]), max_size=6))
def test_every_row_stays_once_and_no_part_of_a_name_counts(
    engine: Engine, cells: list[str | None], known: list[str]
) -> None:
    customers = names(**{name_key(name): name for name in known})
    by_key = dict(customers.select("alias_key", "customer").rows())
    rows = engine.read(canonical_customers(*hand_over(engine, column(cells), customers)))
    expected = pl.DataFrame(
        [(cell, None if cell is None else by_key.get(name_key(cell))) for cell in cells],
        schema={"customer": pl.String, "canonical_customer": pl.String},
        orient="row",
    )
    by = ["customer", "canonical_customer"]
    assert_frame_equal(rows.cast(pl.String).sort(by), expected.sort(by))


def test_no_rows_and_no_customers_are_fine(engine: Engine) -> None:
    rows = canonical_customers(*hand_over(engine, column([]), names()))
    assert engine.read(rows).columns == ["customer", "canonical_customer"]
    some = canonical_customers(*hand_over(engine, column(["x", None]), names()))
    assert engine.read(some)["canonical_customer"].to_list() == [None, None]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ContractError, match="canonical_customers: the frame has no column buyer"):
        canonical_customers(column(["x"]), names(), column="buyer")
    with pytest.raises(ContractError, match="the customers: the frame has no column alias_key"):
        canonical_customers(column(["x"]), column(["x"]))
