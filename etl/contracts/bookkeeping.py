"""The tables that runs leave beside the data: ``etl_runs`` and ``etl_quarantine``.

They stand in the database that the job writes to, in its default schema.
"""

from __future__ import annotations

from typing import Final

import dataframely as dy

from etl.contracts.text import Text

__all__ = ["QUARANTINE_TABLE", "RUNS_TABLE", "EtlQuarantine", "EtlRuns"]

RUNS_TABLE: Final = "etl_runs"
QUARANTINE_TABLE: Final = "etl_quarantine"


class EtlRuns(dy.Schema):
    """One row an attempt at a job; times are UTC.

    An orchestrator that retries gives each attempt the same run id, so the key has ``attempt`` too.
    """

    run_id = Text(primary_key=True, min_length=1, max_length=100)
    job = Text(primary_key=True, min_length=1, max_length=100)
    attempt = dy.Int64(primary_key=True, min=1)
    profile = Text(nullable=True, max_length=100)
    version = Text(max_length=50)
    started_at = dy.Datetime(time_unit="us", time_zone="UTC")
    finished_at = dy.Datetime(nullable=True, time_unit="us", time_zone="UTC")
    status = Text(max_length=20)
    """``running``, ``done`` or ``failed``; a killed run stays ``running``."""
    rows_read = dy.Int64(nullable=True, min=0)
    rows_written = dy.Int64(nullable=True, min=0)
    rows_quarantined = dy.Int64(nullable=True, min=0)
    error = Text(nullable=True, max_length=4000)


class EtlQuarantine(dy.Schema):
    """One row for each row that a contract set aside; the row itself is JSON."""

    job = Text(min_length=1, max_length=100)
    run_id = Text(min_length=1, max_length=100)
    table_name = Text(max_length=255)
    """The table that the row was meant for."""
    time = dy.Datetime(time_unit="us", time_zone="UTC")
    reason = Text()
    row = Text()
