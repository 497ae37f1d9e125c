"""Which items the board holds already, found by their keys or ids, and what differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from etl.io.monday.boards import expected_shape
from etl.io.monday.cell_formats import CELL_FORMATS
from etl.io.monday.documents import items_by_id, items_by_key, next_page
from etl.io.monday.errors import Failure
from etl.io.monday.pages import PAGE_ITEMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from etl.io.monday._payloads import Row
    from etl.io.monday._target import Target
    from etl.io.monday.client import MondayClient

__all__ = ["Lookup", "Stopped", "compare"]

_Value = TypeVar("_Value", str, int)


class Stopped(Exception):  # noqa: N818 - it carries a failure, and never leaves the package
    """A request failed for good; ``failure`` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """Finds items of one board, with the cells that a write may change.

    ``keys`` is how many keys, or ids, one request asks for.
    """

    client: MondayClient
    target: Target
    columns: Sequence[str]
    subitems: bool
    keys: int = 100

    def by_key(
        self, keys: Iterable[str], seen: Callable[[int], None] = lambda _: None
    ) -> dict[str, list[Mapping[str, Any]]]:
        """Find the active items of some keys; a key that no item has is left out.

        Raises
        ------
        Stopped
            monday did not answer.
        """
        asked = self.target.asked(self.columns)
        first, following = (
            make(asked, parents=self.subitems) for make in (items_by_key, next_page)
        )
        found: dict[str, list[Mapping[str, Any]]] = {}
        for part in _parts(list(keys), self.keys):
            wanted = set(part)
            query = [{"column_id": self.target.key, "column_values": part}]
            variables: dict[str, Any] = {"board": self.target.board.id, "keys": query}
            field, document = "items_page_by_column_values", first
            while True:
                data = self._send(document, {**variables, "limit": PAGE_ITEMS})
                with expected_shape(f"the items of board {self.target.board.id}"):
                    page = data[field]
                    for item in page["items"]:
                        # monday's own comparison may be looser than ours.
                        key = self._key(item)
                        if key in wanted and all(
                            item["id"] != other["id"] for other in found.get(key, [])
                        ):
                            found.setdefault(key, []).append(item)
                    cursor = page["cursor"]
                if not cursor:
                    break
                field, document, variables = "next_items_page", following, {"cursor": cursor}
            seen(len(part))
        return found

    def by_id(self, ids: Iterable[int]) -> dict[int, Mapping[str, Any]]:
        """Read the items of some ids, as far as they are active and on this board.

        Raises
        ------
        Stopped
            monday did not answer.
        """
        document = items_by_id(self.target.asked(self.columns), parents=self.subitems)
        found: dict[int, Mapping[str, Any]] = {}
        for part in _parts(list(ids), min(self.keys, 100)):
            data = self._send(document, {"ids": [str(one) for one in part], "limit": len(part)})
            with expected_shape(f"items of board {self.target.board.id}"):
                for item in data["items"] or ():
                    if item is not None and str(item["board"]["id"]) == self.target.board.id:
                        found[int(item["id"])] = item
        return found

    def _send(self, document: Any, variables: dict[str, Any]) -> Mapping[str, Any]:
        answer = self.client.send(document, {**variables, "columns": list(self.columns)})
        if isinstance(answer, Failure):
            raise Stopped(answer)
        return answer.data

    def _key(self, item: Mapping[str, Any]) -> Any:
        cells = {cell["id"]: cell for cell in item["column_values"]}
        return cells[self.target.key]["text"] if self.target.key in cells else None

    def key_of(self, item: Mapping[str, Any]) -> str | None:
        """Give the key that an item holds; None for an empty one."""
        return self._key(item) or None


def compare(row: Row, item: Mapping[str, Any], target: Target) -> None:
    """Note in a row which item holds it, and which of its cells differ there.

    The item's name counts as a cell; its group does not: planners move items.
    """
    live = {cell["id"]: cell for cell in item["column_values"]}
    row.item_id, row.changed_at = int(item["id"]), str(item["updated_at"])
    row.changes = {
        column_id: value
        for column_id, value in row.cells.items()
        if not _same(target.columns[column_id].type, value, live.get(column_id))
    }
    if item["name"] != row.name:
        row.changes["name"] = row.name
    row.action = "updated" if row.changes else "unchanged"


def _same(type_name: str, value: Any, cell: Mapping[str, Any] | None) -> bool:
    known = CELL_FORMATS[type_name]
    try:
        if cell is None:
            return bool(value == known.empty)
        return bool(known.live(cell) == value)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False  # whatever is there, it is not what is wanted


def _parts(values: list[_Value], size: int) -> Iterator[list[_Value]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
