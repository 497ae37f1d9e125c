"""Subitems of the scheduled items, and what was packed and shipped of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import narwhals as nw

from etl.contracts.audit_steps import AuditLines
from etl.contracts.board_results import BoardResults
from etl.contracts.describe import describe
from etl.contracts.master_schedule import MasterSchedule, ScheduleSubitems
from etl.transforms.audit import combine, match_cross_field, match_exact, standardise
from etl.transforms.batches import settled
from etl.transforms.portable import on_any_engine, require, typed

if TYPE_CHECKING:
    from etl.transforms.portable import Lazy

__all__ = ["quantity_payloads", "schedule_subitems"]

_TABLE: Final = tuple(column.name for column in describe(ScheduleSubitems))
_CELLS: Final = ("size_key", "size", "order_qty", "packed_qty", "shipped_qty")
_OF_BOARD: Final = ("parent_item_id", "item_id", "item_name", *_CELLS)
_OF_SCHEDULE: Final = (
    "order_key", "order_number", "board_item_id", "customer", "po_number", "alt_po", "style",
    "pattern", "color",
)  # fmt: skip
_RESULTS: Final = ("key", "status")


def quantity_payloads(
    subitems: Any, schedule: Any, packed: Any, shipped: Any, customers: Any
) -> Any:
    """Give the subitems whose packed or shipped quantity is not what was packed or shipped.

    A scan counts for the size of the order that says the same of customer, PO, style and colour,
    by the exact rules of the audit (:func:`~etl.transforms.audit.match_exact`,
    :func:`~etl.transforms.audit.match_cross_field`), and for one of them where several do. Nothing
    packed and an empty cell are the same.

    Parameters
    ----------
    subitems
        The board's subitems (:class:`etl.io.monday.reader.MondaySubitems`), of any engine.
    schedule
        Rows of :class:`~etl.contracts.master_schedule.MasterSchedule`, of the same engine as all.
    packed, shipped
        Rows of :mod:`etl.contracts.shipments`.
    customers
        The customers' names.

    Returns
    -------
    the type of ``subitems``
        A payload a subitem: ``key``, ``item_name``, ``item_id``, ``parent_item_id`` and the
        quantities.
    """
    rows = on_any_engine(_scheduled, subitems, schedule)
    sums = _quantities(rows, schedule, packed, shipped, customers)
    return on_any_engine(_payloads, rows, sums)


def schedule_subitems(
    subitems: Any, schedule: Any, packed: Any, shipped: Any, customers: Any, results: Any
) -> Any:
    """Give the schedule's subitems as the board has them, after its quantities were written.

    Parameters
    ----------
    subitems, schedule, packed, shipped, customers
        As of :func:`quantity_payloads`.
    results
        What became of its payloads (:class:`~etl.contracts.board_results.BoardResults`).

    Returns
    -------
    the type of ``subitems``
        Rows of :class:`~etl.contracts.master_schedule.ScheduleSubitems`, one for each subitem of a
        scheduled item.
    """
    rows = on_any_engine(_scheduled, subitems, schedule)
    sums = _quantities(rows, schedule, packed, shipped, customers)
    return on_any_engine(_written, rows, sums, results)


def _scheduled(subitems: Lazy, schedule: Lazy) -> Lazy:
    """The subitems of scheduled items, with the keys of their orders."""
    require(subitems, _OF_BOARD, "schedule_subitems, subitems")
    require(schedule, _OF_SCHEDULE, "schedule_subitems, schedule")
    orders = typed(schedule, MasterSchedule).select(
        "order_key", nw.col("board_item_id").alias("parent_item_id")
    )
    rows = typed(subitems.select(*_OF_BOARD), ScheduleSubitems)
    rows = rows.join(orders, on="parent_item_id", how="inner")
    # One that somebody has made by hand has a name, and no key yet.
    rows = rows.with_columns(size=nw.coalesce(nw.col("size"), nw.col("item_name")))
    made = nw.concat_str("order_key", "size", separator="|")
    return rows.with_columns(size_key=nw.coalesce(nw.col("size_key"), made))


def _quantities(rows: Any, schedule: Any, packed: Any, shipped: Any, customers: Any) -> Any:
    """What was packed and shipped, by ``size_key``."""
    lines = standardise(on_any_engine(_order_lines, rows, schedule), customers)
    lines = settled(on_any_engine(_numbered, lines))
    shipments = settled(combine(*(standardise(scans, customers) for scans in (packed, shipped))))
    exact = settled(match_exact(shipments, lines))
    crossed = settled(match_cross_field(shipments, lines, exact))
    return on_any_engine(_summed, shipments, exact, crossed, lines)


def _order_lines(rows: Lazy, schedule: Lazy) -> Lazy:
    orders = typed(schedule.select(*_OF_SCHEDULE), MasterSchedule).drop("board_item_id")
    lines = rows.select("order_key", "size_key", "size").unique(keep="any")
    return lines.join(orders, on="order_key", how="inner")


def _numbered(lines: Lazy) -> Lazy:
    place = nw.col("size_key").cum_count().over(order_by=["size_key", "size"]).cast(nw.Int64)
    lines = lines.with_columns(place.alias("line"), nw.lit(1, dtype=nw.Int64).alias("quantity"))
    return lines.select("size_key", *(column.name for column in describe(AuditLines)))


def _summed(shipments: Lazy, exact: Lazy, crossed: Lazy, lines: Lazy) -> Lazy:
    matches = nw.concat([one.select("shipment", "line") for one in (exact, crossed)])
    found = shipments.join(matches, on="shipment", how="inner")
    found = found.join(lines.select("line", "size_key"), on="line", how="inner")
    sums = found.group_by("size_key").agg(
        nw.col("packed_qty").sum().alias("packed"), nw.col("shipped_qty").sum().alias("shipped")
    )
    return sums.with_columns(nw.col("packed", "shipped").cast(nw.Int64))


def _differing(rows: Lazy, sums: Lazy) -> Lazy:
    rows = rows.join(sums, on="size_key", how="left")
    rows = rows.with_columns(nw.col("packed", "shipped").fill_null(0))
    differs = nw.any_horizontal(
        *(
            nw.col(f"{name}_qty").cast(nw.Float64).fill_null(0.0) != nw.col(name).cast(nw.Float64)
            for name in ("packed", "shipped")
        ),
        ignore_nulls=False,
    )
    # A key that two subitems have says nothing about either; a sum below 0 is for somebody to see.
    once = rows.group_by("size_key").agg(nw.col("item_id").count().alias("subitems"))
    rows = rows.join(once, on="size_key", how="left")
    fits = (nw.col("subitems") == 1) & (nw.col("packed") >= 0) & (nw.col("shipped") >= 0)
    return rows.with_columns(to_write=differs & fits)


def _payloads(rows: Lazy, sums: Lazy) -> Lazy:
    return (
        _differing(rows, sums)
        .filter(nw.col("to_write"))
        .sort("size_key", nulls_last=True)
        .select(
            nw.col("size_key").alias("key"),
            "item_name",
            "item_id",
            "parent_item_id",
            nw.col("packed").alias("packed_qty"),
            nw.col("shipped").alias("shipped_qty"),
        )
    )


def _written(rows: Lazy, sums: Lazy, results: Lazy) -> Lazy:
    require(results, _RESULTS, "schedule_subitems, results")
    results = typed(results.select(*_RESULTS), BoardResults)
    done = results.filter(nw.col("status") == "done").select(
        nw.col("key").alias("size_key"), nw.lit(value=True).alias("is_done")
    )
    rows = _differing(rows, sums).join(done, on="size_key", how="left")
    written = nw.col("to_write") & nw.col("is_done").fill_null(value=False)
    return rows.with_columns(
        *(
            nw.when(written)
            .then(nw.col(name).cast(nw.Float64))
            .otherwise(nw.col(f"{name}_qty").cast(nw.Float64))
            .alias(f"{name}_qty")
            for name in ("packed", "shipped")
        ),
        board_item_id=nw.col("parent_item_id"),
        board_subitem_id=nw.col("item_id"),
    ).select(*_TABLE)
