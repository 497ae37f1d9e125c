"""New orders into staging, where they wait to get to the board and into the schedule.

What is done with them there is in :mod:`etl.transforms.order_board` (the board's items and subitems)
and :mod:`etl.transforms.order_promotion` (the schedule, and what is deleted by its age).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import narwhals as nw

from etl.contracts.master_schedule import KEY_LENGTH, MasterSchedule
from etl.contracts.order_staging import (
    DROPPED,
    FAILED,
    PENDING,
    PROMOTED,
    OrderBatches,
    OrderStaging,
    OrderStagingSizes,
)
from etl.errors import ContractError
from etl.transforms._staging import (
    BATCHES,
    CONTENT,
    SIZES,
    STAGING,
    batch_rows,
    in_utc,
    no_time,
    rows_of,
    text_of,
    utf16_units,
)
from etl.transforms.portable import equal, on_any_engine, require, typed

if TYPE_CHECKING:
    import datetime as dt

    from etl.transforms.portable import Lazy

__all__ = ["stage_orders"]

_OF_SIZES: Final = ("order_key", "size", "quantity")
_SIZE_LENGTH: Final = 50
_WHO: Final = "stage_orders"


def stage_orders(
    orders: Any,
    sizes: Any,
    staging: Any,
    staged_sizes: Any,
    batches: Any,
    *,
    now: dt.datetime,
    run_id: str,
    batch_size: int,
) -> dict[str, Any]:
    """Put new orders into staging, in batches of one customer each, the newest received first.

    An order that is staged already is staged anew, in a new batch, if it has changed at the source
    and has not got through yet (``PENDING`` or ``FAILED``); so a row that was rejected and then
    corrected is tried again. An order that is gone at the source stays: it was ordered.

    Parameters
    ----------
    orders
        Orders that the schedule does not have, with its columns but for the board's id.
    sizes
        Their sizes: ``order_key``, ``size``, ``quantity``. Those without a quantity count for
        nothing.
    staging, staged_sizes, batches
        The tables' rows, with the columns of :mod:`etl.contracts.order_staging`.
    now
        The time of the run, aware.
    run_id
        The run's id, which begins the batches'.
    batch_size
        At most so many orders in a batch.

    Returns
    -------
    dict
        ``staging``, ``sizes``, ``batches``: the rows to upsert; ``rejected``: orders with a size
        that the tables have no room for, with the ``reason``.

    Raises
    ------
    ContractError
        A column is missing, or ``now`` has no time zone.

    Examples
    --------
    >>> import datetime as dt
    >>> import polars as pl
    >>> from etl.contracts.order_staging import OrderBatches, OrderStaging, OrderStagingSizes
    >>> row = {"order_key": "1|a|red", "order_number": "1", "customer": "Northwind Outfitters"}
    >>> row |= {"style": "A", "color": "RED", "total_qty": 5, "item_name": "A RED 1"}
    >>> orders = pl.DataFrame([row], schema=MasterSchedule.create_empty().schema)
    >>> sizes = pl.DataFrame({"order_key": ["1|a|red"] * 2, "size": ["M", "L"], "quantity": [5, 0]})
    >>> tables = [t.create_empty() for t in (OrderStaging, OrderStagingSizes, OrderBatches)]
    >>> now = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
    >>> staged = stage_orders(orders, sizes, *tables, now=now, run_id="r1", batch_size=500)
    >>> staged["staging"].select("batch_id", "status", "size_count").rows()
    [('r1/Northwind Outfitters/0000', 'PENDING', 1)]
    >>> staged["sizes"].select("size_key", "order_qty", "status").rows()
    [('1|a|red|M', 5, 'PENDING')]
    """
    if batch_size < 1:
        raise ContractError(f"{_WHO}: a batch has at least 1 order, not {batch_size}")
    frames = (orders, sizes, staging, staged_sizes, batches)
    when = in_utc(now, _WHO)
    return on_any_engine(_stage_orders, *frames, now=when, run_id=run_id, batch_size=batch_size)


def _stage_orders(
    orders: Lazy,
    sizes: Lazy,
    staging: Lazy,
    staged_sizes: Lazy,
    batches: Lazy,
    *,
    now: dt.datetime,
    run_id: str,
    batch_size: int,
) -> dict[str, Lazy]:
    orders = rows_of(orders, CONTENT, MasterSchedule, f"{_WHO}, orders")
    staging = rows_of(staging, STAGING, OrderStaging, f"{_WHO}, staging")
    staged_sizes = rows_of(staged_sizes, SIZES, OrderStagingSizes, f"{_WHO}, staged sizes")
    batches = rows_of(batches, BATCHES, OrderBatches, f"{_WHO}, batches")
    wanted = _wanted(sizes)
    too_long = _too_long(wanted)
    rejected = orders.join(too_long, on="order_key", how="inner").select("reason", *CONTENT)
    orders = orders.join(too_long, on="order_key", how="anti")
    rows = _to_stage(orders, staging, _other_sizes(wanted, staged_sizes))
    new_sizes = _new_sizes(rows, wanted, staging, staged_sizes, now)
    rows = _in_batches(rows, run_id, batch_size).with_columns(status=nw.lit(PENDING))
    return {
        "staging": _started(rows, new_sizes, staging, now),
        "sizes": new_sizes,
        "batches": batch_rows(batches, staging, rows, now=now, added=True),
        "rejected": rejected,
    }


def _wanted(sizes: Lazy) -> Lazy:
    """What was ordered of each size."""
    require(sizes, _OF_SIZES, f"{_WHO}, sizes")
    sizes = typed(sizes.select(*_OF_SIZES), OrderStagingSizes)
    quantity = nw.col("quantity").cast(nw.Int64)
    return sizes.filter((quantity > 0).fill_null(value=False)).select(
        "order_key",
        "size",
        nw.concat_str("order_key", "size", separator="|").alias("size_key"),
        quantity.alias("order_qty"),
    )


def _too_long(wanted: Lazy) -> Lazy:
    """The keys of orders with a size that has no room, with the reason."""
    long = (utf16_units(nw.col("size")) > _SIZE_LENGTH) | (
        utf16_units(nw.col("size_key")) > KEY_LENGTH
    )
    rows = wanted.filter(long).group_by("order_key").agg(nw.col("size").min())
    said = f" is too long: a size has at most {_SIZE_LENGTH} characters, its key {KEY_LENGTH}"
    reason = nw.concat_str(nw.lit("size "), nw.col("size"), nw.lit(said))
    return rows.select("order_key", reason.alias("reason"))


def _other_sizes(wanted: Lazy, staged_sizes: Lazy) -> Lazy:
    """The keys of orders whose sizes are not those that were staged."""
    columns = ("order_key", "size_key", "order_qty")
    wanted = wanted.select(*columns)
    staged = staged_sizes.filter(nw.col("order_qty") > 0).select(*columns)
    more = wanted.join(staged, on=list(columns), how="anti").select("order_key")
    fewer = staged.join(wanted, on=list(columns), how="anti").select("order_key")
    return nw.concat([more, fewer]).unique()


def _to_stage(orders: Lazy, staging: Lazy, other_sizes: Lazy) -> Lazy:
    """The orders that are new to staging, or have changed before they got through."""
    told = [name for name in CONTENT if name != "order_key"]
    before = staging.select(
        "order_key",
        nw.col("status").alias("was_status"),
        *(nw.col(name).alias(f"was_{name}") for name in told),
    )
    marked = other_sizes.with_columns(other_sizes=nw.lit(value=True))
    rows = orders.join(before, on="order_key", how="left")
    rows = rows.join(marked, on="order_key", how="left")
    same = nw.all_horizontal(
        *(equal(nw.col(name), nw.col(f"was_{name}")) for name in told), ignore_nulls=False
    )
    changed = ~same | nw.col("other_sizes").fill_null(value=False)
    waiting = nw.col("was_status").is_in([PENDING, FAILED]).fill_null(value=False)
    # One that was promoted, and is new all the same, has been taken out of the schedule.
    promoted = (nw.col("was_status") == PROMOTED).fill_null(value=False)
    new = nw.col("was_status").is_null() | promoted
    return rows.filter(new | (waiting & changed)).select(*CONTENT)


def _in_batches(rows: Lazy, run_id: str, batch_size: int) -> Lazy:
    day = nw.col("received_date").dt
    number = day.year().cast(nw.Int64) * 10_000 + day.month().cast(nw.Int64) * 100 + day.day()
    # A window orders upwards alone: the newest has the lowest number, those without a date none.
    rows = rows.with_columns(newest=number.fill_null(0).cast(nw.Int64) * -1)
    # Not every engine numbers the rows of a group: all of them, and then less the group's first.
    place = nw.col("order_key").cum_count().over(order_by=["customer", "newest", "order_key"])
    rows = rows.with_columns(place=place.cast(nw.Int64))
    batch = (nw.col("place") - nw.col("place").min().over("customer")) // batch_size
    rows = rows.with_columns(batch=batch.cast(nw.Int64).cast(nw.String).str.zfill(4))
    parts = (nw.lit(run_id), nw.col("customer"), nw.col("batch"))
    return rows.with_columns(batch_id=nw.concat_str(*parts, separator="/"))


def _new_sizes(
    rows: Lazy, wanted: Lazy, staging: Lazy, staged_sizes: Lazy, now: dt.datetime
) -> Lazy:
    """All sizes of the orders to stage, and those that they had before."""
    wanted = wanted.join(rows.select("order_key"), on="order_key", how="semi")
    known = staged_sizes.select("size_key", "board_subitem_id")
    wanted = wanted.join(known, on="size_key", how="left").with_columns(status=nw.lit(PENDING))
    gone = staged_sizes.join(rows.select("order_key"), on="order_key", how="semi")
    gone = gone.join(wanted.select("size_key"), on="size_key", how="anti")
    gone = gone.join(
        staging.select("order_key", nw.col("board_item_id").alias("its_item")),
        on="order_key",
        how="left",
    )
    # What was refused for good, and what had no item to stand under, is not on the board.
    refused = (nw.col("error_type") == "rejected").fill_null(value=False)
    absent = refused | nw.col("its_item").is_null() | (nw.col("status") == DROPPED)
    absent = absent & nw.col("board_subitem_id").is_null()
    gone = gone.with_columns(
        order_qty=nw.col("order_qty") * 0,
        status=nw.when(absent).then(nw.lit(DROPPED)).otherwise(nw.lit(PENDING)),
    )
    columns = ("size_key", "order_key", "size", "order_qty", "status", "board_subitem_id")
    return _untried(nw.concat([wanted.select(*columns), gone.select(*columns)]), now).select(*SIZES)


def _started(rows: Lazy, sizes: Lazy, staging: Lazy, now: dt.datetime) -> Lazy:
    to_write = sizes.filter(nw.col("status") == PENDING)
    counts = to_write.group_by("order_key").agg(nw.col("size_key").count().alias("size_count"))
    rows = rows.join(counts, on="order_key", how="left")
    rows = rows.join(staging.select("order_key", "board_item_id"), on="order_key", how="left")
    return _untried(rows, now).with_columns(
        size_count=nw.col("size_count").cast(nw.Int64).fill_null(0),
        staged_at=nw.lit(now),
        item_synced_at=no_time(now),
        synced_at=no_time(now),
        promoted_at=no_time(now),
    ).select(*STAGING)  # fmt: skip


def _untried(rows: Lazy, now: dt.datetime) -> Lazy:
    return rows.with_columns(
        error_type=text_of(None),
        message=text_of(None),
        attempts=nw.lit(0, dtype=nw.Int64),
        next_attempt_at=no_time(now),
        updated_at=nw.lit(now),
    )
