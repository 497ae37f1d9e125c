"""The peer's imports: a job, an address for its file, and rows that are taken one by one."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from etl.io.monday.board_store import BoardStore, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Imports"]

_CELLS: Mapping[str, Callable[[str], Any]] = {
    "text": str,
    "numbers": str,
    "long_text": lambda text: {"text": text},
    "status": lambda text: {"label": text},
    "dropdown": lambda text: {"labels": text.split(", ")},
    "date": lambda text: dict(zip(("date", "time"), text.split(" "), strict=False)),
    "timeline": lambda text: dict(zip(("from", "to"), text.split("/"), strict=True)),
    "email": lambda text: {"email": text, "text": text},
    "link": lambda text: dict(zip(("text", "url"), text[1:-1].split("]("), strict=True)),
}


@dataclass
class _Job:
    board: str
    group: str
    match: Mapping[str, str] | None
    content: str | None = None
    polls: int = 0
    answer: dict[str, Any] = field(default_factory=dict)


@dataclass
class Imports:
    """Imports into the boards of a store.

    ``polls`` is how often a job says that it is at work still. ``lose_rows`` names item names that
    fail; ``outcome`` is what jobs end with instead of being done. ``uploads`` are the answers to
    the next uploads, as (HTTP status, whether the file is taken); status 0 cuts the connection.
    """

    store: BoardStore
    polls: int = 2
    lose_rows: frozenset[str] = frozenset()
    outcome: Mapping[str, Any] | None = None
    uploads: list[tuple[int, bool]] = field(default_factory=list)
    jobs: dict[str, _Job] = field(default_factory=dict)

    def start(self, base: str, board: str, group: str, match: Any) -> dict[str, Any]:
        """Open a job."""
        job = f"job-{len(self.jobs) + 1}"
        self.jobs[job] = _Job(board, group, match)
        return {"job_id": job, "upload_url": f"{base}/uploads/{job}?signature=s3cr3t"}

    def put(self, path: str, content: bytes) -> int:
        """Take a file; give the HTTP status."""
        status, taken = self.uploads.pop(0) if self.uploads else (200, True)
        job = self.jobs.get(path.removeprefix("/uploads/").partition("?")[0])
        if job is None or not path.endswith("?signature=s3cr3t"):
            return 403
        if taken:
            job.content = content.decode()
            if self.polls == 0:
                self.finish()
        return status

    def finish(self) -> None:
        """Do the work of every job that has its file, as monday does whether or not anyone asks."""
        for job in self.jobs.values():
            if job.content is not None and not job.answer:
                job.answer = dict(self.outcome) if self.outcome else self._work(job, job.content)

    def status(self, job_id: str) -> dict[str, Any]:
        """Tell a job's state; at the poll that is its last, the work is done."""
        job = self.jobs[job_id]
        if job.content is None:
            return {"status": "UPLOAD_PENDING"}
        job.polls += 1
        if job.polls <= self.polls:
            return {"status": "PROCESSING", "progress_percentage": 10 * job.polls}
        self.finish()
        return job.answer

    def _work(self, job: _Job, content: str) -> dict[str, Any]:
        rows = list(csv.DictReader(io.StringIO(content)))
        columns = self.store.columns(job.board)
        unknown = [name for name in (rows[0] if rows else ()) if name not in {"name", *columns}]
        if unknown:
            return {
                "status": "REJECTED",
                "failure_reason": "INVALID_UPLOAD",
                "failure_message": f"unknown column {unknown[0]}",
            }
        counts = dict.fromkeys(
            ("submitted", "invalid", "skipped", "created", "updated", "failed"), 0
        )
        for row in rows:
            counts["submitted"] += 1
            with self.store.transaction():
                counts[self._row(job, row, columns)] += 1
        return {"status": "COMPLETED", "counts": counts, "fully_imported": True}

    def _row(self, job: _Job, row: dict[str, str], columns: Mapping[str, Any]) -> str:
        if row["name"] in self.lose_rows:
            return "failed"
        try:
            cells = {
                id_: None if text == "<NULL>" else _CELLS[columns[id_]["type"]](text)
                for id_, text in row.items()
                if id_ != "name" and text != ""
            }
            if job.match is not None:
                column = job.match["match_column_id"]
                found = self.store.find(job.board, column, [row[column]])
                if found and job.match["behaviour"] == "SKIP":
                    return "skipped"
                if found:
                    changes = {**cells, "name": row["name"]}
                    self.store.change(job.board, int(found[0]["id"]), changes)
                    return "updated"
            self.store.create_item(job.board, job.group, row["name"], cells)
        except (Refused, KeyError, ValueError):
            return "invalid"
        return "created"
