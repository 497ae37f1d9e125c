"""The planning board, item by item, into ``dbo.board_planning``."""

from __future__ import annotations

from etl.contracts.board_planning import BoardPlanning
from etl.io.monday.reader import MondayItems
from etl.jobs.base import Job, Table
from etl.transforms.board_planning import planning_rows

__all__ = ["board_planning"]

board_planning = Job(
    name="board-planning",
    description="Every item of the planning board into dbo.board_planning.",
    inputs={"items": MondayItems(board="planning", contract=BoardPlanning)},
    transform=planning_rows,
    outputs={"planning": Table("orders", "dbo.board_planning", contract=BoardPlanning)},
    schedule="0 */4 * * *",
)
