"""Runs jobs: all or nothing, logged, and without writing where that is asked for."""

from __future__ import annotations

from etl.runner._compare import Changes, compare
from etl.runner._log import history, package_version
from etl.runner._result import OutputResult, Reason, RunResult, TablePlan
from etl.runner._run import execute, run

__all__ = [
    "Changes",
    "OutputResult",
    "Reason",
    "RunResult",
    "TablePlan",
    "compare",
    "execute",
    "history",
    "package_version",
    "run",
]
