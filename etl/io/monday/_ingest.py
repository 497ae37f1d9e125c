"""The bulk route: a CSV file of new items, which monday imports by itself.

A row whose key is on the board already would be updated and not created twice (``on_match``), so a
file that was uploaded twice does no harm. What an import has done is not taken from its word: the
keys are looked up afterwards.

Source: https://developer.monday.com/api-reference/reference/ingest-items-api-reference
"""

from __future__ import annotations

import csv
import hashlib
import io
import logging
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from etl.io.monday._lookup import Stopped
from etl.io.monday._sending import idempotency_key, several
from etl.io.monday.boards import expected_shape
from etl.io.monday.cell_formats import CELL_FORMATS
from etl.io.monday.documents import INGEST, JOB_STATUS
from etl.io.monday.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from etl.io.monday._lookup import Lookup
    from etl.io.monday._payloads import Row
    from etl.io.monday.client import MondayClient

__all__ = ["Ingest", "csv_fields", "csv_file"]

_ROWS: Final = 10_000
_BYTES: Final = 150_000_000
_POLL: Final = 10.0
_LONGEST: Final = 4 * 3600.0
"""10,000 rows take about half an hour; imports of others may come first."""
_REFUSED: Final = ("AUTHORIZATION_FAILED", "PERMISSION_DENIED")
_NULL: Final = "<NULL>"  # empties a cell in an import

_log = logging.getLogger(__name__)


def csv_fields(row: Row, types: Mapping[str, str]) -> dict[str, str] | None:
    """Write a row's cells for an import, by column id; None if one can't be written that way.

    Parameters
    ----------
    row
        The row.
    types
        Column id -> type.
    """
    fields = {}
    for column_id, value in row.cells.items():
        write = CELL_FORMATS[types[column_id]].csv
        if value is None:
            continue
        try:
            text = None if write is None else write(value)
        except ValueError:
            text = None
        if text is None or text == _NULL:
            return None
        fields[column_id] = text
    return None if row.name == _NULL else fields


