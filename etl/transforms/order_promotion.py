"""Orders that the board has: into the schedule, and out of staging once they are old."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import narwhals as nw

from etl.contracts.describe import describe
from etl.contracts.master_schedule import MasterSchedule, ScheduleSubitems
from etl.contracts.order_staging import (
    FAILED,
    PROMOTED,
    SYNCED,
    OrderBatches,
    OrderStaging,
    OrderStagingSizes,
)
from etl.transforms._staging import BATCHES, SIZES, STAGING, batch_rows, in_utc, rows_of
from etl.transforms.portable import on_any_engine

if TYPE_CHECKING:
    from etl.transforms.portable import Lazy

__all__ = ["failed_orders", "keep_orders", "promote_orders"]

SYNCED_FOR: Final = dt.timedelta(days=7)
"""How long a promoted order stays in staging, from when it was synced."""
FAILED_FOR: Final = dt.timedelta(days=30)
"""How long a failed order stays, from its last attempt. After that it is new again at the source."""
BATCHES_FOR: Final = dt.timedelta(days=90)
"""How long a batch stays, from its end."""

_SCHEDULE: Final = tuple(column.name for column in describe(MasterSchedule))
_SUBITEMS: Final = tuple(column.name for column in describe(ScheduleSubitems))


def promote_orders(
    staging: Any, sizes: Any, batches: Any, subitems: Any, *, now: dt.datetime
) -> dict[str, Any]:
    """Give the rows of synced orders to the schedule, and mark them as promoted.

    Parameters
    ----------
    staging, sizes, batches
        The tables' rows, of :mod:`etl.contracts.order_staging`.
    subitems
        The rows of :class:`~etl.contracts.master_schedule.ScheduleSubitems`: packed and shipped
        quantities that are known already stay.
    now
        The time of the run, aware.

    Returns
    -------
    dict
        ``schedule`` and ``subitems``: rows of the schedule with the board's ids; ``staging`` and
        ``batches``: the rows that change. All to be upserted in one transaction.

    Examples
    --------
    >>> from etl.contracts.order_staging import OrderBatches, OrderStaging, OrderStagingSizes
    >>> contracts = OrderStaging, OrderStagingSizes, OrderBatches, ScheduleSubitems
    >>> tables = [contract.create_empty() for contract in contracts]
    >>> sorted(promote_orders(*tables, now=dt.datetime(2026, 1, 5, tzinfo=dt.UTC)))
    ['batches', 'schedule', 'staging', 'subitems']
    """
    when = in_utc(now, "promote_orders")
    return on_any_engine(_promote_orders, staging, sizes, batches, subitems, now=when)


def _promote_orders(
    staging: Lazy, sizes: Lazy, batches: Lazy, subitems: Lazy, *, now: dt.datetime
) -> dict[str, Lazy]:
    staging = rows_of(staging, STAGING, OrderStaging, "promote_orders, staging")
    sizes = rows_of(sizes, SIZES, OrderStagingSizes, "promote_orders, sizes")
    batches = rows_of(batches, BATCHES, OrderBatches, "promote_orders, batches")
    subitems = rows_of(subitems, _SUBITEMS, ScheduleSubitems, "promote_orders, subitems")
    synced = staging.filter(nw.col("status") == SYNCED)
    on_board = sizes.filter(nw.col("status") == SYNCED).join(
        synced.select("order_key", "board_item_id"), on="order_key", how="inner"
    )
    known = subitems.select("size_key", "packed_qty", "shipped_qty")
    promoted = synced.with_columns(
        status=nw.lit(PROMOTED), promoted_at=nw.lit(now), updated_at=nw.lit(now)
    ).select(*STAGING)
    return {
        "schedule": synced.select(*_SCHEDULE),
        "subitems": on_board.join(known, on="size_key", how="left").select(*_SUBITEMS),
        "staging": promoted,
        "batches": batch_rows(batches, staging, promoted, now=now),
    }


def failed_orders(staging: Any) -> Any:
    """Say how many orders have failed, and what becomes of them.

    Parameters
    ----------
    staging
        The rows of :class:`~etl.contracts.order_staging.OrderStaging`.

    Returns
    -------
    the type of ``staging``
        A ``note`` for each kind of failure that there is.

    Examples
    --------
    >>> from etl.contracts.order_staging import OrderStaging
    >>> failed_orders(OrderStaging.create_empty()).columns
    ['note']
    """
    return on_any_engine(_failed_orders, staging)


def _failed_orders(staging: Lazy) -> Lazy:
    staging = rows_of(staging, STAGING, OrderStaging, "failed_orders, staging")
    failed = staging.filter(nw.col("status") == FAILED)
    waits = ~nw.col("next_attempt_at").is_null()
    failed = failed.with_columns(
        what=nw.when(waits)
        .then(nw.lit("tried again by a later run"))
        .otherwise(nw.lit("not tried again until they change at the source"))
    )
    counts = failed.group_by("error_type", "what").agg(nw.col("order_key").count().alias("rows"))
    note = nw.concat_str(
        nw.lit("orders that failed and are "),
        nw.col("what"),
        nw.lit(": "),
        nw.col("rows").cast(nw.Int64).cast(nw.String),
        nw.lit(" ("),
        nw.col("error_type"),
        nw.lit("; see dbo.order_staging)"),
    )
    return counts.select(note=note).sort("note")


def keep_orders(staging: Any, sizes: Any, batches: Any, *, now: dt.datetime) -> dict[str, Any]:
    """Keep what is not too old.

    Promoted orders stay for 7 days, failed ones for 30, batches for 90, and as long as they have
    orders. Orders that are pending or synced are never too old.

    Parameters
    ----------
    staging, sizes, batches
        The tables' rows, of :mod:`etl.contracts.order_staging`.
    now
        The time of the run, aware.

    Returns
    -------
    dict
        ``staging``, ``sizes`` and ``batches``: everything that stays.

    Examples
    --------
    >>> from etl.contracts.order_staging import OrderBatches, OrderStaging, OrderStagingSizes
    >>> tables = [t.create_empty() for t in (OrderStaging, OrderStagingSizes, OrderBatches)]
    >>> sorted(keep_orders(*tables, now=dt.datetime(2026, 1, 5, tzinfo=dt.UTC)))
    ['batches', 'sizes', 'staging']
    """
    return on_any_engine(_keep_orders, staging, sizes, batches, now=in_utc(now, "keep_orders"))


def _keep_orders(staging: Lazy, sizes: Lazy, batches: Lazy, *, now: dt.datetime) -> dict[str, Lazy]:
    staging = rows_of(staging, STAGING, OrderStaging, "keep_orders, staging")
    sizes = rows_of(sizes, SIZES, OrderStagingSizes, "keep_orders, sizes")
    batches = rows_of(batches, BATCHES, OrderBatches, "keep_orders, batches")
    status = nw.col("status")
    old = ((status == PROMOTED) & (nw.col("synced_at") < nw.lit(now - SYNCED_FOR))) | (
        (status == FAILED) & (nw.col("updated_at") < nw.lit(now - FAILED_FOR))
    )
    kept = staging.filter(~old.fill_null(value=False))
    nothing = kept.filter(nw.col("order_key").is_null())
    counted = batch_rows(batches, kept, nothing, now=now)
    ended = (nw.col("finished_at") < nw.lit(now - BATCHES_FOR)).fill_null(value=False)
    in_use = kept.select("batch_id").unique()
    return {
        "staging": kept,
        "sizes": sizes.join(kept.select("order_key"), on="order_key", how="semi"),
        "batches": nw.concat(
            [
                counted.filter(~ended),
                counted.filter(ended).join(in_use, on="batch_id", how="semi"),
            ]
        ),
    }
