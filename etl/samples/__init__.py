"""Generated samples: a planning board, and the tables of orders and of what was shipped.

Only the board is here at once; :mod:`etl.samples.orders` and the others want polars.
"""

from __future__ import annotations

from etl.samples.board import PAGE_ITEMS, SampleBoard, SampleColumn, write_samples

__all__ = ["PAGE_ITEMS", "SampleBoard", "SampleColumn", "write_samples"]
