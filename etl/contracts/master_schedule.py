"""The tables ``dbo.customer_master_schedule`` and ``dbo.customer_master_schedule_subitems``."""

from __future__ import annotations

from typing import Final

import dataframely as dy

from etl.contracts.text import Text

__all__ = ["KEY_LENGTH", "MasterSchedule", "ScheduleSubitems"]

KEY_LENGTH: Final = 450
"""UTF-16 units of a business key: the 900 bytes that a clustered index of SQL Server takes.

Source: https://learn.microsoft.com/en-us/sql/sql-server/maximum-capacity-specifications-for-sql-server
"""

_LABEL: Final = 100


class MasterSchedule(dy.Schema):
    """One row an order, style and colour that is scheduled.

    ``order_key`` is made of order number, style and colour, each trimmed and case-folded.
    """

    order_key = Text(primary_key=True, min_length=1, max_length=KEY_LENGTH)
    order_number = Text(min_length=1, max_length=_LABEL)
    customer = Text(min_length=1, max_length=255)
    """The canonical name."""
    po_number = Text(nullable=True, max_length=_LABEL)
    alt_po = Text(nullable=True, max_length=_LABEL)
    style = Text(min_length=1, max_length=_LABEL)
    pattern = Text(nullable=True, max_length=_LABEL)
    style_description = Text(nullable=True, max_length=255)
    color = Text(min_length=1, max_length=_LABEL)
    season = Text(nullable=True, max_length=50)
    order_type = Text(nullable=True, max_length=50)
    received_date = dy.Date(nullable=True)
    due_date = dy.Date(nullable=True)
    destination = Text(nullable=True, max_length=255)
    unit_price = dy.Decimal(12, 2, nullable=True)
    unit_of_measure = Text(nullable=True, max_length=50)
    total_qty = dy.Int64(min=0)
    """The sum of the sizes, those of samples left out."""
    reported_qty = dy.Int64(nullable=True)
    """The total as the source tells it."""
    item_name = Text(min_length=1, max_length=255)
    group_name = Text(nullable=True, max_length=255)
    board_item_id = dy.Int64(nullable=True, min=1)


class ScheduleSubitems(dy.Schema):
    """One row a size of a scheduled order: a subitem of its item on the board.

    ``size_key`` is the order's key and the size.
    """

    size_key = Text(primary_key=True, min_length=1, max_length=KEY_LENGTH)
    order_key = Text(min_length=1, max_length=KEY_LENGTH)
    size = Text(min_length=1, max_length=50)
    order_qty = dy.Int64(min=0)
    packed_qty = dy.Int64(nullable=True, min=0)
    shipped_qty = dy.Int64(nullable=True, min=0)
    board_item_id = dy.Int64(nullable=True, min=1)
    """The parent's."""
    board_subitem_id = dy.Int64(nullable=True, min=1)
