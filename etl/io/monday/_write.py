"""One write to one board: look through it, create what is not there, change what differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.errors import LoadError, SourceError
from etl.io.monday._groups import ensure_groups, groups_note
from etl.io.monday._ingest import Ingest, csv_fields
from etl.io.monday._lookup import Lookup, Stopped, compare
from etl.io.monday._payloads import Row, check_frame, payload_rows, results
from etl.io.monday._sending import Sender, several
from etl.io.monday._target import Target, read_target
from etl.io.monday.errors import Failure
from etl.io.sink import WriteReport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from etl.config import BoardSettings
    from etl.errors import EtlError
    from etl.io.monday._payloads import ErrorType
    from etl.io.monday.client import MondayClient
    from etl.io.source import Progress

__all__ = ["BoardOptions", "write_board"]


@dataclass(frozen=True, kw_only=True)
class BoardOptions:
    """How a board is written.

    Parameters
    ----------
    clear
        A null empties its cell; otherwise it leaves the cell alone.
    create_labels
        Labels of statuses and dropdowns that do not exist are created; otherwise they are refused.
    batch
        How many rows one request changes.
    lookup
        How many keys one request looks up.
    bulk_from
        From so many new items of one group on they are imported as a file; None never.
    """

    clear: bool = False
    create_labels: bool = False
    batch: int = 20
    lookup: int = 100
    bulk_from: int | None = 100


def write_board(
    client: MondayClient,
    board: BoardSettings,
    payloads: pl.DataFrame,
    *,
    progress: Progress,
    subitems: bool = False,
    options: BoardOptions | None = None,
    plan: bool = False,
    where: str = "the board",
) -> WriteReport:
    """Write payloads over an open client; see :class:`~etl.io.monday.writer.MondayBoard`.

    Parameters
    ----------
    client
        An open client.
    board
        The board's id, its key column, and its names for columns.
    payloads
        The payloads.
    progress
        Called as rows get through.
    subitems
        The board holds subitems.
    options
        How it is written.
    plan
        Write nothing.
    where
        What messages call the board's place in the configuration.

    Raises
    ------
    ContractError, ConfigError
        As :meth:`~etl.io.monday.writer.MondayBoard.write`.
    """
    check_frame(payloads, subitems=subitems)
    options = options or BoardOptions()
    try:
        target = read_target(client, board, where)
    except SourceError as error:
        return _nothing_sent(payloads, LoadError(str(error)), "fatal")
    if isinstance(target, Failure):
        return _nothing_sent(
            payloads, client.write_error(target), "fatal" if target.stops else "retryable"
        )
    rows, columns = payload_rows(
        payloads,
        target,
        names=board.columns,
        clear=options.clear,
        create_labels=options.create_labels,
    )
    write = _Write(client, target, rows, columns, options, progress, subitems=subitems)
    fatal: EtlError | None = None
    try:
        write.look_up()
        if plan:
            write.note_groups()
        else:
            write.send()
    except Stopped as stopped:
        fatal = client.write_error(stopped.failure)
        _skip(rows, "fatal" if stopped.failure.stops else "retryable", stopped.failure.message)
    except SourceError as error:  # an answer of a shape that nobody foresaw
        fatal = LoadError(str(error))
        _skip(rows, "fatal", str(error))
    return WriteReport(results=results(rows, planned=plan), notes=tuple(write.notes), fatal=fatal)


class _Write:
    """One write to one board."""

    def __init__(
        self,
        client: MondayClient,
        target: Target,
        rows: list[Row],
        columns: Sequence[str],
        options: BoardOptions,
        progress: Progress,
        *,
        subitems: bool,
    ) -> None:
        self.client, self.target, self.rows, self.columns = client, target, rows, columns
        self.options, self.subitems = options, subitems
        self.notes: list[str] = []
        self._progress, self._through = progress, 0
        self.lookup = Lookup(
            client=client, target=target, columns=columns, subitems=subitems, keys=options.lookup
        )

    def look_up(self) -> None:
        """Find each row's item, and say whether it is to be created, changed or left alone."""
        open_rows = [row for row in self.rows if row.status is None]
        known = [row for row in open_rows if row.item_id is not None]
        there = self.lookup.by_id([row.item_id for row in known if row.item_id is not None])
        label, looked = f"looking through board {self.target.board.id}", 0

        def seen(keys: int) -> None:
            nonlocal looked
            looked += keys
            self._progress(label, looked, len(open_rows))

        seen(len(known))
        by_key = [row for row in open_rows if row.item_id is None or row.item_id not in there]
        found = self.lookup.by_key([row.key for row in by_key], seen)
        for row in open_rows:
            item = None if row.item_id is None else there.get(row.item_id)
            items = found.get(row.key, []) if item is None else [item]
            if len(items) > 1:
                row.fail("rejected", several(row.key, [str(one["id"]) for one in items]))
            elif items:
                self._found(row, items[0])
            elif row.item_id is not None:
                row.fail(
                    "rejected",
                    f"item {row.item_id} is no longer on board {self.target.board.id} (archived, "
                    "deleted or moved), and no other item has its key: restore it, or set item_id "
                    "to null to have it created anew",
                )
            else:
                row.action = "created"
        for row in self.rows:
            if row.action == "unchanged" and row.status is None and row.item_id is not None:
                row.done(row.item_id)

    def _found(self, row: Row, item: Mapping[str, object]) -> None:
        key = self.lookup.key_of(item)
        if key is not None and key != row.key:
            row.fail("rejected", f"item {item['id']} holds the key {key!r}, not {row.key!r}")
            return
        parent = item.get("parent_item")
        if self.subitems and isinstance(parent, dict) and int(parent["id"]) != row.parent:
            row.fail(
                "rejected",
                f"subitem {item['id']}, which holds the key, is below item {parent['id']} and not "
                f"below {row.parent}: delete it there, or move it",
            )
            return
        compare(row, item, self.target)

    def note_groups(self) -> None:
        """Note which groups are not there yet."""
        titles = dict.fromkeys(
            row.group
            for row in self.rows
            if row.status is None and row.action == "created" and row.group is not None
        )
        new = [title for title in titles if title not in self.target.groups]
        if new:
            self.notes.append(groups_note("to be created", new))

    def send(self) -> None:
        """Create what is not there, then change what differs.

        Raises
        ------
        Stopped
            Nothing more can be sent.
        """
        sender = Sender(
            client=self.client,
            lookup=self.lookup,
            create_labels=self.options.create_labels,
            batch=self.options.batch,
            done=self._advance,
        )
        new = [row for row in self.rows if row.status is None and row.action == "created"]
        differing = [row for row in self.rows if row.status is None and row.action == "updated"]
        self._total = len(new) + len(differing)
        if new and not self.subitems:
            self.notes += ensure_groups(self.client, self.target, new)
            new = [row for row in new if row.status is None]
            for group, rows in self._bulk(new).items():
                Ingest(
                    client=self.client, lookup=self.lookup, types=self._types, done=self._advance
                ).create(group, rows)
            new = [row for row in new if row.status is None]
        sender.create(new)
        sender.change(differing)

    @property
    def _types(self) -> dict[str, str]:
        return {column_id: self.target.columns[column_id].type for column_id in self.columns}

    def _bulk(self, rows: Sequence[Row]) -> dict[str, list[Row]]:
        """Choose the rows that are imported as files, by group; say of the others why they are not."""
        least = self.options.bulk_from
        if least is None:
            return {}
        by_group: dict[str, list[Row]] = {}
        for row in rows:
            by_group.setdefault(str(row.group_id), []).append(row)
        chosen: dict[str, list[Row]] = {}
        unfit = 0
        for group, own in by_group.items():
            if len(own) < least:
                continue
            fit = [row for row in own if csv_fields(row, self._types) is not None]
            unfit += len(own) - len(fit)
            if len(fit) >= least:
                chosen[group] = fit
        if unfit:
            self.notes.append(
                f"{unfit} new items were sent in requests and not as a file, because monday.com's "
                "import does not take all of their cells"
            )
        return chosen

    def _advance(self, rows: int) -> None:
        self._through += rows
        self._progress(f"board {self.target.board.id}", self._through, self._total)


def _skip(rows: Sequence[Row], kind: ErrorType, why: str) -> None:
    """Say of the rows that are still open that they were not sent, or were and are not known of."""
    for row in rows:
        if row.status is None and row.attempts:
            row.fail("retryable", f"{why}; it may be done: the next write looks it up")
        elif row.status is None:
            row.status, row.error_type, row.message = "skipped", kind, f"not sent: {why}"


def _nothing_sent(payloads: pl.DataFrame, error: EtlError, kind: ErrorType) -> WriteReport:
    known = payloads["item_id"] if "item_id" in payloads.columns else [None] * payloads.height
    rows = [
        Row(key=key, name="", group=None, item_id=item_id, parent=None)
        for key, item_id in zip(payloads["key"], known, strict=True)
    ]
    _skip(rows, kind, str(error))
    return WriteReport(results=results(rows, planned=False), fatal=error)
