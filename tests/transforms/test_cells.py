"""The cleaning of cells: against a model in plain Python, and the same on every engine."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.testing import texts
from etl.transforms.cells import (
    WHITE_SPACE,
    date_text,
    datetime_text,
    number_text,
    without_null_words,
)
from etl.transforms.portable import on_any_engine
from tests.strategies import date_texts, number_texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.testing import Engine

CLEANERS = [without_null_words, number_text, date_text, datetime_text]
CELLS = st.lists(
    st.one_of(st.none(), texts(), number_texts(), date_texts()), min_size=1, max_size=12
)


def clean(cleaner: Callable[[nw.Expr], nw.Expr], cells: list[str | None]) -> list[str | None]:
    frame = pl.DataFrame({"cell": cells}, schema={"cell": pl.String})
    return nw.from_native(frame).select(cleaner(nw.col("cell"))).to_native()["cell"].to_list()


@pytest.mark.parametrize("cleaner", CLEANERS)
@given(cells=CELLS)
def test_every_engine_cleans_alike(
    engine: Engine, cleaner: Callable[[nw.Expr], nw.Expr], cells: list[str | None]
) -> None:
    frame = pl.DataFrame({"cell": cells}, schema={"cell": pl.String})
    cleaned = on_any_engine(
        lambda rows: (
            rows.with_columns(cleaner(nw.col("cell")))
            if rows.collect_schema()["cell"] == nw.String  # nothing but null has no type in pandas
            else rows.with_columns(nw.col("cell").cast(nw.String))
        ),
        engine.make(frame),
    )
    assert engine.read(cleaned)["cell"].to_list() == clean(cleaner, cells)


@pytest.mark.parametrize("cleaner", CLEANERS)
@given(cells=CELLS)
def test_cleaning_twice_is_cleaning_once(
    cleaner: Callable[[nw.Expr], nw.Expr], cells: list[str | None]
) -> None:
    once = clean(cleaner, cells)
    assert clean(cleaner, once) == once


@given(cells=CELLS)
def test_only_the_words_for_null_become_null(cells: list[str | None]) -> None:
    for before, after in zip(cells, clean(without_null_words, cells), strict=True):
        is_word = before is None or before.strip().lower() in {"", "none", "nan", "null", "nat"}
        assert after == (None if is_word else before)


def test_white_space_is_what_python_calls_it() -> None:
    assert set(WHITE_SPACE) == {chr(c) for c in range(0x110000) if chr(c).isspace()}


@given(cells=CELLS)
def test_a_number_keeps_its_value_and_other_text_every_character(cells: list[str | None]) -> None:
    number = re.compile(r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]*)?|[+-]?\.[0-9]+")
    for before, after in zip(cells, clean(number_text, cells), strict=True):
        if before is not None and number.fullmatch(before.strip()):
            assert after is not None
            assert Decimal(after) == Decimal(before.strip().replace(",", ""))
            assert re.fullmatch(r"[+-]?[0-9]*\.?[0-9]*", after)
        else:
            assert after == before


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        ("12", "12"),
        (" +1,234,567.50\u00a0", "+1234567.50"),
        ("-0.5", "-0.5"),
        (".5", ".5"),
        ("1,23", "1,23"),
        ("1234,567", "1234,567"),
        ("1.5,000", "1.5,000"),
        ("- 5", "- 5"),
        ("1e3", "1e3"),
        ("٣", "٣"),
        ("$5", "$5"),
        ("(5)", "(5)"),
        (".", "."),
        ("12\n", "12"),
        ("1\n2", "1\n2"),
    ],
)
def test_what_counts_as_a_number(written: str, cleaned: str) -> None:
    assert clean(number_text, [written]) == [cleaned]


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        ("1753-01-01", "1753-01-01"),
        ("1752-12-31", None),
        ("9999-12-31", "9999-12-31"),
        ("10000-01-01", None),
        ("+12024-01-01", None),
        ("-0044-03-15", None),
        ("0000-00-00", None),
        ("2024-02-29T23:59:59.999Z", "2024-02-29"),
        ("2024-02-29 23:59:59 UTC", "2024-02-29"),
        ("2024-02-29T23:59+00:00", "2024-02-29"),
        # A date elsewhere, and times that are none: for the contract to judge, as they are.
        ("2024-02-29T23:59+02:00", "2024-02-29T23:59+02:00"),
        ("2024-02-29 25:00", "2024-02-29 25:00"),
        ("29.02.2024", "29.02.2024"),
        ("soon", "soon"),
    ],
)
def test_what_counts_as_a_date(written: str, cleaned: str | None) -> None:
    assert clean(date_text, [written]) == [cleaned]


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        ("2024-02-29 23:59:59", "2024-02-29 23:59:59Z"),
        ("2024-02-29 23:59:59 UTC", "2024-02-29 23:59:59Z"),
        ("2024-02-29T23:59:59+00:00", "2024-02-29T23:59:59Z"),
        ("2024-02-29T23:59:59+02:00", "2024-02-29T23:59:59+02:00"),
        ("2024-02-29", "2024-02-29"),
        ("1752-12-31 23:59:59", None),
        ("UTC", "UTC"),
    ],
)
def test_what_counts_as_a_time(written: str, cleaned: str | None) -> None:
    assert clean(datetime_text, [written]) == [cleaned]
