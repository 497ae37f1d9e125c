"""The audit's matching as a plain script would have it: pandas, row by row, and rapidfuzz.

The rules are those of :mod:`etl.transforms.audit`, from the tables to each shipment's order line.
There is no variance, no quality and no summary here: what this leaves out is in its favour.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from rapidfuzz.fuzz import token_sort_ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["KEY", "matched", "order_lines", "shipments"]

KEY: Final = ("customer", "po_number", "alt_po", "style", "pattern", "color", "size")
_TEXTS: Final = KEY[1:-1]
_ORDER: Final = ("PO NUMBER", "ALT PO", "STYLE", "PATTERN", "COLOR")
_SAMPLES: Final = ("SMS",)
_TIES: Final = ("po_number", "alt_po", "style", "color", "size", "pattern")
_NUMBERS: Final = (
    ("po_number", "po_number"),
    ("alt_po", "alt_po"),
    ("po_number", "alt_po"),
    ("alt_po", "po_number"),
)
_LEAST: Final = 75
_DIGITS: Final = 9
_WORDS_FOR_NULL: Final = ("", "NONE", "NAN", "NULL", "NAT")


def _text(cell: Any) -> str | None:
    word = "" if pd.isna(cell) else str(cell).strip().upper()
    return None if word in _WORDS_FOR_NULL else word


def _customer(cell: Any, names: Mapping[str, str]) -> str | None:
    if _text(cell) is None:
        return None
    key = " ".join(unicodedata.normalize("NFKC", str(cell)).split()).casefold()
    return names.get(key, key)


def order_lines(orders: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Unpivot the orders: a row for each size with a quantity, in the order of ties."""
    columns = list(orders.columns)
    sizes = columns[columns.index("UNIT OF MEASURE") + 1 : columns.index("TOTAL QTY")]
    found: dict[tuple[Any, ...], int] = {}
    for _, row in orders.iterrows():
        texts = [_text(row[name]) for name in _ORDER]
        customer = _customer(row["CUSTOMER NAME"], names)
        for size in sizes:
            if size not in _SAMPLES and not pd.isna(row[size]) and row[size] > 0:
                key = (customer, *texts, _text(size))
                found[key] = found.get(key, 0) + int(row[size])
    lines = pd.DataFrame(list(found), columns=list(KEY), dtype=object)
    lines["quantity"] = list(found.values())
    return lines.sort_values(list(_TIES), na_position="last", kind="stable", ignore_index=True)


def shipments(scans: Iterable[pd.DataFrame], names: Mapping[str, str]) -> pd.DataFrame:
    """Sum packed and shipped by what they say."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for at, frame in enumerate(scans):
        for _, row in frame.iterrows():
            key = (_customer(row["customer"], names), *(_text(row[name]) for name in KEY[1:]))
            if key[-1] not in _SAMPLES:
                sums = found.setdefault(key, [0, 0])
                sums[at] += 0 if pd.isna(row["quantity"]) else int(row["quantity"])
    rows = pd.DataFrame(list(found), columns=list(KEY), dtype=object)
    rows[["packed_qty", "shipped_qty"]] = list(found.values())
    return rows


def matched(
    shipped: pd.DataFrame, lines: pd.DataFrame, styles: Mapping[str, list[str]]
) -> list[dict[str, Any]]:
    """Find each shipment's order line, ``line`` of its type ``match_type``, among its customer's."""
    by_customer = dict(list(lines.groupby("customer")))
    found = []
    for _, shipment in shipped.iterrows():
        fields = styles.get(shipment["customer"], ["style"])
        candidates = by_customer.get(shipment["customer"], lines.head(0))
        kind, line = "EXACT", _exact(shipment, candidates, fields)
        if line is None:
            kind, line = "FUZZY", _closest(shipment, candidates, fields)
        key = {name: shipment[name] for name in KEY}
        there = {f"order_{name}": None if line is None else line[name] for name in KEY[1:]}
        found.append({**key, "match_type": "NO_MATCH" if line is None else kind, **there})
    return found


def _style(row: pd.Series, fields: list[str]) -> str | None:
    return next((row[field] for field in fields if row[field] is not None), None)


def _exact(shipment: pd.Series, lines: pd.DataFrame, fields: list[str]) -> pd.Series | None:
    """The first line that says the same; a column at a time, as pandas is meant to be used."""
    style = _style(shipment, fields)
    if style is None or shipment["color"] is None or shipment["size"] is None:
        return None
    # The whole columns are compared but for the style, whose field depends on the line.
    same = lines[(lines["color"] == shipment["color"]) & (lines["size"] == shipment["size"])]
    for ours, theirs in _NUMBERS:
        if shipment[ours] is not None:
            for _, line in same[same[theirs] == shipment[ours]].iterrows():
                found: pd.Series = line
                if _style(found, fields) == style:
                    return found
    return None


def _closest(shipment: pd.Series, lines: pd.DataFrame, fields: list[str]) -> pd.Series | None:
    """The line that is most alike, if it is enough; of equal ones the first."""
    best, closest = 0.0, None
    for _, line in lines.iterrows():
        score = _score(shipment, line, fields)
        if score > best:
            best, closest = score, line
    return closest if best >= _LEAST else None


def _score(shipment: pd.Series, line: pd.Series, fields: list[str]) -> float:
    total = weight = 0.0
    for of, share in ((("po_number", "alt_po"), 3), (fields, 3), (("color",), 2), (("size",), 2)):
        ours = [shipment[field] for field in of if shipment[field] is not None]
        theirs = [line[field] for field in of if line[field] is not None]
        if ours and theirs:
            total += share * max(token_sort_ratio(a, b) for a in ours for b in theirs)
            weight += share
    return round(total / weight, _DIGITS) if weight else 0.0
