"""What Spark's tasks of the tests use, where they can import it: contracts, and tasks that die."""

from __future__ import annotations

import os
from pathlib import Path

import dataframely as dy
import polars as pl

from etl.contracts.text import Text

__all__ = ["DEATHS", "DIES_AFTER", "HOW", "MARKS", "Deadly", "Lines"]

MARKS, DEATHS, HOW = "etl.test.marks", "etl.test.deaths", "etl.test.how"
"""Local properties of a job: a directory, how often the first task dies, and ``exit`` or ``raise``."""
DIES_AFTER = 2
"""Batches that an attempt has brought before it dies."""
_checked: dict[int, int] = {}


class Lines(dy.Schema):
    """The rows of the tests."""

    id = dy.Int64(primary_key=True)
    note = Text(nullable=True, max_length=20)
    quantity = dy.Int64(min=0)


class Deadly(Lines):
    """The same; the first task of such a job dies in the middle of checking it."""

    @dy.rule()
    def lives(cls) -> pl.Expr:  # noqa: N805 - dataframely's rules are class methods
        _die()
        return pl.lit(True)


def _die() -> None:
    from pyspark import TaskContext

    context = TaskContext.get()
    marks = context.getLocalProperty(MARKS) if context else None
    # One task: whatever replaces a process that died takes seconds to import all this again.
    if context is None or not marks or context.partitionId() != 0:
        return
    attempt = context.taskAttemptId()
    _checked[attempt] = _checked.get(attempt, 0) + 1
    deaths = len(list(Path(marks).iterdir()))
    if _checked[attempt] <= DIES_AFTER or deaths >= int(context.getLocalProperty(DEATHS) or 0):
        return
    (Path(marks) / str(deaths)).touch()
    if context.getLocalProperty(HOW) == "exit":
        os._exit(1)  # as the system kills a process: nothing is rolled back or cleaned up
    raise RuntimeError("the task was made to fail")
