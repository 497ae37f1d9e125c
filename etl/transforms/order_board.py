"""Staged orders at the board: what is written next, and what its results make of the rows.

A pass works on one batch. First come the items, then, under those that are there, a subitem for
each size. An order is ``SYNCED`` once its item and all its subitems are on the board. Nothing here
trusts an id of an earlier run: each payload is looked up by its key, so that one that was written
shortly before a crash is found and not written twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import narwhals as nw

from etl.contracts.board_results import BoardResults
from etl.contracts.describe import describe
from etl.contracts.order_mapping import mapping_rules
from etl.contracts.order_staging import (
    DROPPED,
    FAILED,
    PENDING,
    SYNCED,
    OrderBatches,
    OrderStaging,
    OrderStagingSizes,
)
from etl.transforms._staging import (
    BATCHES,
    MESSAGE_LENGTH,
    SIZES,
    STAGING,
    batch_rows,
    due,
    in_utc,
    next_attempt,
    of_first_batch,
    rows_of,
)
from etl.transforms.portable import on_any_engine, require

if TYPE_CHECKING:
    import datetime as dt

    from etl.transforms.portable import Lazy

__all__ = ["item_payloads", "item_results", "subitem_payloads", "subitem_results"]

_RESULTS: Final = tuple(column.name for column in describe(BoardResults))

# The worst of an order's sizes is what its row tells.
_RANKS: Final = {"retryable": 1, "rejected": 2, "fatal": 3}


def item_payloads(staging: Any, mapping: object, *, now: dt.datetime) -> Any:
    """Give the items to write next: those of the first batch that has any due.

    Parameters
    ----------
    staging
        The rows of :class:`~etl.contracts.order_staging.OrderStaging`.
    mapping
        The rules that the orders were mapped by (:mod:`etl.contracts.order_mapping`): they say
        which of the board's columns holds what.
    now
        The time of the run, aware.

    Returns
    -------
    the type of ``staging``
        A payload an order, the newest received first: ``key``, ``item_name``, ``group``,
        ``item_id`` (null: the item is looked up), and the board's columns.

    Raises
    ------
    ContractError
        The mapping gives the board a column that the schedule does not have.

    Examples
    --------
    >>> import datetime as dt
    >>> from etl.contracts.order_mapping import ColumnRule
    >>> from etl.contracts.order_staging import OrderStaging
    >>> rule = ColumnRule(
    ...     target="season", how="direct", sources=("SEASON",), board_column="text_mkr7x2"
    ... )
    >>> nothing = OrderStaging.create_empty()
    >>> item_payloads(nothing, [rule], now=dt.datetime(2026, 1, 5, tzinfo=dt.UTC)).columns
    ['key', 'item_name', 'group', 'item_id', 'text_mkr7x2']
    """
    rules = mapping_rules(mapping)
    columns = {rule.board_column: rule.target for rule in rules if rule.board_column is not None}
    when = in_utc(now, "item_payloads")
    return on_any_engine(_item_payloads, staging, now=when, columns=columns)


def _item_payloads(staging: Lazy, *, now: dt.datetime, columns: dict[str, str]) -> Lazy:
    staging = rows_of(staging, STAGING, OrderStaging, "item_payloads, staging")
    require(staging, columns.values(), "item_payloads, what the mapping gives the board")
    rows = of_first_batch(staging.filter(nw.col("item_synced_at").is_null() & due(now)))
    rows = rows.sort("received_date", "order_key", descending=[True, False], nulls_last=True)
    return rows.select(
        nw.col("order_key").alias("key"),
        "item_name",
        nw.col("group_name").alias("group"),
        _no_id(nw.col("board_item_id")).alias("item_id"),
        *(nw.col(target).alias(column) for column, target in columns.items()),
    )


def item_results(staging: Any, batches: Any, results: Any, *, now: dt.datetime) -> dict[str, Any]:
    """Take over what became of items.

    Parameters
    ----------
    staging, batches
        The tables' rows.
    results
        A row a payload (:class:`~etl.contracts.board_results.BoardResults`). Those that were
        skipped change nothing.
    now
        The time of the run, aware.

    Returns
    -------
    dict
        ``staging`` and ``batches``: the rows to upsert.

    Examples
    --------
    >>> import datetime as dt
    >>> from etl.contracts.board_results import BoardResults
    >>> from etl.contracts.order_staging import OrderBatches, OrderStaging
    >>> tables = [t.create_empty() for t in (OrderStaging, OrderBatches, BoardResults)]
    >>> sorted(item_results(*tables, now=dt.datetime(2026, 1, 5, tzinfo=dt.UTC)))
    ['batches', 'staging']
    """
    return on_any_engine(_item_results, staging, batches, results, now=in_utc(now, "item_results"))


def _item_results(
    staging: Lazy, batches: Lazy, results: Lazy, *, now: dt.datetime
) -> dict[str, Lazy]:
    staging = rows_of(staging, STAGING, OrderStaging, "item_results, staging")
    batches = rows_of(batches, BATCHES, OrderBatches, "item_results, batches")
    rows = _tried(staging, results, "order_key", "item_results", now)
    whole = nw.col("was_done") & (nw.col("size_count") == 0)
    rows = rows.with_columns(
        board_item_id=nw.coalesce(nw.col("result_item_id"), nw.col("board_item_id")),
        status=nw.when(whole).then(nw.lit(SYNCED)).otherwise(
            nw.when(nw.col("was_done")).then(nw.lit(PENDING)).otherwise(nw.lit(FAILED))
        ),
        item_synced_at=nw.when(nw.col("was_done")).then(nw.lit(now)),
        synced_at=nw.when(whole).then(nw.lit(now)),
    ).select(*STAGING)  # fmt: skip
    return {"staging": rows, "batches": batch_rows(batches, staging, rows, now=now)}


def subitem_payloads(staging: Any, sizes: Any, *, now: dt.datetime) -> Any:
    """Give the subitems to write next: those of the first batch that has any due under its items.

    Parameters
    ----------
    staging, sizes
        The tables' rows.
    now
        The time of the run, aware.

    Returns
    -------
    the type of ``staging``
        A payload a size: ``key``, ``item_name``, ``item_id`` (null: the subitem is looked up),
        ``parent_item_id``, ``size`` and ``order_qty``.

    Examples
    --------
    >>> import datetime as dt
    >>> from etl.contracts.order_staging import OrderStaging, OrderStagingSizes
    >>> tables = OrderStaging.create_empty(), OrderStagingSizes.create_empty()
    >>> subitem_payloads(*tables, now=dt.datetime(2026, 1, 5, tzinfo=dt.UTC)).columns
    ['key', 'item_name', 'item_id', 'parent_item_id', 'size', 'order_qty']
    """
    when = in_utc(now, "subitem_payloads")
    return on_any_engine(_subitem_payloads, staging, sizes, now=when)


def _subitem_payloads(staging: Lazy, sizes: Lazy, *, now: dt.datetime) -> Lazy:
    staging = rows_of(staging, STAGING, OrderStaging, "subitem_payloads, staging")
    sizes = rows_of(sizes, SIZES, OrderStagingSizes, "subitem_payloads, sizes")
    orders = staging.filter(
        ~nw.col("item_synced_at").is_null() & nw.col("status").is_in([PENDING, FAILED])
    ).select("order_key", "batch_id", nw.col("board_item_id").alias("parent_item_id"))
    rows = of_first_batch(sizes.filter(due(now)).join(orders, on="order_key", how="inner"))
    return rows.sort("size_key", nulls_last=True).select(
        nw.col("size_key").alias("key"),
        nw.col("size").alias("item_name"),
        _no_id(nw.col("board_subitem_id")).alias("item_id"),
        "parent_item_id",
        "size",
        "order_qty",
    )


def subitem_results(
    staging: Any, sizes: Any, batches: Any, results: Any, *, now: dt.datetime
) -> dict[str, Any]:
    """Take over what became of subitems, and what that makes of their orders.

    An order with a size that failed has failed, with the worst error of its sizes; one whose sizes
    are all there is ``SYNCED``.

    Parameters
    ----------
    staging, sizes, batches
        The tables' rows.
    results
        A row a payload. Those that were skipped change nothing.
    now
        The time of the run, aware.

    Returns
    -------
    dict
        ``staging``, ``sizes`` and ``batches``: the rows to upsert.

    Examples
    --------
    >>> import datetime as dt
    >>> from etl.contracts.board_results import BoardResults
    >>> from etl.contracts.order_staging import OrderBatches, OrderStaging, OrderStagingSizes
    >>> contracts = OrderStaging, OrderStagingSizes, OrderBatches, BoardResults
    >>> tables = [contract.create_empty() for contract in contracts]
    >>> sorted(subitem_results(*tables, now=dt.datetime(2026, 1, 5, tzinfo=dt.UTC)))
    ['batches', 'sizes', 'staging']
    """
    when = in_utc(now, "subitem_results")
    return on_any_engine(_subitem_results, staging, sizes, batches, results, now=when)


def _subitem_results(
    staging: Lazy, sizes: Lazy, batches: Lazy, results: Lazy, *, now: dt.datetime
) -> dict[str, Lazy]:
    staging = rows_of(staging, STAGING, OrderStaging, "subitem_results, staging")
    sizes = rows_of(sizes, SIZES, OrderStagingSizes, "subitem_results, sizes")
    batches = rows_of(batches, BATCHES, OrderBatches, "subitem_results, batches")
    tried = _tried(sizes, results, "size_key", "subitem_results", now)
    tried = tried.with_columns(
        board_subitem_id=nw.coalesce(nw.col("result_item_id"), nw.col("board_subitem_id")),
        status=nw.when(nw.col("was_done")).then(nw.lit(SYNCED)).otherwise(nw.lit(FAILED)),
    ).select(*SIZES)
    touched = tried.select("order_key").unique()
    others = sizes.join(tried.select("size_key"), on="size_key", how="anti")
    of_orders = nw.concat([tried, others.join(touched, on="order_key", how="semi")])
    orders = staging.join(touched, on="order_key", how="semi")
    rows = _by_sizes(orders, of_orders, now)
    return {
        "staging": rows,
        "sizes": tried,
        "batches": batch_rows(batches, staging, rows, now=now),
    }


def _by_sizes(orders: Lazy, sizes: Lazy, now: dt.datetime) -> Lazy:
    """Rows of orders as their sizes make them."""
    sizes = sizes.filter(nw.col("status") != DROPPED)
    rank = nw.col("error_type").replace_strict(
        list(_RANKS), list(_RANKS.values()), default=0, return_dtype=nw.Int64
    )
    sizes = sizes.with_columns(
        rank=rank.fill_null(0),
        open=(nw.col("status") != SYNCED).cast(nw.Int64),
        told=nw.concat_str(nw.lit("size "), nw.col("size"), nw.lit(": "), nw.col("message")),
    )
    states = sizes.group_by("order_key").agg(
        nw.col("rank").max().alias("worst"),
        nw.col("open").max(),
        nw.col("attempts").max().alias("most_attempts"),
        nw.col("next_attempt_at").min().alias("first_attempt_at"),
    )
    worst = sizes.join(states.select("order_key", "worst"), on="order_key", how="inner")
    worst = worst.filter((nw.col("rank") == nw.col("worst")) & (nw.col("rank") > 0))
    why = worst.group_by("order_key").agg(
        nw.col("error_type").min().alias("its_error"), nw.col("told").min()
    )
    rows = orders.join(states, on="order_key", how="inner").join(why, on="order_key", how="left")
    failed = ~nw.col("its_error").is_null()
    synced = nw.col("open") == 0
    return rows.with_columns(
        status=nw.when(failed).then(nw.lit(FAILED)).otherwise(
            nw.when(synced).then(nw.lit(SYNCED)).otherwise(nw.lit(PENDING))
        ),
        error_type=nw.col("its_error"),
        message=nw.col("told").str.slice(0, MESSAGE_LENGTH),
        attempts=nw.col("most_attempts"),
        next_attempt_at=nw.when(failed).then(nw.col("first_attempt_at")),
        synced_at=nw.when(synced).then(nw.lit(now)),
        updated_at=nw.lit(now),
    ).select(*STAGING)  # fmt: skip


def _tried(rows: Lazy, results: Lazy, key: str, who: str, now: dt.datetime) -> Lazy:
    """The rows that have results, with their error, or without one if they are done."""
    results = rows_of(results, _RESULTS, BoardResults, f"{who}, results")
    results = results.filter(nw.col("status") != "skipped").select(
        nw.col("key").alias(key),
        (nw.col("status") == "done").alias("was_done"),
        nw.col("item_id").alias("result_item_id"),
        nw.col("error_type").alias("result_error"),
        nw.col("message").str.slice(0, MESSAGE_LENGTH).alias("result_message"),
    )
    rows = rows.join(results, on=key, how="inner")
    fatal = (nw.col("result_error") == "fatal").fill_null(value=False)
    # A fatal error says nothing about the row, so it is no vain attempt of it.
    more = nw.when(fatal).then(nw.col("attempts")).otherwise(nw.col("attempts") + 1)
    rows = rows.with_columns(tries=more)
    failed = ~nw.col("was_done")
    return rows.with_columns(
        attempts=nw.when(failed).then(nw.col("tries")).otherwise(nw.lit(0)).cast(nw.Int64),
        error_type=nw.when(failed).then(nw.col("result_error")),
        message=nw.when(failed).then(nw.col("result_message")),
        next_attempt_at=nw.when(failed).then(
            next_attempt(nw.col("result_error"), nw.col("tries"), now)
        ),
        updated_at=nw.lit(now),
    )


def _no_id(like: nw.Expr) -> nw.Expr:
    """No id, with the type of one: the writer looks the key up."""
    return nw.when(like.is_null() & ~like.is_null()).then(like)
