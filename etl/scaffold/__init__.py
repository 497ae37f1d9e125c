"""New jobs: their files made from a live board or table, and their contracts kept up with it."""

from __future__ import annotations

from etl.scaffold._docs import jobs_table
from etl.scaffold._names import JobNames, job_names_of
from etl.scaffold._new import check_free, create_job, project_root
from etl.scaffold._plan import (
    BoardOrigin,
    NewJob,
    TableOrigin,
    board_origin,
    default_origin,
    plan_job,
    table_origin,
)
from etl.scaffold._update import Patch, apply_patches, contract_patches

__all__ = [
    "BoardOrigin",
    "JobNames",
    "NewJob",
    "Patch",
    "TableOrigin",
    "apply_patches",
    "board_origin",
    "check_free",
    "contract_patches",
    "create_job",
    "default_origin",
    "job_names_of",
    "jobs_table",
    "plan_job",
    "project_root",
    "table_origin",
]
