"""The rows that :mod:`benchmarks.scale` gives every engine: Parquet files, made once, batch by batch."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from etl.contracts.shipments import Packed, Shipped
from etl.samples._mixing import Draws

__all__ = ["audit_tables", "board"]

_FILE_ROWS: Final = 200_000
_GROUP_ROWS: Final = 50_000
"""Rows of a Parquet row group: what an engine that streams has in hand for each thread."""
_POOL_ITEMS: Final = 2_000
_FIRST_ITEM: Final = 7_200_000_000
_ORDERS: Final = 54_000
_ROWS_AN_ORDER: Final = 3.02
"""One of orders, and about as many scans."""


def board(rows: int, directory: Path) -> dict[str, int]:
    """Write items of a planning board, as its reader gives them, into ``directory/items``.

    Cells are those of the sample board, mixed anew for each item; numbers that are an item's own
    (its id, PO, linked orders) are its own here too.
    """
    from benchmarks.transforms import board as sample_board
    from etl.contracts.board_planning import BoardPlanning

    pool = sample_board(min(rows, _POOL_ITEMS) * len(BoardPlanning.column_names()))
    draws, at = Draws(0), pl.col("n")
    mixed = [
        pl.lit(pool[name]).gather(draws.below(pool.height, at, name)).alias(name)
        for name in pool.columns
    ]
    own = at.cast(pl.Int64) + _FIRST_ITEM
    text = own.cast(pl.String)
    forms = {"po_number": "PO-{}", "linked_orders": "Order {}", "depends_on": "Task {}", "sizes": "[{}]"}  # fmt: skip
    named = [
        pl.when(pl.col(name).is_not_null()).then(pl.format(form, text)).alias(name)
        for name, form in forms.items()
    ]

    count = 0
    for number, start in enumerate(range(0, rows, _FILE_ROWS)):
        stop = min(start + _FILE_ROWS, rows)
        n = pl.select(n=pl.int_range(start, stop, dtype=pl.UInt64))
        items = n.select("n", *mixed).with_columns(*named, item_id=own, pulse_id=own)
        count += _write(items.select(pool.columns), directory / "items", number)
    return {"items": count}


def audit_tables(rows: int, directory: Path) -> dict[str, int]:
    """Write orders, and what was packed and shipped of them, ``rows`` in all; and the customers."""
    from etl.config import load_config
    from etl.io.rules import Customers
    from etl.io.source import ReadContext
    from etl.samples.orders import clean_lines, orders_unified
    from etl.samples.shipments import packed, parcels, shipped

    root = Path(__file__).resolve().parents[1]
    customers = Customers().read(ReadContext(config=load_config(root / "config.yaml"))).frame
    _write(customers, directory / "customers", 0)
    counts = dict.fromkeys(("orders", "packed", "shipped"), 0)
    left, batch = round(rows / _ROWS_AN_ORDER), 0
    while left > 0:
        # A seed a batch: orders of their own, of the same customers.
        lines = clean_lines(min(left, _ORDERS), batch)
        made = parcels(lines, batch)
        tables = {
            "orders": orders_unified(lines, batch),
            "packed": packed(made, batch).select(Packed.column_names()),
            "shipped": shipped(made, batch).select(Shipped.column_names()),
        }
        for name, table in tables.items():
            counts[name] += _write(table, directory / name, batch)
        left, batch = left - _ORDERS, batch + 1
    return counts


def _write(frame: pl.DataFrame, directory: Path, number: int) -> int:
    directory.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(directory / f"{number:04}.parquet", row_group_size=_GROUP_ROWS)
    return frame.height
