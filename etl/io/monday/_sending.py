"""Mutations in batches: each payload done exactly once, whatever the answers.

What an answer leaves open is never guessed. After a create that may have been done (no answer, a
server error, a conflict of idempotency keys) the keys are looked up. What is there is done. If
nothing is there the same request goes out again, under the same idempotency key, in case monday is
still at work on it. If a part is there, the lookup is repeated until two in a row agree, and only
then the rest goes out, as a request of its own. Changes to items that are there can simply be
repeated.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from etl.io.monday._lookup import Stopped
from etl.io.monday.cell_formats import as_json
from etl.io.monday.documents import change_items, create_items, create_subitems
from etl.io.monday.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from etl.io.monday._lookup import Lookup
    from etl.io.monday._payloads import Row
    from etl.io.monday.client import Answer, MondayClient
    from etl.io.monday.documents import Document

__all__ = ["Sender", "idempotency_key", "several"]

_NAMESPACE: Final = uuid.UUID("6f0d8f0e-5d0a-5c0e-9c53-2f6f1f1d7a41")
# So many batches in a row that got through to nobody: the rest would fare no better.
_GIVE_UP: Final = 3

Operation = Literal["create", "create-sub", "change"]

_PERHAPS: Final = "; it may have been created: the next write looks it up"
_UNTOLD: Final = Failure(
    verdict="retry", message="monday.com did not say what it did", uncertain=True
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Turn:
    """What one request left: rows that are open, why, and what makes the next key another one."""

    pending: list[Row]
    failure: Failure | None
    salt: str = ""


def idempotency_key(board: str, operation: str, *content: Any) -> str:
    """Derive the key of a request from what it holds: the same for each retry, in any process.

    >>> idempotency_key("7", "create", ["PO-1"]) == idempotency_key("7", "create", ["PO-1"])
    True
    >>> idempotency_key("7", "create", ["PO-1"]) == idempotency_key("7", "create", ["PO-2"])
    False
    """
    return str(uuid.uuid5(_NAMESPACE, as_json([board, operation, *content])))


@dataclass
class Sender:
    """Sends rows in batches, one request at a time, and notes in each row what became of it."""

    client: MondayClient
    lookup: Lookup
    create_labels: bool
    batch: int
    done: Callable[[int], None]
    """Called with how many rows are through."""
    _unreached: int = field(default=0, init=False)

    def create(self, rows: Sequence[Row]) -> None:
        """Create an item for each row.

        Raises
        ------
        Stopped
            Nothing more can be sent; rows that were not sent have no status.
        """
        self._batches("create-sub" if self.lookup.subitems else "create", rows)

    def change(self, rows: Sequence[Row]) -> None:
        """Change the cells that differ in each row's item.

        Raises
        ------
        Stopped
            Nothing more can be sent; rows that were not sent have no status.
        """
        self._batches("change", rows)

    def _batches(self, operation: Operation, rows: Sequence[Row]) -> None:
        for start in range(0, len(rows), self.batch):
            part = list(rows[start : start + self.batch])
            self._reached(part, self._through(operation, part))

    def _reached(self, rows: Sequence[Row], failure: Failure | None) -> None:
        """Give up after some batches in a row that did not get through."""
        self.done(len(rows))
        if failure is None:
            self._unreached = 0
            return
        self._unreached += 1
        if failure.stops or self._unreached >= _GIVE_UP:
            raise Stopped(failure)

    def _through(
        self, operation: Operation, rows: list[Row], attempts: int | None = None
    ) -> Failure | None:
        """Get a batch through; the failure that is left after all attempts, if one is."""
        pending, salt = rows, ""
        most = attempts or self.client.attempts
        for attempt in range(1, most + 1):
            turn = self._turn(operation, pending, salt)
            pending, salt = turn.pending, salt + turn.salt
            if not pending or turn.failure is None:
                return turn.failure
            failure = turn.failure
            if attempt < most:
                self.client.backoff(attempt, turn.failure)
            if operation != "change":
                try:
                    pending = self._missing(pending)
                except Stopped as stopped:
                    return _all_failed(pending, stopped.failure, _PERHAPS)
            if not pending:
                return None
        if len(pending) > 1 and (failure.ended or (operation == "change" and failure.uncertain)):
            # One row that monday stumbles over each time is not to hold up the others. A create
            # that may still be under way is not sent under another key.
            return self._each_alone(operation, pending, 1)
        return _all_failed(pending, failure)

    def _turn(self, operation: Operation, rows: list[Row], salt: str) -> _Turn:
        """Send rows once."""
        answer = self._send(operation, rows, salt)
        if not isinstance(answer, Failure):
            turn = self._settle(rows, answer)
            if turn.failure is not None and turn.failure.stops:
                return _Turn([], _all_failed(turn.pending, turn.failure))
            return turn
        if answer.stops or (answer.verdict == "retry" and not answer.uncertain):
            # The client has repeated it as long as that is worth, and nothing was done.
            return _Turn([], _all_failed(rows, answer))
        if answer.uncertain:
            return _Turn(rows, answer)
        return _Turn([], self._one_by_one(operation, rows, answer))

    def _one_by_one(
        self, operation: Operation, rows: list[Row], failure: Failure
    ) -> Failure | None:
        """Find out which row a request was refused for, by sending each alone."""
        if len(rows) == 1:
            rows[0].fail("rejected", f"monday.com: {failure.message}")
            return None
        _log.warning("monday.com refused %d rows at once: %s", len(rows), failure.message)
        try:
            pending = rows if operation == "change" else self._missing(rows)
        except Stopped as stopped:
            return _all_failed(rows, stopped.failure, _PERHAPS)
        return self._each_alone(operation, pending, self.client.attempts)

    def _each_alone(self, operation: Operation, rows: list[Row], attempts: int) -> Failure | None:
        """Send rows one by one; the failure that none of them got past, if there is one."""
        lost: list[Failure] = []
        passed = False
        for index, row in enumerate(rows):
            failure = self._through(operation, [row], attempts)
            lost = [] if failure is None else [*lost, failure]
            passed = passed or failure is None
            if failure is not None and (failure.stops or len(lost) >= _GIVE_UP):
                return _all_failed(rows[index:], failure)
        return None if passed else lost[-1]

    def _settle(self, rows: list[Row], answer: Answer) -> _Turn:
        """Note what became of each row, and what is open still.

        An answer from monday's memory may tell of items that were deleted since: they are asked
        for by their ids. What it leaves open needs another key, or it would be the same again.
        """
        pending: list[Row] = []
        worst: Failure | None = None
        made: list[tuple[Row, int]] = []
        for index, row in enumerate(rows):
            failure, told = answer.failures.get(f"a{index}"), answer.data.get(f"a{index}")
            if failure is None and isinstance(told, dict) and str(told.get("id")).isdigit():
                made.append((row, int(told["id"])))
            elif failure is None or failure.verdict == "retry" or failure.stops:
                pending.append(row)
                if worst is None or not worst.stops:
                    worst = failure or _UNTOLD
            else:
                row.fail("rejected", f"monday.com: {failure.message}")
        gone: list[str] = []
        if answer.replayed and made:
            try:
                there = self.lookup.by_id([item for _, item in made])
            except Stopped as stopped:
                return _Turn([*pending, *(row for row, _ in made)], stopped.failure)
            gone = [str(item) for _, item in made if item not in there]
            pending += [row for row, item in made if item not in there]
            made = [(row, item) for row, item in made if item in there]
            worst = worst or (_UNTOLD if gone else None)
        for row, item in made:
            row.done(item)
        salt = f"again {','.join(gone)};" if answer.replayed and pending else ""
        return _Turn(pending, worst, salt)

    def _missing(self, rows: list[Row]) -> list[Row]:
        """Look up which of some creates are not done; the others are noted as done.

        Raises
        ------
        Stopped
            monday did not answer.
        """
        found = self.lookup.by_key([row.key for row in rows])
        attempt = 0
        while 0 < len(found) < len(rows) and attempt < self.client.attempts:
            attempt += 1
            waiting = Failure(verdict="retry", message="waiting until a request is through")
            self.client.backoff(attempt, waiting)
            again = self.lookup.by_key([row.key for row in rows])
            if again.keys() == found.keys():
                break
            found = again
        for row in rows:
            items = found.get(row.key, [])
            if len(items) == 1:
                row.done(int(items[0]["id"]))
            elif items:
                row.fail("rejected", several(row.key, [str(item["id"]) for item in items]))
        return [row for row in rows if row.key not in found]

    def _send(self, operation: Operation, rows: list[Row], salt: str = "") -> Answer | Failure:
        board = self.lookup.target.board.id
        document, variables = self._request(operation, rows)
        content = [
            [row.key, row.item_id, row.parent, row.group_id, row.name, row.changed_at, row.cells]
            if operation != "change"
            else [row.key, row.item_id, row.changed_at, row.changes]
            for row in rows
        ]
        key = idempotency_key(board, operation, self.create_labels, salt, content)
        for row in rows:
            row.attempts += 1
        return self.client.mutate(document, variables, key=key)

    def _request(self, operation: Operation, rows: list[Row]) -> tuple[Document, dict[str, Any]]:
        variables: dict[str, Any] = {"labels": self.create_labels}
        if operation != "create-sub":
            variables["board"] = self.lookup.target.board.id
        for index, row in enumerate(rows):
            if operation == "change":
                variables[f"item{index}"] = str(row.item_id)
                variables[f"cells{index}"] = as_json(row.changes)
                continue
            if operation == "create":
                variables[f"group{index}"] = row.group_id
            else:
                variables[f"parent{index}"] = str(row.parent)
            variables[f"name{index}"] = row.name
            cells = {id_: value for id_, value in row.cells.items() if value is not None}
            variables[f"cells{index}"] = as_json(cells)
        make = {"create": create_items, "create-sub": create_subitems, "change": change_items}
        return make[operation](len(rows)), variables


def several(key: str, items: Sequence[str]) -> str:
    """Say that a key is on the board more than once."""
    return (
        f"the board holds the key {key!r} {len(items)} times, in the items "
        f"{', '.join(sorted(items))}: delete all but one of them, or merge them"
    )


def _all_failed(rows: Sequence[Row], failure: Failure, more: str = "") -> Failure:
    for row in rows:
        kind: Literal["fatal", "retryable"] = "fatal" if failure.stops else "retryable"
        row.fail(kind, f"monday.com: {failure.message}{more}")
    return failure
