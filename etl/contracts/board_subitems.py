"""What is read of the subitems of the schedule's board; no table."""

from __future__ import annotations

from typing import Any

import dataframely as dy

from etl.contracts.master_schedule import KEY_LENGTH
from etl.contracts.text import Text

__all__ = ["BoardSubitems"]


def _board(column: str) -> dict[str, Any]:
    return {"board_column": column}


class BoardSubitems(dy.Schema):
    """The cells of a subitem: a size of an order."""

    size_key = Text(nullable=True, max_length=KEY_LENGTH, metadata=_board("size_key"))
    size = Text(nullable=True, max_length=50, metadata=_board("size"))
    order_qty = dy.Int64(nullable=True, metadata=_board("order_qty"))
    packed_qty = dy.Int64(nullable=True, metadata=_board("packed_qty"))
    shipped_qty = dy.Int64(nullable=True, metadata=_board("shipped_qty"))
