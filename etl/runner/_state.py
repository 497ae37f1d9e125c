"""What a run knows so far, so that a failure can still tell it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from etl.runner._result import CallResult, OutputResult, group_reasons

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import polars as pl

    from etl.contracts.check import Checked
    from etl.io.files import SinkReport
    from etl.jobs.base import Job, Table
    from etl.runner._compare import Changes
    from etl.runner._result import TablePlan

__all__ = ["State"]


@dataclass
class State:
    """Counts, notes and results of the steps so far; a step that repeats adds to its own."""

    rows_read: int = 0
    rows_written: int = 0
    notes: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    outputs: dict[tuple[str, str], OutputResult] = field(default_factory=dict)
    calls: dict[str, CallResult] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    phases: dict[str, float] = field(default_factory=dict)
    begun: float = field(default_factory=time.perf_counter)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the seconds of a block to a phase."""
        since = time.perf_counter()
        try:
            yield
        finally:
            self.phases[name] = self.phases.get(name, 0.0) + time.perf_counter() - since

    @contextmanager
    def undone_by_errors(self) -> Iterator[None]:
        """Forget what a block counted as written where it fails: it was rolled back."""
        before = self.rows_written, dict(self.outputs), list(self.files)
        try:
            yield
        except BaseException:
            self.rows_written, self.outputs, self.files = before
            raise

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return time.perf_counter() - self.begun

    @property
    def counts(self) -> dict[str, int]:
        """The run log's counts."""
        return {"rows_read": self.rows_read, "rows_written": self.rows_written, "rows_quarantined": len(self.reasons)}  # fmt: skip

    def note(self, *notes: str) -> None:
        """Add notes; one that was there already is not told again."""
        self.notes += [note for note in dict.fromkeys(notes) if note not in self.notes]

    def checked(self, checked: Mapping[str, Checked]) -> None:
        """Count the rows that are set aside."""
        self.reasons += [reason for one in checked.values() for reason in one.rejected["reason"]]

    def called(self, step: Job, results: pl.DataFrame) -> None:
        """Add what became of a call's payloads."""
        if step.call is None:
            return
        before = self.calls.get(step.name)
        told = CallResult.of(step.call.writer.describe(), results)
        self.calls[step.name] = told if before is None else before.plus(told)

    def output(
        self,
        step: Job,
        name: str,
        checked: Checked,
        changes: Changes,
        plan: TablePlan | None = None,
    ) -> None:
        """Add what was done to a table, or in a dry run would be."""
        table: Table = step.tables[name]
        reasons = checked.rejected["reason"].to_list()
        before = self.outputs.get((step.name, name))
        if before is not None:
            changes = before.changes.plus(changes)
            reasons = [r.reason for r in before.reasons for _ in range(r.rows)] + reasons
        self.outputs[step.name, name] = OutputResult(
            database=table.database,
            table=table.table,
            mode=table.mode,
            rows=checked.good.height + (before.rows if before else 0),
            changes=changes,
            rows_quarantined=checked.rejected.height + (before.rows_quarantined if before else 0),
            reasons=group_reasons(reasons),
            plan=plan,
        )

    def made(self, report: SinkReport) -> None:
        """Add what became of files."""
        self.files += [str(path) for path in report.written]
        self.note(*report.notes)
        if report.unchanged:
            count = len(report.unchanged)
            self.note(f"{count} file{'' if count == 1 else 's'} had nothing new: left as they were")

    def as_result(self) -> dict[str, Any]:
        """The parts of a :class:`~etl.runner.RunResult` that are known here."""
        return {
            **self.counts,
            "seconds": self.seconds,
            "phases": self.phases,
            "notes": tuple(self.notes),
            "reasons": group_reasons(self.reasons),
            "outputs": tuple(self.outputs.values()),
            "calls": tuple(self.calls.values()),
            "files": tuple(self.files),
        }
