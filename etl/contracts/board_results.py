"""What a write to a board gives back: one row for each payload, in the payloads' order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dataframely as dy

from etl.contracts.text import Text

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ACTIONS", "ERROR_TYPES", "STATUSES", "BoardResults"]

ACTIONS: Final = ("created", "updated", "unchanged")
STATUSES: Final = ("done", "failed", "skipped")
ERROR_TYPES: Final = ("retryable", "rejected", "fatal")


class BoardResults(dy.Schema):
    """One row a payload: what became of it on the board."""

    key = Text(primary_key=True)
    """The payload's key."""
    item_id = dy.Int64(nullable=True)
    """The item that holds the key now; null where there is none, or it is not known."""
    action = Text(nullable=True)
    """``created``, ``updated`` or ``unchanged``: what was done, or in a plan what would be."""
    status = Text()
    """``done``; ``failed`` (see ``error_type``); ``skipped``: it was not sent."""
    error_type = Text(nullable=True)
    """``retryable``: the same payload can succeed later. ``rejected``: it has to change first.
    ``fatal``: nothing can be written until someone repairs the set-up."""
    message = Text(nullable=True)
    """What went wrong, and what to do."""
    attempts = dy.Int64(min=0)
    """How many requests of this write held the payload."""

    @dy.rule()
    def known_words(cls) -> pl.Expr:  # noqa: N805 - dataframely makes it a class method
        """Actions, statuses and error types are of those listed."""
        return (
            cls.action.col.is_in(ACTIONS).fill_null(value=True)
            & cls.status.col.is_in(STATUSES)
            & cls.error_type.col.is_in(ERROR_TYPES).fill_null(value=True)
        )

    @dy.rule()
    def done_has_an_item(cls) -> pl.Expr:  # noqa: N805
        """What is done has an item, an action and no error; what failed has its kind of error."""
        done = (
            cls.item_id.col.is_not_null()
            & cls.action.col.is_not_null()
            & cls.error_type.col.is_null()
        )
        failed = cls.error_type.col.is_not_null() & cls.message.col.is_not_null()
        return (
            ((cls.status.col == "done") & done)
            | ((cls.status.col == "failed") & failed)
            | (cls.status.col == "skipped")
        )
