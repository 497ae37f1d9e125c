"""A sample of the audit, into tables of its own: the full results stay as they are."""

from __future__ import annotations

from etl.contracts.audit import AuditResults, AuditSummary
from etl.jobs.audit import audit
from etl.jobs.base import Job, Notes, SetAside, Table
from etl.transforms.audit import sample_audit

__all__ = ["run_audit"]

run_audit = Job(
    name="run-audit",
    description="A sample of the audit's results, into dbo.audit_sample_results.",
    inputs=audit.inputs,
    transform=sample_audit,
    outputs={
        "results": Table("orders", "dbo.audit_sample_results", contract=AuditResults, mode="sync"),
        "summary": Table("orders", "dbo.audit_sample_summary", contract=AuditSummary, mode="sync"),
        "rejected": SetAside("results"),
        "notes": Notes(),
    },
    sample=1000,
    schedule="30 */6 * * *",
)
