"""Frames of orders as customers send them, for the tests of the order transforms."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
from hypothesis import strategies as st

from etl.contracts.customers import CustomerNames
from etl.contracts.keys import name_key
from etl.contracts.master_schedule import MasterSchedule
from etl.contracts.orders_unified import SIZES_AFTER, SIZES_BEFORE, OrdersUnified
from etl.testing import NULL_WORDS, texts

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["CUSTOMERS", "customer_names", "one_order", "orders", "orders_of", "schedule_of"]

SIZES = ("XXS", "M", "0", "32DD", "ONE SIZE", "SMS")
CUSTOMERS = {
    "Northwind Outfitters": ["Northwind", "NW Outfitters Inc."],
    "Söder & Söner": ["Soder & Soner"],
    "東京衣料": ["Tokyo Iryo"],
}
_WRITTEN = ["Northwind", "NORTHWIND  outfitters", "ＮＯＲＴＨＷＩＮＤ", "Söder & Söner", "Tokyo Iryo",
            "Unheard Of", "None", ""]  # fmt: skip
# Few of each, so that keys meet; the same code in several ways of writing it.
_PART = {
    "ORDER NUMBER": ["SO-1", "so-1 ", "SO-2", "straße", "STRASSE", "a|b", "İ", "i\u0307"],
    "STYLE": ["ST-9", " st-9", "b", "b|c", "棉衫 👕"],
    "COLOR": ["Navy", "NAVY", "c", "\\c"],
}


def customer_names() -> pl.DataFrame:
    """The customers of these tests, as the reader gives them."""
    rows = [
        (name_key(name), customer, "style")
        for customer, aliases in CUSTOMERS.items()
        for name in (customer, *aliases)
    ]
    return pl.DataFrame(rows, schema=pl.Schema(CustomerNames), orient="row")


def schema(sizes: tuple[str, ...] = SIZES, dtype: Any = pl.Int64) -> dict[str, Any]:
    """The columns of orders with these sizes, in the table's order."""
    columns: dict[str, Any] = {}
    for name, kind in pl.Schema(OrdersUnified).items():
        columns[name] = kind
        if name == SIZES_AFTER:
            columns |= dict.fromkeys(sizes, dtype)
    return columns


def orders_of(
    *rows: dict[str, Any], sizes: tuple[str, ...] = SIZES, dtype: Any = pl.Int64
) -> pl.DataFrame:
    """Orders of these cells; what is not told is null."""
    columns = schema(sizes, dtype)
    cells = [{name: row.get(name) for name in columns} for row in rows]
    return pl.DataFrame(cells, schema=columns, orient="row")


def one_order(**more: Any) -> dict[str, Any]:
    """A row that is right, changed by what is told; ``order_number`` is ``ORDER NUMBER``."""
    row = {"ORDER NUMBER": "SO-1", "CUSTOMER NAME": "Northwind", "STYLE": "ST-9", "COLOR": "Navy"}
    return row | {name.replace("_", " ").upper(): value for name, value in more.items()}


def schedule_of(*keys: tuple[str, str, str]) -> pl.DataFrame:
    """A schedule that holds these order numbers, styles and colours."""
    names = ("order_number", "style", "color")
    columns = pl.Schema(MasterSchedule)
    rows = [{**dict.fromkeys(columns), **dict(zip(names, key, strict=True))} for key in keys]
    return pl.DataFrame(rows, schema=columns, orient="row")


def _cells() -> dict[str, SearchStrategy[Any]]:
    parts = {
        name: st.one_of(st.sampled_from(values), st.sampled_from([None, *NULL_WORDS]))
        for name, values in _PART.items()
    }
    return {
        **parts,
        "CUSTOMER NAME": st.one_of(st.none(), st.sampled_from(_WRITTEN)),
        "RECEIVED DATE": st.one_of(
            st.none(), st.sampled_from([dt.date(2026, 1, day) for day in (1, 2, 3)])
        ),
        "SEASON": st.one_of(st.none(), st.sampled_from(["SS26", " FW26 ", "nan", "春"])),
        "ORDER TYPE": st.one_of(st.none(), st.sampled_from(["ACTIVE", "CANCELLED", "Other", ""])),
        "PO NUMBER": st.one_of(st.none(), texts(20)),
        "UNIT PRICE": st.one_of(st.none(), st.sampled_from([Decimal("12.50"), Decimal(0)])),
        SIZES_BEFORE: st.one_of(st.none(), st.integers(0, 500)),
    }


@st.composite
def orders(draw: st.DrawFn, *, max_size: int = 8) -> pl.DataFrame:
    """Orders of few keys, many of them written in several ways, some of them twice."""
    quantities = st.one_of(st.none(), st.integers(0, 50), st.just(-1))
    row = st.fixed_dictionaries({**_cells(), **dict.fromkeys(SIZES, quantities)})
    rows = draw(st.lists(row, max_size=max_size))
    if rows and draw(st.booleans()):
        rows += draw(st.lists(st.sampled_from(rows), max_size=3))
    return orders_of(*draw(st.permutations(rows)))
