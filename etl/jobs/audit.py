"""What was packed and shipped against what was ordered, into ``dbo.audit_results``."""

from __future__ import annotations

from etl.contracts.audit import AuditResults, AuditSummary
from etl.contracts.orders_unified import OrdersUnified
from etl.contracts.samples import TRUTH_TABLE, SampleAuditTruth
from etl.contracts.shipments import Packed, Shipped
from etl.io.rules import Customers
from etl.io.tables import TableRows, TableSource
from etl.jobs.base import Job, Notes, SetAside, Table
from etl.transforms.audit import audit as audit_transform

__all__ = ["audit"]

audit = Job(
    name="audit",
    description="Packed and shipped quantities against the orders, into dbo.audit_results.",
    inputs={
        "packed": TableSource(database="distribution", table="dbo.packed", contract=Packed),
        "shipped": TableSource(database="warehouse", table="dbo.shipped", contract=Shipped),
        "orders": TableSource(
            database="orders",
            table="dbo.orders_unified",
            contract=OrdersUnified,
            other_columns=True,
        ),
        "customers": Customers(),
        "truth": TableRows(database="orders", table=TRUTH_TABLE, contract=SampleAuditTruth),
    },
    transform=audit_transform,
    outputs={
        "results": Table("orders", "dbo.audit_results", contract=AuditResults, mode="sync"),
        "summary": Table("orders", "dbo.audit_summary", contract=AuditSummary, mode="sync"),
        "rejected": SetAside("results"),
        "notes": Notes(),
    },
    schedule="0 5 * * *",
)
