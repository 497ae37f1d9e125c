"""The groups that new items go to: found by title, created once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.io.monday._lookup import Stopped
from etl.io.monday._sending import idempotency_key
from etl.io.monday._target import first_groups
from etl.io.monday.boards import expected_shape, one_board
from etl.io.monday.documents import CREATE_GROUP, GROUPS
from etl.io.monday.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.io.monday._payloads import Row
    from etl.io.monday._target import Target
    from etl.io.monday.client import MondayClient

__all__ = ["ensure_groups", "groups_note"]


def ensure_groups(client: MondayClient, target: Target, rows: Sequence[Row]) -> list[str]:
    """Give each row the id of its group, creating groups that are not there.

    Titles may repeat: the first active group of a title counts, also where somebody else creates
    one at the same time. So the groups are read again after each creation, and what is written goes
    to the group that everybody finds.

    Parameters
    ----------
    client
        An open client.
    target
        The live board.
    rows
        Rows to be created; those whose group can't be had are failed.

    Returns
    -------
    list of str
        Notes.

    Raises
    ------
    Stopped
        Nothing more can be sent.
    """
    groups = dict(target.groups)
    created: list[str] = []
    refused: dict[str, Failure] = {}
    for title in dict.fromkeys(row.group for row in rows if row.group is not None):
        if title in groups:
            continue
        answer = _create(client, target, title)
        if isinstance(answer, Failure):
            if answer.stops:
                raise Stopped(answer)
            refused[title] = answer
        else:
            groups |= answer
            created.append(title)
    for row in rows:
        failure = refused.get(row.group or "")
        row.group_id = target.first_group if row.group is None else groups.get(row.group)
        if failure is not None:
            kind = "retryable" if failure.verdict == "retry" else "rejected"
            row.fail(kind, f"group {row.group!r} was not created: {failure.message}")  # type: ignore[arg-type]
        elif row.group_id is None:
            row.fail("rejected", "the board has no active group: name one in `group`")
    return [groups_note("created", created)] if created else []


def groups_note(what: str, titles: Sequence[str]) -> str:
    """Name some groups in a note.

    >>> groups_note("created", ["A", "B", "C", "D"])
    '4 groups created: A, B, C ...'
    """
    more = " ..." if len(titles) > 3 else ""
    return f"{len(titles)} groups {what}: {', '.join(titles[:3])}{more}"


def _create(client: MondayClient, target: Target, title: str) -> dict[str, str] | Failure:
    """Create a group; the groups that are there then, or why there is none of that title."""
    board, salt = target.board.id, ""
    for attempt in range(1, client.attempts + 1):
        key = idempotency_key(board, "create-group", title, salt)
        answer = client.mutate(CREATE_GROUP, {"board": board, "title": title}, key=key)
        failure = answer if isinstance(answer, Failure) else answer.failures.get("a0")
        if failure is not None and not failure.uncertain:
            return failure
        if attempt > 1 or failure is not None:
            client.backoff(
                attempt,
                failure
                or Failure(verdict="retry", message=f"group {title!r} does not show up yet"),
            )
        read = client.send(GROUPS, {"board": [board]})
        if isinstance(read, Failure):
            return read
        with expected_shape(f"the groups of board {board}"):
            groups = first_groups(one_board(read.data, board)["groups"])
        if title in groups:
            return groups
        if not isinstance(answer, Failure) and answer.replayed:
            salt = f"again, {answer.data}"  # what monday remembers has been deleted since
    return failure or Failure(verdict="retry", message="monday.com does not show the new group")
