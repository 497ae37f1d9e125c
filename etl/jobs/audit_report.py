"""Workbooks of the audit's stored results: one of all customers, one for each; nothing is matched."""

from __future__ import annotations

from etl.contracts.audit import AuditResults, AuditSummary
from etl.io.excel import Workbooks
from etl.io.tables import TableSource
from etl.jobs._audit_books import BOOKS
from etl.jobs.base import Job
from etl.transforms.audit_report import audit_report as report_frames

__all__ = ["audit_report"]

audit_report = Job(
    name="audit-report",
    description="Workbooks of the audit's stored results: one of all customers, one for each.",
    inputs={
        "results": TableSource(
            database="orders", table="dbo.audit_results", contract=AuditResults, filled_by="audit"
        ),
        "summary": TableSource(
            database="orders", table="dbo.audit_summary", contract=AuditSummary, filled_by="audit"
        ),
    },
    transform=report_frames,
    outputs={"workbooks": Workbooks(directory="data/reports", books=BOOKS)},
    schedule="30 6 * * *",
)
