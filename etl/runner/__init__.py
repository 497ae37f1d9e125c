"""Runs jobs: all or nothing, logged, and without writing where that is asked for."""

from __future__ import annotations

from etl.runner._check import CheckItem, check
from etl.runner._compare import Changes, compare, in_mode
from etl.runner._fit import source_problems, table_problems
from etl.runner._log import history, package_version
from etl.runner._quarantine import Replayed, discard, quarantined, replay
from etl.runner._result import CallResult, OutputResult, Reason, RunResult, TablePlan, group_reasons
from etl.runner._run import execute, run

__all__ = [
    "CallResult",
    "Changes",
    "CheckItem",
    "OutputResult",
    "Reason",
    "Replayed",
    "RunResult",
    "TablePlan",
    "check",
    "compare",
    "discard",
    "execute",
    "group_reasons",
    "history",
    "in_mode",
    "package_version",
    "quarantined",
    "replay",
    "run",
    "source_problems",
    "table_problems",
]
