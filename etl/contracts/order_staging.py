"""The tables of order staging: what is on its way from the orders to the board and the schedule.

``dbo.order_staging`` has a row an order, ``dbo.order_staging_sizes`` a row a size of it, and
``dbo.order_batches`` a row for each lot of orders of one customer that was staged together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dataframely as dy

from etl.contracts.board_results import ERROR_TYPES
from etl.contracts.master_schedule import KEY_LENGTH, MasterSchedule
from etl.contracts.text import Text

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "BATCH_STATES",
    "DROPPED",
    "FAILED",
    "PENDING",
    "PROMOTED",
    "STATES",
    "SYNCED",
    "OrderBatches",
    "OrderStaging",
    "OrderStagingSizes",
]

PENDING: Final = "PENDING"
"""Not, or not wholly, on the board."""
SYNCED: Final = "SYNCED"
"""The item is on the board, and so is a subitem for each of its sizes."""
PROMOTED: Final = "PROMOTED"
"""In the schedule, with the board's ids."""
FAILED: Final = "FAILED"
"""The board, or the way to it, refused; the row says why, and when it is tried again."""
DROPPED: Final = "DROPPED"
"""Of a size alone: its order no longer has it, and it never came to the board."""
STATES: Final = (PENDING, SYNCED, PROMOTED, FAILED)
BATCH_STATES: Final = ("OPEN", "DONE", "FAILED")
_MESSAGE: Final = 2000


def _time(*, nullable: bool = False) -> dy.Datetime:
    return dy.Datetime(time_unit="us", time_zone="UTC", nullable=nullable)


class OrderStaging(MasterSchedule):
    """One row an order, style and colour: what the schedule will hold, and how far it has come.

    A row that failed and has a ``next_attempt_at`` is tried again by the first run after it; one
    that has none waits until its order changes at the source.
    """

    batch_id = Text(min_length=1, max_length=KEY_LENGTH)
    size_count = dy.Int64(min=0)
    """How many subitems the order has."""
    status = Text(min_length=1, max_length=20)
    error_type = Text(nullable=True, max_length=20)
    message = Text(nullable=True, max_length=_MESSAGE)
    attempts = dy.Int64(min=0)
    """Runs that have tried in vain since the row last went on; a fatal error counts for none."""
    next_attempt_at = _time(nullable=True)
    staged_at = _time()
    item_synced_at = _time(nullable=True)
    """When the item was written; null while it still has to be."""
    synced_at = _time(nullable=True)
    promoted_at = _time(nullable=True)
    updated_at = _time()

    @dy.rule()
    def known_status(cls) -> pl.Expr:  # noqa: N805 - dataframely makes it a class method
        """The status and the type of error are of those listed."""
        known = cls.error_type.col.is_in(ERROR_TYPES).fill_null(value=True)
        return cls.status.col.is_in(STATES) & known

    @dy.rule()
    def failed_says_why(cls) -> pl.Expr:  # noqa: N805
        """Exactly the failed rows have an error; no other has a next attempt."""
        failed = cls.status.col == FAILED
        told = cls.error_type.col.is_not_null() & cls.message.col.is_not_null()
        nothing = (
            cls.error_type.col.is_null()
            & cls.message.col.is_null()
            & cls.next_attempt_at.col.is_null()
        )
        return (failed & told) | (~failed & nothing)

    @dy.rule()
    def synced_has_its_item(cls) -> pl.Expr:  # noqa: N805
        """What is synced or promoted has an item and the time; nothing else has the time."""
        synced = cls.status.col.is_in([SYNCED, PROMOTED])
        on_board = cls.board_item_id.col.is_not_null() & cls.item_synced_at.col.is_not_null()
        return (synced == cls.synced_at.col.is_not_null()) & (~synced | on_board)

    @dy.rule()
    def promoted_has_its_time(cls) -> pl.Expr:  # noqa: N805
        """Exactly the promoted rows have the time when."""
        return (cls.status.col == PROMOTED) == cls.promoted_at.col.is_not_null()


class OrderStagingSizes(dy.Schema):
    """One row a size of a staged order: a subitem of its item.

    A size that its order no longer has is dropped; one that may be on the board already is written
    there once more, with a quantity of 0.
    """

    size_key = Text(primary_key=True, min_length=1, max_length=KEY_LENGTH)
    order_key = Text(min_length=1, max_length=KEY_LENGTH)
    size = Text(min_length=1, max_length=50)
    order_qty = dy.Int64(min=0)
    status = Text(min_length=1, max_length=20)
    """``PENDING``, ``SYNCED``, ``FAILED`` or ``DROPPED``."""
    board_subitem_id = dy.Int64(nullable=True, min=1)
    error_type = Text(nullable=True, max_length=20)
    message = Text(nullable=True, max_length=_MESSAGE)
    attempts = dy.Int64(min=0)
    next_attempt_at = _time(nullable=True)
    updated_at = _time()

    @dy.rule()
    def known_status(cls) -> pl.Expr:  # noqa: N805
        """The status and the type of error are of those listed."""
        known = cls.error_type.col.is_in(ERROR_TYPES).fill_null(value=True)
        return cls.status.col.is_in([PENDING, SYNCED, FAILED, DROPPED]) & known

    @dy.rule()
    def failed_says_why(cls) -> pl.Expr:  # noqa: N805
        """Exactly the failed rows have an error; no other has a next attempt."""
        failed = cls.status.col == FAILED
        told = cls.error_type.col.is_not_null() & cls.message.col.is_not_null()
        nothing = (
            cls.error_type.col.is_null()
            & cls.message.col.is_null()
            & cls.next_attempt_at.col.is_null()
        )
        return (failed & told) | (~failed & nothing)

    @dy.rule()
    def synced_is_on_the_board(cls) -> pl.Expr:  # noqa: N805
        """A synced size has its subitem."""
        return (cls.status.col != SYNCED) | cls.board_subitem_id.col.is_not_null()


class OrderBatches(dy.Schema):
    """One row a batch: orders of one customer that were staged by one run.

    The counts follow from the staged rows: ``orders`` is how many the batch began with, and always
    ``pending + synced + promoted + failed + dropped``, also when rows are deleted by their age.
    """

    batch_id = Text(primary_key=True, min_length=1, max_length=KEY_LENGTH)
    customer = Text(min_length=1, max_length=255)
    orders = dy.Int64(min=1)
    pending = dy.Int64(min=0)
    synced = dy.Int64(min=0)
    promoted = dy.Int64(min=0)
    failed = dy.Int64(min=0)
    dropped = dy.Int64(min=0)
    """Staged anew in another batch, since they changed at the source, or deleted as failed."""
    status = Text(min_length=1, max_length=20)
    """``OPEN`` while an order is pending or synced, then ``FAILED`` if one is failed, else ``DONE``."""
    created_at = _time()
    updated_at = _time()
    finished_at = _time(nullable=True)
    """When it was open for the last time; null while it is."""

    @dy.rule()
    def counts_add_up(cls) -> pl.Expr:  # noqa: N805
        """Every order of the batch is in exactly one of the states, or dropped."""
        states = [cls.pending, cls.synced, cls.promoted, cls.failed, cls.dropped]
        total = states[0].col
        for state in states[1:]:
            total = total + state.col
        return cls.orders.col == total

    @dy.rule()
    def finished_has_its_time(cls) -> pl.Expr:  # noqa: N805
        """The status is one of those listed; exactly the open batches have no end."""
        opened = cls.status.col == "OPEN"
        return cls.status.col.is_in(BATCH_STATES) & (opened == cls.finished_at.col.is_null())
