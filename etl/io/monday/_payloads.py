"""From a frame of payloads to rows whose cells are in monday's format."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, Literal

import polars as pl

from etl.contracts.board_results import BoardResults
from etl.errors import ContractError
from etl.io.monday.cell_formats import CELL_FORMATS, payload_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from etl.io.monday._target import Target

__all__ = ["Row", "check_frame", "payload_rows", "results"]

ErrorType = Literal["retryable", "rejected", "fatal"]

_FIXED: Final = {
    "key": "text", "item_name": "text", "group": "text", "item_id": "number",
    "parent_item_id": "number",
}  # fmt: skip
_NAME_MOST: Final = 255


@dataclass(slots=True)
class Row:
    """A payload on its way: what it wants of the board, and what became of it."""

    key: str
    name: str
    group: str | None
    item_id: int | None
    parent: int | None
    cells: dict[str, Any] = field(default_factory=dict)
    group_id: str | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    """Of an item that is there: the cells that differ."""
    changed_at: str = ""
    """Of an item that is there: when it was last changed."""
    action: Literal["created", "updated", "unchanged"] | None = None
    status: Literal["done", "failed", "skipped"] | None = None
    error_type: ErrorType | None = None
    message: str | None = None
    attempts: int = 0

    def done(self, item_id: int) -> None:
        """The board holds it."""
        self.item_id, self.status = item_id, "done"
        self.error_type = self.message = None

    def fail(self, error_type: ErrorType, message: str) -> None:
        """It failed, and why."""
        self.status, self.error_type, self.message = "failed", error_type, message


def check_frame(payloads: pl.DataFrame, *, subitems: bool) -> None:
    """Check what can be checked without the board: the fixed columns, and the keys.

    Raises
    ------
    ContractError
        All that is wrong, in one message.
    """
    needed = ["key", "item_name", *(["parent_item_id"] if subitems else [])]
    problems = [f"no column {name!r}" for name in needed if name not in payloads.columns]
    unwanted = "group" if subitems else "parent_item_id"
    if unwanted in payloads.columns:
        one = "a subitem" if subitems else "an item"
        problems.append(f"column {unwanted!r} is there, which {one} does not have")
    for name, kind in _FIXED.items():
        if name not in payloads.columns or name == unwanted:
            continue
        dtype = payloads.schema[name]
        fits = payload_kind(dtype) in (kind, "null")
        if not fits or (kind == "number" and not (dtype.is_integer() or dtype == pl.Null)):
            wanted = "text" if kind == "text" else "whole numbers"
            problems.append(f"column {name!r} is {dtype}; it takes {wanted}")
    if not problems:
        problems = _key_problems(payloads["key"].cast(pl.String))
        if subitems and payloads["parent_item_id"].null_count():
            problems.append(
                f"{payloads['parent_item_id'].null_count()} rows without a parent_item_id"
            )
    if problems:
        raise ContractError(
            f"the payloads can't be written, and nothing was sent: {'; '.join(problems)}"
        )


def _key_problems(keys: pl.Series) -> list[str]:
    problems = []
    if keys.null_count():
        problems.append(f"{keys.null_count()} rows without a key")
    twice = keys.drop_nulls().filter(keys.drop_nulls().is_duplicated()).unique().sort()
    if not twice.is_empty():
        shown = ", ".join(map(repr, twice.head(3)))
        problems.append(f"keys that several rows have: {shown} (of {twice.len()})")
    return problems


def payload_rows(
    payloads: pl.DataFrame,
    target: Target,
    *,
    names: Mapping[str, str],
    clear: bool,
    create_labels: bool,
) -> tuple[list[Row], list[str]]:
    """Make rows of a frame that :func:`check_frame` has passed.

    Parameters
    ----------
    payloads
        The frame.
    target
        The live board.
    names
        The board's column id -> the frame's name for it, where they differ.
    clear
        A null empties its cell instead of leaving it alone.
    create_labels
        Labels that do not exist are created; otherwise they are refused here.

    Returns
    -------
    rows, columns
        A row each, those with a value that can't be written failed already; and the ids of the
        board columns that they write.

    Raises
    ------
    ContractError
        A column of the frame is none of the board's, or can't be written.
    """
    columns = _columns(payloads, target, names)
    fixed = {
        name: payloads[name].to_list() if name in payloads.columns else [None] * payloads.height
        for name in _FIXED
    }
    rows = [
        Row(key=key, name=name or "", group=group, item_id=item_id, parent=parent)
        for key, name, group, item_id, parent in zip(*fixed.values(), strict=True)
    ]
    for row in rows:
        problem = _fixed_problem(row)
        if problem:
            row.fail("rejected", problem)
    for name, (column_id, write) in columns.items():
        empty = CELL_FORMATS[target.columns[column_id].type].empty
        labels = None if create_labels else target.labels.get(column_id)
        for row, value in zip(rows, payloads[name].to_list(), strict=True):
            if value is None or value in ("", []):
                if clear:
                    row.cells[column_id] = empty
                continue
            try:
                row.cells[column_id] = written = write(value)
                _refuse_labels(written, labels)
            except ValueError as error:
                row.fail("rejected", f"{name} (board column {column_id}): {error}")
    for row in rows:
        row.cells[target.key] = row.key
    return rows, [target.key, *(column_id for column_id, _ in columns.values())]


def _columns(
    payloads: pl.DataFrame, target: Target, names: Mapping[str, str]
) -> dict[str, tuple[str, Callable[[Any], Any]]]:
    """Find each column's board column, and the way its values are written."""
    by_name = {name: column_id for column_id, name in names.items()}
    live = target.columns
    found: dict[str, tuple[str, Callable[[Any], Any]]] = {}
    problems: list[str] = []
    for name, dtype in payloads.schema.items():
        if name in _FIXED:
            continue
        column_id = by_name.get(name, name)
        column = live.get(column_id)
        if column is None:
            close = get_close_matches(name, [*live, *by_name], n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            problems.append(f"{name}: the board has no column {column_id!r}{hint}")
        elif column_id == target.key:
            problems.append(f"{name}: that is the key's column, which the payload's `key` fills")
        elif any(column_id == taken for taken, _ in found.values()):
            problems.append(f"{name}: another column is board column {column_id!r} already")
        elif column.type not in CELL_FORMATS:
            what = "the item's name: use `item_name`" if column.type == "name" else column.type
            problems.append(f"{name}: board column {column_id!r} can't be written: it is {what}")
        else:
            takes = CELL_FORMATS[column.type].takes
            kind = payload_kind(dtype)
            if kind == "null":
                found[name] = (column_id, lambda value: value)
            elif kind is None or kind not in takes:
                zone = " without a time zone" if isinstance(dtype, pl.Datetime) else ""
                problems.append(
                    f"{name}: {dtype}{zone} does not fit board column {column_id!r}, of type "
                    f"{column.type}; it takes {', '.join(takes)}"
                )
            else:
                found[name] = (column_id, takes[kind])
    if problems:
        has = ", ".join(f"{column.id} ({column.type})" for column in live.values())
        raise ContractError(
            f"board {target.board.name!r} ({target.board.id}) can't take the payloads, and nothing "
            f"was sent: {'; '.join(problems)}. The board has: {has}"
        )
    return found


def _fixed_problem(row: Row) -> str | None:
    if row.key != row.key.strip() or not row.key.isprintable() or not row.key:
        return (
            f"the key {row.key!r:.60} is empty, or has spaces around it or unprintable characters: "
            "it would not be found again"
        )
    if len(row.key) > _NAME_MOST:
        return f"the key has {len(row.key)} characters, and may have {_NAME_MOST}"
    if not row.name.strip() or len(row.name) > _NAME_MOST:
        return (
            f"item_name has {len(row.name)} characters; it takes 1 to {_NAME_MOST}, not all blank"
        )
    if row.group is not None and (not row.group.strip() or len(row.group) > _NAME_MOST):
        return f"group has {len(row.group)} characters; it takes 1 to {_NAME_MOST}, not all blank"
    return None


def _refuse_labels(written: Any, labels: frozenset[str] | None) -> None:
    if labels is None:
        return
    asked = written["labels"] if "labels" in written else [written["label"]]
    unknown = [label for label in asked if label not in labels]
    if unknown:
        close = get_close_matches(unknown[0], labels, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"the board has no label {unknown[0]!r}{hint}")


def results(rows: list[Row], *, planned: bool) -> pl.DataFrame:
    """Make the frame of results; of a plan, what is not sent has its action all the same."""

    def action(row: Row) -> str | None:
        return row.action if row.status == "done" or (planned and row.status is None) else None

    return pl.DataFrame(
        [
            (
                row.key,
                row.item_id,
                action(row),
                row.status or "skipped",
                row.error_type,
                row.message,
                row.attempts,
            )
            for row in rows
        ],
        schema=BoardResults.create_empty().schema,
        orient="row",
    )
