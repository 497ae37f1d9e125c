"""The table ``dbo.board_groups``: the groups of the boards, those gone included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dataframely as dy

from etl.contracts.text import Text

if TYPE_CHECKING:
    import polars as pl

__all__ = ["BoardGroups"]


class BoardGroups(dy.Schema):
    """One row a group of a board; times are UTC.

    A group's id is unique on its board alone (every new board starts with ``topics``), so the key
    is both ids.
    """

    board_id = dy.Int64(primary_key=True, min=1)
    group_id = Text(primary_key=True, min_length=1, max_length=255)
    title = Text(max_length=255)
    position = dy.Float64(nullable=True)
    """Groups of a board stand in the order of this number, which need not be whole."""
    color = Text(nullable=True, max_length=50)
    active = dy.Bool()
    """False once the group is archived, or no longer on its board."""
    first_seen_at = dy.Datetime(time_unit="us", time_zone="UTC")
    inactive_since = dy.Datetime(nullable=True, time_unit="us", time_zone="UTC")
    updated_at = dy.Datetime(time_unit="us", time_zone="UTC")
    """When this row last changed."""

    @dy.rule()
    def inactive_has_its_time(cls) -> pl.Expr:  # noqa: N805 - dataframely makes it a class method
        """Exactly the inactive groups have a time since when."""
        return cls.active.col == cls.inactive_since.col.is_null()
