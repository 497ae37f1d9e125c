"""The audit's matching rules once more, row by row: slow, and easy to compare with the words.

It reads the tables as anybody would, and knows nothing of how the samples are made.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from rapidfuzz.fuzz import token_sort_ratio

from etl.contracts.orders_unified import SAMPLE_SIZES, size_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

__all__ = ["Line", "Shipment", "combined", "match", "order_lines", "score"]

LEAST = 75
# Tenths: sums of whole scores are without an error, and what is equal is equal.
WEIGHTS = {"po": 3, "style": 3, "color": 2, "size": 2}


@dataclass(frozen=True)
class Line:
    """An order line of one size."""

    customer: str
    po_number: str | None
    alt_po: str | None
    style: str | None
    pattern: str | None
    color: str | None
    size: str
    order_number: str | None


@dataclass(frozen=True)
class Shipment:
    """What packed and shipped are combined by."""

    customer: str | None
    po_number: str | None
    alt_po: str | None
    style: str | None
    pattern: str | None
    color: str | None
    size: str | None


def standard(text: str | None) -> str | None:
    """Trim and upper-case; a word for null is null."""
    word = (text or "").strip().upper()
    return None if word in {"", "NONE", "NAN", "NULL", "NAT"} else word


def canonical(name: str | None, names: Mapping[str, str]) -> str | None:
    """The customer's name, or the normalised one where nobody knows it."""
    if standard(name) is None:
        return None
    key = " ".join(unicodedata.normalize("NFKC", str(name)).split()).casefold()
    return names.get(key, key)


def order_lines(orders: pl.DataFrame, names: Mapping[str, str]) -> dict[Line, int]:
    """Unpivot the sizes: those with a quantity, summed where a line is there twice."""
    found: dict[Line, int] = defaultdict(int)
    sizes = [size for size in size_columns(orders.columns) if size not in SAMPLE_SIZES]
    for row in orders.iter_rows(named=True):
        texts = [standard(row[name]) for name in ("PO NUMBER", "ALT PO", "STYLE", "PATTERN", "COLOR")]  # fmt: skip
        customer = canonical(row["CUSTOMER NAME"], names)
        for size in sizes:
            if customer is not None and (row[size] or 0) > 0:
                line = Line(customer, *texts, str(standard(size)), standard(row["ORDER NUMBER"]))
                found[line] += row[size]
    return dict(found)


def combined(
    packed: pl.DataFrame, shipped: pl.DataFrame, names: Mapping[str, str]
) -> dict[Shipment, tuple[int, int]]:
    """Sum packed and shipped by what they say, without samples."""
    found: dict[Shipment, list[int]] = defaultdict(lambda: [0, 0])
    for at, scans in enumerate((packed, shipped)):
        for row in scans.iter_rows(named=True):
            texts = [standard(row[name]) for name in ("po_number", "alt_po", "style", "pattern", "color", "size")]  # fmt: skip
            if texts[-1] not in SAMPLE_SIZES:
                found[Shipment(canonical(row["customer"], names), *texts)][at] += row["quantity"]
    return {shipment: (sums[0], sums[1]) for shipment, sums in found.items()}


def match(
    shipments: Iterable[Shipment],
    lines: Iterable[Line],
    styles: Mapping[str, tuple[str, ...]],
) -> dict[Shipment, tuple[str, Line | None]]:
    """Find each shipment's order line: ``EXACT``, ``FUZZY`` or ``NO_MATCH``, and which."""
    by_customer: dict[str, list[Line]] = defaultdict(list)
    for line in sorted(lines, key=_order):
        by_customer[line.customer].append(line)
    found: dict[Shipment, tuple[str, Line | None]] = {}
    for shipment in shipments:
        fields = styles.get(str(shipment.customer), ("style",))
        candidates = by_customer.get(str(shipment.customer), [])
        exact = [line for line in candidates if _is_exact(shipment, line, fields)]
        if exact:
            found[shipment] = ("EXACT", min(exact, key=lambda line: numbers(shipment, line)))
            continue
        scored = [(score(shipment, line, fields), line) for line in candidates]
        best, closest = max(scored, key=lambda pair: pair[0], default=(-1.0, None))
        found[shipment] = ("FUZZY", closest) if best >= LEAST else ("NO_MATCH", None)
    return found


def _order(line: Line) -> tuple[Any, ...]:
    parts = (line.po_number, line.alt_po, line.style, line.color, line.size, line.pattern, line.order_number)  # fmt: skip
    return tuple((part is None, part or "") for part in parts)


def _filled(row: Line | Shipment, fields: Iterable[str]) -> list[str]:
    return [value for field in fields if (value := getattr(row, field)) is not None]


def numbers(shipment: Shipment, line: Line) -> int | None:
    """Which numbers are the same: of the same field first, PO before alternative PO."""
    pairs = (
        (shipment.po_number, line.po_number),
        (shipment.alt_po, line.alt_po),
        (shipment.po_number, line.alt_po),
        (shipment.alt_po, line.po_number),
    )
    same = [at for at, (ours, theirs) in enumerate(pairs) if ours is not None and ours == theirs]
    return same[0] if same else None


def _is_exact(shipment: Shipment, line: Line, fields: tuple[str, ...]) -> bool:
    ours, theirs = _filled(shipment, fields), _filled(line, fields)
    return (
        numbers(shipment, line) is not None
        and bool(ours and theirs)
        and ours[0] == theirs[0]
        and shipment.color is not None
        and shipment.color == line.color
        and shipment.size == line.size
    )


@cache
def _ratio(left: str, right: str) -> float:
    return token_sort_ratio(left, right)


def score(shipment: Shipment, line: Line, fields: tuple[str, ...]) -> float:
    """Weigh the best pairs of each part; a part that either lacks gives its weight to the others."""
    parts = {"po": ("po_number", "alt_po"), "style": fields, "color": ("color",), "size": ("size",)}
    total, weight = 0.0, 0
    for part, of in parts.items():
        ours, theirs = _filled(shipment, of), _filled(line, of)
        if ours and theirs:
            total += WEIGHTS[part] * max(_ratio(a, b) for a in ours for b in theirs)
            weight += WEIGHTS[part]
    return round(total / weight, 9) if weight else -1.0
