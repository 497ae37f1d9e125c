"""New jobs: their files made from a live board or table, and their contracts kept up with it."""

from __future__ import annotations

from etl.scaffold._docs import jobs_table

__all__ = ["jobs_table"]