def csv_file(rows: Sequence[Row], types: Mapping[str, str]) -> bytes:
    """Write the file of an import, in UTF-8; an empty cell is one that is left alone."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["name", *types], restval="", lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({"name": row.name, **(csv_fields(row, types) or {})})
    return text.getvalue().encode()


@dataclass(frozen=True, kw_only=True)
class Ingest:
    """Creates items by imports, one after the other."""

    client: MondayClient
    lookup: Lookup
    types: Mapping[str, str]
    """Column id -> type of the columns that are written."""
    done: Callable[[int], None]

    def create(self, group: str, rows: Sequence[Row]) -> None:
        """Create an item for each row in a group, and note in each what became of it.

        Raises
        ------
        Stopped
            Nothing more can be sent; rows that were not sent have no status.
        """
        for part in self._parts(rows):
            failure = self._import(group, part)
            self.done(len(part))
            if failure is not None:
                raise Stopped(failure)

    def _parts(self, rows: Sequence[Row]) -> list[list[Row]]:
        """Cut rows into files within monday's limits."""
        parts: list[list[Row]] = []
        size = _BYTES
        for row in rows:
            # Of a row's text at most; every quote in it is doubled.
            own = 2 * len(csv_file([row], self.types))
            if size + own > _BYTES or len(parts[-1]) >= _ROWS:
                parts.append([])
                size = 0
            parts[-1].append(row)
            size += own
        return parts

    def _import(self, group: str, rows: list[Row]) -> Failure | None:
        """Import one file; the failure after which nothing more need be sent, if there is one."""
        failure: Failure | None
        for row in rows:
            row.attempts += 1
        try:
            job = self._upload(group, rows)
            outcome = self._wait(job)
        except Stopped as stopped:
            failure, outcome = stopped.failure, {}
        else:
            failure = _failure(job, outcome)
        counts = outcome.get("counts") or {}
        try:
            missing = self._note(rows, counts)
        except Stopped as stopped:
            failure = stopped.failure
            missing = [row for row in rows if row.status is None]
        if not missing:
            return None
        if failure is None:
            bad = (counts.get("failed") or 0) + (counts.get("invalid") or 0)
            told = ", ".join(f"{name} {number}" for name, number in counts.items() if number)
            for row in missing:
                row.fail(
                    "rejected" if bad else "retryable",
                    f"monday.com's import {job} did not take this row ({told}): its report there "
                    "says why",
                )
            return None
        for row in missing:
            kind = "fatal" if failure.stops else "rejected"
            row.fail(
                "retryable" if failure.verdict == "retry" else kind,  # type: ignore[arg-type]
                f"monday.com: {failure.message}",
            )
        return failure if failure.stops or failure.verdict == "retry" else None

    def _upload(self, group: str, rows: Sequence[Row]) -> str:
        """Start an import and send its file; give its id."""
        board = self.lookup.target.board.id
        match = {"match_column_id": self.lookup.target.key, "behaviour": "UPSERT"}
        content = csv_file(rows, self.types)
        digest = hashlib.sha256(content).hexdigest()
        key = idempotency_key(board, "import", group, digest)
        variables = {"board": board, "group": group, "match": match}
        for attempt in range(1, self.client.attempts + 1):
            answer = self.client.mutate(INGEST, variables, key=key)
            failure = answer if isinstance(answer, Failure) else answer.failures.get("a0")
            if not isinstance(answer, Failure) and failure is None:
                with expected_shape(f"an import to board {board}"):
                    job, url = (str(answer.data["a0"][name]) for name in ("job_id", "upload_url"))
                # From memory: a write that was killed has begun it, and may have sent the file.
                state = self._status(job)["status"] if answer.replayed else "UPLOAD_PENDING"
                if state == "PROCESSING":
                    return job
                if state == "UPLOAD_PENDING":
                    failure = self.client.upload(url, content)
                    if failure is None or (failure.uncertain and self._taken(job)):
                        _log.info("monday.com: import %s of %d rows", job, len(rows))
                        return job
                else:
                    failure = Failure(verdict="retry", message=f"import {job} is over", wait=0.0)
                # Its address serves no second file: the next attempt is an import of its own.
                key = str(uuid.uuid4())
            if failure is None or failure.verdict != "retry" or attempt == self.client.attempts:
                break
            self.client.backoff(attempt, failure)
        raise Stopped(failure or Failure(verdict="retry", message="no import was started"))

    def _taken(self, job: str) -> bool:
        """Whether a file whose upload was not answered has arrived all the same."""
        return self._status(job).get("status") != "UPLOAD_PENDING"

    def _status(self, job: str) -> Mapping[str, Any]:
        answer = self.client.send(JOB_STATUS, {"job": job})
        if isinstance(answer, Failure):
            # Whatever it is, it is no fault of the rows.
            raise Stopped(answer if answer.stops else replace(answer, verdict="retry"))
        with expected_shape(f"the import {job}"):
            found: Mapping[str, Any] = answer.data["fetch_job_status"]
            found["status"].upper()
        return found

    def _wait(self, job: str) -> Mapping[str, Any]:
        """Ask for an import's state until it is one of the last."""
        waited = 0.0
        while True:
            found = self._status(job)
            if found["status"] in ("COMPLETED", "FAILED", "REJECTED"):
                return found
            if waited >= _LONGEST:
                text = f"import {job} is {found['status']} after {waited / 3600:.0f} hours"
                raise Stopped(Failure(verdict="retry", message=text, uncertain=True))
            self.client.pause(_POLL, f"import {job} is {found['status']}")
            waited += _POLL

    def _note(self, rows: Sequence[Row], counts: Mapping[str, Any]) -> list[Row]:
        """Look up what an import has made; give the rows that are not there."""
        expected = (counts.get("created") or 0) + (counts.get("updated") or 0)
        for attempt in range(1, self.client.attempts + 1):
            found = self.lookup.by_key([row.key for row in rows])
            if len(found) >= expected or attempt == self.client.attempts:
                break
            waiting = Failure(verdict="retry", message="the import's items do not show up yet")
            self.client.backoff(attempt, waiting)
        for row in rows:
            items = found.get(row.key, [])
            if len(items) == 1:
                row.done(int(items[0]["id"]))
            elif items:
                row.fail("rejected", several(row.key, [str(item["id"]) for item in items]))
        return [row for row in rows if row.status is None]


def _failure(job: str, outcome: Mapping[str, Any]) -> Failure | None:
    """Say why an import as a whole failed; None for one that did not."""
    if outcome["status"] == "COMPLETED":
        return None
    reason = outcome.get("failure_reason") or "no reason"
    text = f"import {job} {outcome['status']}: {outcome.get('failure_message') or ''} ({reason})"
    if reason in _REFUSED:
        return Failure(verdict="denied", message=text, stops=True)
    return Failure(verdict="fatal" if reason == "INVALID_UPLOAD" else "retry", message=text)
