"""The planning board's groups into ``dbo.board_groups``; those that are gone stay, marked inactive."""

from __future__ import annotations

from etl.contracts.board_groups import BoardGroups
from etl.io.monday.reader import MondayGroups
from etl.io.tables import TableRows
from etl.jobs.base import Job, Table
from etl.transforms.board_groups import group_rows

__all__ = ["board_groups"]

board_groups = Job(
    name="board-groups",
    description="The planning board's groups into dbo.board_groups; those gone marked inactive.",
    inputs={
        "groups": MondayGroups(board="planning"),
        "current": TableRows(database="orders", table="dbo.board_groups", contract=BoardGroups),
    },
    transform=group_rows,
    # The transform gives the rows of groups that are gone too: nothing is ever deleted.
    outputs={"groups": Table("orders", "dbo.board_groups", contract=BoardGroups, mode="upsert")},
    schedule="30 */4 * * *",
)
