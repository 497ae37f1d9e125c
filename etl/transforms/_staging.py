"""What the steps of order staging share: which rows are due, what an error does, what a batch counts."""

from __future__ import annotations

import datetime as dt
from typing import Final

import narwhals as nw

from etl.contracts.describe import describe
from etl.contracts.master_schedule import MasterSchedule
from etl.contracts.order_staging import (
    FAILED,
    PENDING,
    PROMOTED,
    SYNCED,
    OrderBatches,
    OrderStaging,
    OrderStagingSizes,
)
from etl.errors import ContractError
from etl.transforms.portable import Lazy, equal, require, typed

__all__ = [
    "BATCHES",
    "CONTENT",
    "MAX_ATTEMPTS",
    "MESSAGE_LENGTH",
    "SIZES",
    "STAGING",
    "batch_rows",
    "due",
    "in_utc",
    "next_attempt",
    "no_time",
    "of_first_batch",
    "rows_of",
    "text_of",
    "utf16_units",
]

STAGING: Final = tuple(column.name for column in describe(OrderStaging))
SIZES: Final = tuple(column.name for column in describe(OrderStagingSizes))
BATCHES: Final = tuple(column.name for column in describe(OrderBatches))
CONTENT: Final = tuple(
    column.name for column in describe(MasterSchedule) if column.name != "board_item_id"
)
"""What the source says of an order."""

MAX_ATTEMPTS: Final = 8
"""Runs that try a row in vain before it waits for somebody."""
_FIRST_WAIT: Final = dt.timedelta(minutes=5)
MESSAGE_LENGTH: Final = 900
"""Characters of an error that are kept: few enough for the contract with any of Unicode."""
_COUNTED: Final = {"pending": PENDING, "synced": SYNCED, "failed": FAILED}


def in_utc(now: dt.datetime, who: str) -> dt.datetime:
    """Bring a run's time to UTC.

    Raises
    ------
    ContractError
        It has no time zone.
    """
    if now.tzinfo is None:
        raise ContractError(f"{who}: now has no time zone; pass dt.datetime.now(dt.UTC)")
    return now.astimezone(dt.UTC)


def rows_of(frame: Lazy, columns: tuple[str, ...], contract: type, who: str) -> Lazy:
    """The columns of a contract, with types where no row has a value."""
    require(frame, columns, who)
    return typed(frame.select(*columns), contract)


def no_time(now: dt.datetime) -> nw.Expr:
    """A null of the type of ``now``: a literal null has no type everywhere."""
    return nw.when(nw.lit(value=False)).then(nw.lit(now))


def text_of(text: str | None) -> nw.Expr:
    """A literal text, or a null of that type."""
    return nw.lit(text, dtype=nw.String)


def utf16_units(text: nw.Expr) -> nw.Expr:
    """Count a text's UTF-16 units, as SQL Server and :class:`~etl.contracts.text.Text` do."""
    return (
        text.str.len_chars() + text.str.replace_all("[^\U00010000-\U0010ffff]", "").str.len_chars()
    )


def due(now: dt.datetime) -> nw.Expr:
    """Pick the rows to try now: those pending, and those failed whose next attempt has come."""
    waited = (nw.col("next_attempt_at") <= nw.lit(now)).fill_null(value=False)
    return (nw.col("status") == PENDING) | ((nw.col("status") == FAILED) & waited)


def next_attempt(error_type: nw.Expr, attempts: nw.Expr, now: dt.datetime) -> nw.Expr:
    """When a row that has failed ``attempts`` times is tried again; null for never by itself.

    A retryable error waits 5 minutes, then twice as long each time, :data:`MAX_ATTEMPTS` times in
    all. A fatal one says nothing about the row: the next run tries it. A rejected one stays.
    """
    time: nw.Expr = nw.when(error_type == "fatal").then(nw.lit(now))
    for attempt in range(MAX_ATTEMPTS - 1, 0, -1):
        waited = (error_type == "retryable") & (attempts == attempt)
        at = nw.lit(now + _FIRST_WAIT * 2 ** (attempt - 1))
        time = nw.when(waited).then(at).otherwise(time)
    return time


