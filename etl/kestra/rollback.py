"""Putting back what was there before a deployment, and before all that came after it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from etl.errors import ConfigError
from etl.kestra.snapshots import digest, find_snapshots
from etl.kestra.state import Change, apply, read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from etl.io.kestra import KestraClient
    from etl.kestra.snapshots import Record, Snapshot
    from etl.kestra.state import Item, Live

__all__ = ["chosen_snapshots", "plan_rollback", "rollback"]


def chosen_snapshots(root: Path, name: str | None = None) -> list[Snapshot]:
    """The deployments that a rollback undoes, the newest first: down to the named one, or the last.

    Raises
    ------
    ConfigError
        There is none to roll back, or none of that name.
    """
    kept = find_snapshots(root)
    open_ones = [snapshot for snapshot in kept if snapshot.can_be_rolled_back]
    if name is None:
        if not open_ones:
            raise ConfigError(f"no deployment to roll back is kept below {root}")
        return [open_ones[-1]]
    if name not in [snapshot.name for snapshot in open_ones]:
        status = next(
            (f"it is {snapshot.status}" for snapshot in kept if snapshot.name == name), ""
        )
        known = ", ".join(snapshot.name for snapshot in open_ones) or "(none)"
        raise ConfigError(f"no deployment {name} to roll back{': ' if status else ''}{status}; there are {known}")  # fmt: skip
    newest_first = open_ones[::-1]
    names = [snapshot.name for snapshot in newest_first]
    return newest_first[: names.index(name) + 1]


def plan_rollback(
    client: KestraClient, snapshots: Sequence[Snapshot], *, force: bool = False
) -> list[Change]:
    """Find out what a rollback changes; nothing is changed.

    ``snapshots`` are the newest first. What somebody else has changed since the deployment is
    refused, unless ``force``.

    Raises
    ------
    ConfigError
        The deployments went to another server, or somebody else has changed something since.
    """
    before: dict[Item, Live] = {}
    latest: dict[Item, tuple[Snapshot, Record]] = {}
    for snapshot in snapshots:
        if snapshot.server != client.where:
            raise ConfigError(f"the deployment {snapshot.name} went to {snapshot.server}, and this is {client.where}: set KESTRA_URL")  # fmt: skip
        for record in snapshot.records:
            latest.setdefault(record.item, (snapshot, record))
            before[record.item] = record.before  # the oldest one's stands in the end
    changes: list[Change] = []
    edited: list[str] = []
    for item, (snapshot, record) in latest.items():
        now = read(client, item)
        expected = {record.after, digest(item, before[item].content)}
        if snapshot.status == "started":
            expected.add(digest(item, record.before.content))
        if digest(item, now.content) not in expected:
            edited.append(str(item))
        changes.append(Change(item, now, before[item].content))
    if edited and not force:
        raise ConfigError(
            f"changed since the deployment by somebody else: {', '.join(sorted(edited))}; "
            "--force puts back what was there before it all the same"
        )
    return _ordered(changes)


def rollback(
    client: KestraClient,
    changes: Sequence[Change],
    snapshots: Sequence[Snapshot],
    *,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Put back what was planned; all of it, or nothing.

    Raises
    ------
    EtlError
        It failed half way; the server holds what it held before the rollback.
    """
    apply(client, changes, sleep=sleep)
    for snapshot in snapshots:
        snapshot.marked("rolled back")


def _ordered(changes: Sequence[Change]) -> list[Change]:
    """Files that flows need first; what was created goes last, the folder after its files."""

    def rank(change: Change) -> tuple[int, Item]:
        gone = change.after is None
        order = {"folder": 5 if gone else 0, "file": 4 if gone else 1, "flow": 3 if gone else 2}
        return order[change.item.kind], change.item

    return sorted(changes, key=rank)
