"""The live board that is written to: its columns with their labels, and its groups."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from etl.errors import ConfigError
from etl.io.monday.boards import Board, BoardColumn, count, expected_shape, one_board
from etl.io.monday.cell_formats import CELL_FORMATS
from etl.io.monday.documents import TARGET
from etl.io.monday.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from etl.config import BoardSettings
    from etl.io.monday.client import MondayClient

__all__ = ["Target", "first_groups", "read_target"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """A board as its writer sees it."""

    board: Board
    key: str
    """The id of the column that holds the keys."""
    labels: Mapping[str, frozenset[str]]
    """The labels of each status and dropdown column, as far as monday tells them."""
    groups: Mapping[str, str]
    """Title -> id, of several groups with one title the first active one."""
    first_group: str | None

    @property
    def columns(self) -> dict[str, BoardColumn]:
        """The columns that are not archived, by id."""
        return {column.id: column for column in self.board.columns if not column.archived}

    def asked(self, columns: Iterable[str]) -> list[tuple[str | None, str]]:
        """What to ask for of the cells of some columns, so that they can be compared."""
        live = self.columns
        return [
            selection
            for type_name in sorted({live[id_].type for id_ in columns})
            for selection in CELL_FORMATS[type_name].selections(type_name)
        ]


def read_target(client: MondayClient, settings: BoardSettings, where: str) -> Target | Failure:
    """Read a board that is to be written to.

    Parameters
    ----------
    client
        An open client.
    settings
        The board in the configuration.
    where
        Its path there, for messages.

    Raises
    ------
    ConfigError
        The configuration names no key column, or one that the board does not have.
    SourceError
        There is no such board.
    """
    if settings.key is None:
        raise ConfigError(
            f"{where}.key is missing in config.yaml: the id of a text column that holds each "
            "item's key; without it an item can't be found again, and might be created twice"
        )
    answer = client.send(TARGET, {"board": [settings.id]})
    if isinstance(answer, Failure):
        return answer
    with expected_shape(f"board {settings.id}"):
        found = one_board(answer.data, settings.id)
        columns = [_column(column) for column in found["columns"]]
        groups = first_groups(found["groups"])
        board = Board(
            id=str(found["id"]),
            name=str(found["name"]),
            items_count=count(found["items_count"]),
            columns=tuple(column for column, _ in columns),
        )
        labels = {column.id: labels for column, labels in columns if labels is not None}
    target = Target(
        board=board,
        key=settings.key,
        labels=labels,
        groups=groups,
        first_group=next(iter(groups.values()), None),
    )
    key = target.columns.get(settings.key)
    if key is None or key.type != "text":
        text = [column.id for column in target.columns.values() if column.type == "text"]
        close = get_close_matches(settings.key, text, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        what = "is not there" if key is None else f"is of type {key.type}"
        raise ConfigError(
            f"{where}.key: board {board.name!r} ({board.id}) needs a text column "
            f"{settings.key!r}, which {what}{hint} (its text columns: {', '.join(text) or 'none'})"
        )
    return target


def first_groups(groups: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Map the titles of active groups to ids, in the board's order: titles may repeat.

    >>> first_groups([
    ...     {"id": "a", "title": "Fall", "position": "2", "archived": True, "deleted": False},
    ...     {"id": "b", "title": "Fall", "position": "9.5", "archived": False, "deleted": False},
    ...     {"id": "c", "title": "Fall", "position": "10", "archived": None, "deleted": None},
    ... ])
    {'Fall': 'b'}
    """
    active = [group for group in groups if not group["archived"] and not group["deleted"]]
    found: dict[str, str] = {}
    for group in sorted(active, key=lambda group: float(group["position"])):
        found.setdefault(str(group["title"]), str(group["id"]))
    return found


def _column(column: Mapping[str, Any]) -> tuple[BoardColumn, frozenset[str] | None]:
    described = BoardColumn(
        id=str(column["id"]),
        title=str(column["title"]),
        type=str(column["type"]),
        archived=bool(column["archived"]),
    )
    labelled = described.type in ("status", "dropdown")
    return described, _labels(column["settings"]) if labelled else None


def _labels(settings: Any) -> frozenset[str] | None:
    """Read a column's labels out of its settings, in each shape that monday has given them."""
    labels = settings.get("labels") if isinstance(settings, dict) else None
    entries = list(labels.values()) if isinstance(labels, dict) else labels
    if not isinstance(entries, list):
        return None
    found = set()
    for entry in entries:
        label = entry if isinstance(entry, str) else None
        if isinstance(entry, dict) and not entry.get("is_deactivated"):
            label = entry.get("label") or entry.get("name")
        if isinstance(label, str):
            found.add(label)
    return frozenset(found)
