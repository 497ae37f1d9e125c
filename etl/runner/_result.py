"""What a run did, for people and for ``--json``."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from etl.markup import ROWS, facts, paragraphs, section, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

    from etl.runner._compare import Changes

__all__ = ["CallResult", "OutputResult", "Reason", "RunResult", "TablePlan", "group_reasons"]


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why rows were set aside: one row's own words, and how many were like it."""

    reason: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class TablePlan:
    """What a dry run found that a run would do to a table."""

    created: bool
    """There is no such table yet."""
    missing_columns: tuple[str, ...] = ()
    """Columns of the contract that the table lacks; a run would be refused."""
    other_columns: tuple[str, ...] = ()
    """Columns of the table that the contract does not know; new rows leave them empty."""


@dataclass(frozen=True, kw_only=True)
class OutputResult:
    """One output table: what was done to it, or in a dry run would be, and the rows set aside.

    A ``replace`` without a key counts its rows as deleted and inserted; the dry run before it
    compares them by the contract's key.
    """

    database: str
    table: str
    mode: str
    rows: int
    """Rows that keep the contract."""
    changes: Changes
    rows_quarantined: int
    reasons: tuple[Reason, ...] = ()
    plan: TablePlan | None = None


@dataclass(frozen=True, kw_only=True)
class CallResult:
    """What became of the payloads of a call, or in a dry run would become of them."""

    target: str
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: tuple[Reason, ...] = ()
    """Why payloads failed."""

    @classmethod
    def of(cls, target: str, results: pl.DataFrame) -> CallResult:
        """Count the rows of a writer's results; in a plan, what is skipped has its action."""
        done = results.filter(results["status"] != "failed")["action"].to_list()
        failed = results.filter(results["status"] == "failed")
        return cls(
            target=target,
            created=done.count("created"),
            updated=done.count("updated"),
            unchanged=done.count("unchanged"),
            failed=failed.height,
            skipped=done.count(None),
            reasons=group_reasons(failed["message"].fill_null("no reason was given")),
        )

    def plus(self, other: CallResult) -> CallResult:
        """Add another call of the same step."""
        reasons = [r.reason for one in (self, other) for r in one.reasons for _ in range(r.rows)]
        return CallResult(
            target=self.target,
            created=self.created + other.created,
            updated=self.updated + other.updated,
            unchanged=self.unchanged + other.unchanged,
            failed=self.failed + other.failed,
            skipped=self.skipped + other.skipped,
            reasons=group_reasons(reasons),
        )


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """One run of a job, done or failed.

    ``seconds`` is the whole; ``phases`` divides it into read, call, transform, check and write.
    Of a pipeline that failed, ``rows_written`` counts what the steps before have committed.
    """

    job: str
    run_id: str
    status: Literal["done", "failed"]
    dry_run: bool
    rows_read: int = 0
    rows_written: int = 0
    rows_quarantined: int = 0
    seconds: float = 0.0
    phases: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    outputs: tuple[OutputResult, ...] = ()
    calls: tuple[CallResult, ...] = ()
    files: tuple[str, ...] = ()
    """Paths of the files that were made anew."""
    error: str | None = None
    exception: BaseException | None = field(default=None, repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """Give the result as plain values for JSON; the exception stays behind."""
        plain = {name: value for name, value in vars(self).items() if name != "exception"}
        return {
            **plain,
            "seconds": round(self.seconds, 3),
            "phases": {name: round(seconds, 3) for name, seconds in self.phases.items()},
            "reasons": [asdict(reason) for reason in self.reasons],
            "outputs": [asdict(output) for output in self.outputs],
            "calls": [asdict(call) for call in self.calls],
        }

    def _repr_html_(self) -> str:
        would = "would be " if self.dry_run else ""
        kinds = ("inserted", "updated", "deleted", "unchanged")
        return section(
            f"{self.job}: {self.status}{', a dry run: nothing was written' * self.dry_run}",
            paragraphs([self.error] if self.error else []),
            facts(
                [
                    ("rows read", self.rows_read),
                    ("rows written", self.rows_written),
                    ("rows set aside", self.rows_quarantined),
                    ("seconds", f"{self.seconds:.3f}"),
                    ("run", self.run_id),
                ]
            ),
            table(
                ["table", "database", "mode", *(would + kind for kind in kinds), "set aside"],
                [
                    (
                        out.table,
                        out.database,
                        out.mode,
                        *(getattr(out.changes, kind) for kind in kinds),
                        out.rows_quarantined,
                    )
                    for out in self.outputs
                ],
            ),
            table(
                ["call", "created", "updated", "unchanged", "failed", "skipped"],
                [
                    (c.target, c.created, c.updated, c.unchanged, c.failed, c.skipped)
                    for c in self.calls
                ],
            ),
            table(
                ["rows", "set aside because, for example"],
                [(reason.rows, reason.reason) for reason in self.reasons],
            ),
            table(["file"], [(file,) for file in self.files]),
            paragraphs(f"note: {note}" for note in self.notes[:ROWS]),
        )


def group_reasons(reasons: Iterable[str]) -> tuple[Reason, ...]:
    """Count reasons that differ only in the values they quote, most frequent first.

    >>> group_reasons(["qty: 'a' is no number", "qty: 'b' is no number", "key: null"])
    (Reason(reason="qty: 'a' is no number", rows=2), Reason(reason='key: null', rows=1))
    """
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for reason in reasons:
        alike = re.sub(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\d+", "_", reason)
        counts[alike] += 1
        first.setdefault(alike, reason)
    return tuple(Reason(reason=first[alike], rows=rows) for alike, rows in counts.most_common())
