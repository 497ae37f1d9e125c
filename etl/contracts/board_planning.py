"""The table ``dbo.board_planning``: one row an item of the planning board.

A column's metadata says where its cell comes from:

- ``board_column``: the board column's id. Columns without it are fields of the item itself.
- ``part``: which of a cell's values it is (``from`` and ``to`` of a timeline or a week; ``lat``,
  ``lng`` and ``address`` of a location).
- ``list: json``: a list is stored as JSON, not as text joined by ", ".
- ``changed_at``: the cell holds only the time of its last change; the date part is taken.

The board's buttons and automatic numbers have no column here: the former hold nothing, the latter
are not in monday's answer at all.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import dataframely as dy

from etl.contracts.calendar import FIRST_DATE, LAST_DATE
from etl.contracts.text import Text

__all__ = ["BoardPlanning"]

# The sizes are those of the NVARCHAR columns. 255 is monday's limit for names and labels, 2000 its
# limit for text, and 4000 the widest that SQL Server keeps inside the row.
_LABEL: Final = 255
_TEXT: Final = 2000
_WIDE: Final = 4000


def _board(column: str, **more: Any) -> dict[str, Any]:
    return {"board_column": column, **more}


def _text(column: str, max_length: int | None = _LABEL, **more: Any) -> Text:
    return Text(nullable=True, max_length=max_length, metadata=_board(column, **more))


def _date(column: str, **more: Any) -> dy.Date:
    return dy.Date(nullable=True, min=FIRST_DATE, max=LAST_DATE, metadata=_board(column, **more))


def _datetime(column: str | None, **more: Any) -> dy.Datetime:
    return dy.Datetime(
        nullable=True,
        time_unit="us",
        time_zone="UTC",
        min=dt.datetime(1753, 1, 1, tzinfo=dt.UTC),
        metadata=None if column is None else _board(column, **more),
    )


class BoardPlanning(dy.Schema):
    """One row an item, by ``item_id``; dates lie in 1753-9999, times are UTC."""

    item_id = dy.Int64(primary_key=True, min=1)
    style_key = Text(min_length=1, max_length=_LABEL)
    """The item's name, as it is: an item may well be called "None"."""
    group_title = Text(nullable=True, max_length=_LABEL)
    created_at = _datetime(None)
    updated_at = _datetime(None)

    style_status = _text("style_status")
    customer = _text("customer", _TEXT)
    season = _text("season", _TEXT)
    po_number = _text("po_number", _TEXT)
    color_name = _text("color_name", _TEXT)
    category = _text("category", _TEXT)
    order_qty = dy.Int64(nullable=True, metadata=_board("order_qty"))
    cut_qty = dy.Int64(nullable=True, metadata=_board("cut_qty"))
    unit_cost = dy.Decimal(12, 2, nullable=True, metadata=_board("unit_cost"))
    ex_factory = _date("ex_factory")
    fabric_eta = _date("fabric_eta")
    ship_at = _datetime("ship_at")
    production_from = _date("production", part="from")
    production_to = _date("production", part="to")
    plan_week_from = _date("plan_week", part="from")
    plan_week_to = _date("plan_week", part="to")
    shift_start = dy.Time(nullable=True, metadata=_board("shift_start"))
    approved = dy.Bool(metadata=_board("approved"))
    priority = dy.Int64(nullable=True, min=0, metadata=_board("priority"))
    votes = dy.Int64(nullable=True, min=0, metadata=_board("votes"))
    planner = _text("planner", _TEXT)
    factory_team = _text("factory_team", _TEXT)
    vendor_email = _text("vendor_email", _TEXT)
    vendor_phone = _text("vendor_phone")
    spec_link = _text("spec_link", _WIDE)
    origin = _text("origin")
    factory_lat = dy.Float64(
        nullable=True, min=-90.0, max=90.0, metadata=_board("factory_site", part="lat")
    )
    factory_lng = dy.Float64(
        nullable=True, min=-180.0, max=180.0, metadata=_board("factory_site", part="lng")
    )
    factory_address = _text("factory_site", _WIDE, part="address")
    tech_pack = _text("tech_pack", None)
    """The files, as the JSON that monday gives."""
    pulse_id = dy.Int64(nullable=True, metadata=_board("pulse_id"))
    created_log = _datetime("created_log")
    changed_log = _datetime("changed_log")
    sewing_time = dy.Int64(nullable=True, min=0, metadata=_board("sewing_time"))
    """Seconds."""
    linked_orders = _text("linked_orders", None)
    depends_on = _text("depends_on", None)
    mirror_status = _text("mirror_status", None)
    margin_pct = dy.Float64(nullable=True, metadata=_board("margin_pct"))
    sizes = _text("sizes", None, list="json")
    """The ids of the item's subitems, as a JSON list."""
    factory_clock = _text("factory_clock")
    brand_color = _text("brand_color")
    progress = _text("progress")
    fabric_changed = _date("fabric_changed", changed_at=True)
    notes = _text("notes", None)