def of_first_batch(rows: Lazy) -> Lazy:
    """The rows of the batch that comes first: a pass works on one batch."""
    return rows.join(rows.select(nw.col("batch_id").min()), on="batch_id", how="inner")


def batch_rows(
    batches: Lazy, staging: Lazy, changed: Lazy, *, now: dt.datetime, added: bool = False
) -> Lazy:
    """Bring every batch's counts up to date.

    Parameters
    ----------
    batches, staging
        The tables' rows.
    changed
        Rows of ``staging`` as they will be; new ones, too.
    now
        The run's time.
    added
        ``changed`` are rows that were staged just now, each into its batch.
    """
    columns = ("order_key", "batch_id", "status", "customer")
    kept = staging.select(*columns).join(changed.select("order_key"), on="order_key", how="anti")
    rows = nw.concat(
        [
            kept.with_columns(more=nw.lit(value=False)),
            changed.select(*columns).with_columns(more=nw.lit(value=True)),
        ]
    ).with_columns(
        *((nw.col("status") == state).alias(f"now_{name}") for name, state in _COUNTED.items()),
        more_promoted=nw.col("more") & (nw.col("status") == PROMOTED),
        more_orders=nw.col("more") & nw.lit(value=added),
    )
    names = [*(f"now_{name}" for name in _COUNTED), "more_promoted", "more_orders"]
    rows = rows.with_columns(nw.col(name).cast(nw.Int64) for name in names)
    counts = rows.group_by("batch_id").agg(
        *(nw.col(name).sum() for name in names), nw.col("customer").min().alias("its_customer")
    )
    # A sum is wider than what it sums on some engines.
    counts = counts.with_columns(nw.col(name).cast(nw.Int64) for name in names)
    if added:
        batches = nw.concat([batches, _new_batches(counts, batches, now)])
    joined = batches.join(counts, on="batch_id", how="left")
    joined = joined.with_columns(nw.col(name).fill_null(0) for name in names)
    joined = joined.with_columns(
        now_orders=nw.col("orders") + nw.col("more_orders"),
        now_promoted=nw.col("promoted") + nw.col("more_promoted"),
    )
    in_states = [*(f"now_{name}" for name in _COUNTED), "now_promoted"]
    rest = nw.col("now_orders") - nw.sum_horizontal(*in_states)
    return _finished(joined.with_columns(now_dropped=rest), now).select(*BATCHES)


def _new_batches(counts: Lazy, batches: Lazy, now: dt.datetime) -> Lazy:
    zero = nw.lit(0, dtype=nw.Int64)
    names = ("orders", "pending", "synced", "promoted", "failed", "dropped")
    new = counts.join(batches, on="batch_id", how="anti").filter(nw.col("more_orders") > 0)
    return new.with_columns(
        nw.col("its_customer").alias("customer"),
        *(zero.alias(name) for name in names),
        status=text_of(None),
        created_at=nw.lit(now),
        updated_at=nw.lit(now),
        finished_at=no_time(now),
    ).select(*BATCHES)


def _finished(rows: Lazy, now: dt.datetime) -> Lazy:
    """Take the new counts over, and say of what has changed when."""
    counts = ("orders", "pending", "synced", "promoted", "failed", "dropped")
    is_open = (nw.col("now_pending") + nw.col("now_synced")) > 0
    ended = nw.when(nw.col("now_failed") > 0).then(nw.lit("FAILED")).otherwise(nw.lit("DONE"))
    rows = rows.with_columns(now_status=nw.when(is_open).then(nw.lit("OPEN")).otherwise(ended))
    same = nw.all_horizontal(
        *(equal(nw.col(name), nw.col(f"now_{name}")) for name in (*counts, "status")),
        ignore_nulls=False,
    )
    rows = rows.with_columns(
        updated_at=nw.when(same).then(nw.col("updated_at")).otherwise(nw.lit(now)),
        finished_at=nw.when(~is_open).then(nw.coalesce(nw.col("finished_at"), nw.lit(now))),
    )
    return rows.with_columns(nw.col(f"now_{name}").alias(name) for name in (*counts, "status"))
