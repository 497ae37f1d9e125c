"""Small scans, orders and customers that meet often, as Hypothesis makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from hypothesis import strategies as st

from etl.contracts.customers import CustomerNames
from etl.contracts.keys import name_key
from etl.contracts.orders_unified import with_sizes
from etl.contracts.shipments import Packed, Shipped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "CUSTOMERS",
    "NAMES",
    "ORDERS",
    "STYLES",
    "inputs",
    "orders_of",
    "scans_of",
]

_KNOWN = {
    "Northwind Outfitters": (("Northwind", "NW"), ("style", "pattern")),
    "Café Lumière": ((), ("style",)),
    "Großmann": ((), ("pattern", "style")),
}
NAMES = {
    name_key(name): customer
    for customer, (aliases, _) in _KNOWN.items()
    for name in (customer, *aliases)
}
STYLES = {customer: style for customer, (_, style) in _KNOWN.items()}
CUSTOMERS = pl.DataFrame(
    [(key, customer, ",".join(STYLES[customer])) for key, customer in NAMES.items()],
    schema=pl.Schema(CustomerNames),
    orient="row",
)
ORDERS = with_sizes(["S", " m", "XL", "SMS"])

_CUSTOMERS = ["Northwind", " ＮＷ", "CAFÉ LUMIÈRE", "GROSSMANN", "Grossmann", "zephyr", None, "nan"]
_NUMBERS = ["A-7001", "a-7001 ", "A-7010", "7001 A-", "PO 12", "12 PO", "straße", "B", None, "None"]
_STYLES = ["LS1", "ls1", "LS12", "QX-88", "İ1", None, " "]
_COLORS = ["Navy", "NAVY ", "Navy Blue", "Blue Navy", "🔴", None, "null"]
_SIZES = ["S", "m", " XL", "SMS", "sms ", None]


def _mostly(values: Sequence[str | None]) -> st.SearchStrategy[str | None]:
    """The first of the values more often than the others, so that rows meet."""
    return st.one_of(st.sampled_from(values[:2]), st.sampled_from(values))


def _scans(contract: Any, what: str, max_size: int) -> st.SearchStrategy[pl.DataFrame]:
    scan = st.fixed_dictionaries(
        {
            "customer": _mostly(_CUSTOMERS),
            "po_number": _mostly(_NUMBERS),
            "alt_po": _mostly([None, *_NUMBERS]),
            "style": _mostly(_STYLES),
            "pattern": _mostly([None, *_STYLES]),
            "color": _mostly(_COLORS),
            "size": _mostly(_SIZES),
            "quantity": st.integers(0, 40),
        }
    )
    return st.lists(scan, max_size=max_size).map(lambda rows: scans_of(rows, contract, what))


def scans_of(rows: Sequence[Mapping[str, Any]], contract: Any = Shipped, what: str = "shipped") -> pl.DataFrame:  # fmt: skip
    """Scans of a contract; what is not told is null."""
    known = [{f"{what}_id": at, **row} for at, row in enumerate(rows, start=1)]
    return pl.DataFrame(known, schema=pl.Schema(contract))


def orders_of(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Orders; what is not told is null."""
    return pl.DataFrame(list(rows), schema=pl.Schema(ORDERS))


@st.composite
def inputs(draw: st.DrawFn, max_size: int = 8) -> list[pl.DataFrame]:
    """Packed, shipped, orders and customers."""
    quantity = st.one_of(st.none(), st.integers(0, 60))
    order = st.fixed_dictionaries(
        {
            "CUSTOMER NAME": _mostly(_CUSTOMERS),
            "PO NUMBER": _mostly(_NUMBERS),
            "ALT PO": _mostly([None, *_NUMBERS]),
            "STYLE": _mostly(_STYLES),
            "PATTERN": _mostly([None, *_STYLES]),
            "COLOR": _mostly(_COLORS),
            **dict.fromkeys(("S", " m", "XL", "SMS"), quantity),
        }
    )
    orders = orders_of(draw(st.lists(order, max_size=max_size)))
    packed = draw(_scans(Packed, "packed", max_size))
    return [packed, draw(_scans(Shipped, "shipped", max_size)), orders, CUSTOMERS]
