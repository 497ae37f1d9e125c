"""What a run did, for people and for ``--json``."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from etl.runner._compare import Changes

__all__ = ["OutputResult", "Reason", "RunResult", "TablePlan", "group_reasons"]


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
class RunResult:
    """One run of a job, done or failed.

    ``seconds`` is the whole; ``phases`` divides it into read, transform, check and write.
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
        }


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
