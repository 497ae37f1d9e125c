"""Results of an audit, and their summary, without an audit: for the tests of its workbooks."""

from __future__ import annotations

import random
from typing import Any

import polars as pl

from etl.contracts.audit import MATCH_TYPES, MATCHED_PO, QUALITIES, AuditResults, AuditSummary
from etl.transforms.audit_report import FIELDS

__all__ = ["CUSTOMERS", "audit_tables"]

CUSTOMERS = (
    "Northwind Outfitters", "東京衣料", "Söder & Söner", "قطن الواحة", "ZEPHYR TRADING POST",
    "=CMD|'calc'!A0", "A/B: C?", "con",
)  # fmt: skip
_STYLES = ("LS12345", "=1+1", "+49", "-7", "@SUM(A1)", "绣77", "\tx", "http://a.example/b", "007")


def audit_tables(rows: int, seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Make that many results, and the summary that belongs to them."""
    chance = random.Random(seed)  # noqa: S311 - the same on every run
    results = pl.DataFrame(
        [_result(chance, at) for at in range(rows)], schema=pl.Schema(AuditResults), orient="row"
    )
    return results, _summary(results)


def _result(chance: random.Random, at: int) -> dict[str, Any]:
    customer = chance.choice(CUSTOMERS)
    match = chance.choices(MATCH_TYPES, [60, 20, 10, 10])[0]
    matched, ordered = match in MATCH_TYPES[:2], match != "NO_MATCH"
    quantity, po = chance.randint(1, 300), f"45{chance.randint(0, 9):04d}"
    shipped = 0 if match == "UNFULFILLED" else chance.choice([quantity, chance.randint(0, 330)])
    told: dict[str, Any] = {
        "audit_key": f"k{at:06d}",
        "customer": customer,
        "known_customer": customer != "ZEPHYR TRADING POST",
        "packed_qty": shipped,
        "shipped_qty": shipped,
        "match_type": match,
        "quality": chance.choice(QUALITIES),
        "ordered_qty": 0,
        "over_shipped": shipped > quantity,
        "under_shipped": shipped < quantity,
        "missing_order": not ordered,
    }
    if match != "UNFULFILLED":
        told |= {"po_number": po, "style": chance.choice(_STYLES), "size": "M", "color": "Navy"}
    if ordered:
        told |= {"order_number": "SO1", "order_po": po, "order_style": "LS12345"}
        told |= {"order_color": "Navy", "order_size": "M", "order_line_qty": quantity}
        told |= {"ordered_qty": chance.choice([quantity, 0]), "variance_qty": quantity - shipped}
        told |= {"variance_pct": (quantity - shipped) * 100 / quantity}
    if matched:
        told |= {f"{field}_match": chance.random() < 0.9 for field in FIELDS}
        told["matched_po"] = chance.choice([*MATCHED_PO, None])
        told["match_score"] = 100.0 if match == "EXACT" else round(chance.uniform(75, 100), 1)
    return {name: told.get(name) for name in AuditResults.column_names()}


def _summary(results: pl.DataFrame) -> pl.DataFrame:
    def counted(column: str, value: object) -> pl.Expr:
        return (pl.col(column) == value).sum().cast(pl.Int64)

    words = {"exact": "EXACT", "fuzzy": "FUZZY", "no_match": "NO_MATCH", "unfulfilled": "UNFULFILLED"}  # fmt: skip
    flags = ("over_shipped", "under_shipped", "missing_order")
    summed = results.group_by("customer").agg(
        pl.col("known_customer").first(),
        pl.len().cast(pl.Int64).alias("records"),
        *(counted("match_type", word).alias(f"{name}_count") for name, word in words.items()),
        *(counted("quality", word).alias(f"{word.lower()}_count") for word in QUALITIES),
        *(counted(flag, value=True).alias(f"{flag}_count") for flag in flags),
        *(pl.col(f"{field}_match").mean().alias(f"{field}_match_rate") for field in FIELDS),
        pl.col("packed_qty", "shipped_qty", "ordered_qty").sum(),
        pl.col("match_score").filter(match_type="FUZZY").mean().alias("average_fuzzy_score"),
    )
    variance = pl.col("ordered_qty") - pl.col("shipped_qty")
    return summed.with_columns(
        *((pl.col(f"{name}_count") / pl.col("records")).alias(f"{name}_rate") for name in (*words, *flags)),
        variance_qty=variance,
        variance_pct=pl.when(pl.col("ordered_qty") > 0).then(variance * 100 / pl.col("ordered_qty")),
    ).select(AuditSummary.column_names()).sort("customer")  # fmt: skip
