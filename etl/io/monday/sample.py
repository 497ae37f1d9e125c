"""The sample board as a transport: the client's own documents, answered without a network."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import httpx

from etl.io.monday.documents import BOARD, GROUPS
from etl.samples import SampleBoard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["SampleTransport"]

_MOST_ITEMS: Final = 500


class SampleTransport(httpx.BaseTransport):
    """Answers the documents of :mod:`etl.io.monday.documents` for any board id.

    It gives of each cell the fields that the document asks for, and no others; cells are turned
    into JSON once for each variant and document, so that a page costs little more than joining
    text. Cursors hold their position, and never expire.

    Parameters
    ----------
    rows
        How many items the board has.
    seed
        Another seed, another board.
    """

    def __init__(self, rows: int = _MOST_ITEMS, seed: int = 0) -> None:
        self._board = SampleBoard(rows, seed)
        self._texts: dict[tuple[str, str], list[str]] = {}
        self._selections: dict[str, tuple[frozenset[str], dict[str, frozenset[str]]]] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request as monday does: HTTP 200, with ``errors`` for what it can't answer."""
        try:
            asked = json.loads(request.read())
            operation, query, variables = (
                asked["operationName"],
                asked["query"],
                asked["variables"],
            )
            data = self._answers()[operation](variables, query)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            return httpx.Response(
                200,
                json={
                    "errors": [{"message": f"the sample board has no answer to this: {error!r}"}]
                },
            )
        return httpx.Response(
            200,
            content=f'{{"data":{data},"extensions":{{"request_id":"sample"}}}}'.encode(),
            headers={"Content-Type": "application/json; charset=utf-8"},
        )

    def _answers(self) -> dict[str, Callable[[dict[str, Any], str], str]]:
        return {
            BOARD.operation: self._about,
            GROUPS.operation: self._groups,
            "FirstPage": self._first_page,
            "NextPage": self._next_page,
        }

    def _about(self, variables: dict[str, Any], _query: str) -> str:
        columns = [column.live for column in self._board.columns.values()]
        about = {"id": variables["board"][0], "name": self._board.name}
        return json.dumps(
            {"boards": [{**about, "items_count": self._board.rows, "columns": columns}]}
        )

    def _groups(self, variables: dict[str, Any], _query: str) -> str:
        about = {"id": variables["board"][0], "name": self._board.name}
        return json.dumps({"boards": [{**about, "groups": self._board.groups}]})

    def _first_page(self, variables: dict[str, Any], query: str) -> str:
        board = json.dumps(variables["board"][0])
        page = self._page(0, variables, query)
        return (
            f'{{"boards":[{{"id":{board},"items_count":{self._board.rows},"items_page":{page}}}]}}'
        )

    def _next_page(self, variables: dict[str, Any], query: str) -> str:
        start = int(variables["cursor"].removeprefix("sample-"))
        return f'{{"next_items_page":{self._page(start, variables, query)}}}'

    def _page(self, start: int, variables: dict[str, Any], query: str) -> str:
        stop = min(start + min(variables["limit"], _MOST_ITEMS), self._board.rows)
        cursor = json.dumps(f"sample-{stop}" if stop < self._board.rows else None)
        asked = dict.fromkeys(variables.get("columns", ()))
        columns = [name for name in asked if name in self._board.columns]
        texts = [self._variants(column, query) for column in columns]
        items = ",".join(self._item(index, columns, texts, query) for index in range(start, stop))
        return f'{{"cursor":{cursor},"items":[{items}]}}'

    def _item(
        self, index: int, columns: Sequence[str], texts: Sequence[list[str]], query: str
    ) -> str:
        cells = []
        for column, known, chosen in zip(
            columns, texts, self._board.chosen(index, columns), strict=True
        ):
            if known and chosen is not None:
                cells.append(known[chosen])
            elif (cell := self._board.cell(column, index)) is not None:
                cells.append(self._text(cell, query))
        item = json.dumps(self._board.fields(index), ensure_ascii=False)
        return f'{item[:-1]},"column_values":[{",".join(cells)}]}}'

    def _variants(self, column: str, query: str) -> list[str]:
        if (column, query) not in self._texts:
            pool = self._board.pool(column) or ()
            self._texts[column, query] = [self._text(cell, query) for cell in pool]
        return self._texts[column, query]

    def _text(self, cell: dict[str, Any], query: str) -> str:
        if query not in self._selections:
            self._selections[query] = _selection(query)
        common, by_type = self._selections[query]
        own = by_type.get(cell["__typename"], frozenset())
        # The type's name is asked for inside files alone.
        fields = (common | own) - {"__typename"}
        asked = {name: _pruned(value, own) for name, value in cell.items() if name in fields}
        return json.dumps(asked, ensure_ascii=False)


def _selection(query: str) -> tuple[frozenset[str], dict[str, frozenset[str]]]:
    """Read which fields a document asks for: of every cell, and of each type's."""
    cells = query.partition("column_values")[2]
    by_type = {
        found[1]: frozenset(re.findall(r"\w+", found[2]))
        for found in re.finditer(r"^    \.\.\. on (\w+) \{(.*)\}$", cells, re.MULTILINE)
    }
    return frozenset(re.findall(r"^    (\w+)$", cells, re.MULTILINE)), by_type


def _pruned(value: Any, fields: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {name: _pruned(inner, fields) for name, inner in value.items() if name in fields}
    return [_pruned(inner, fields) for inner in value] if isinstance(value, list) else value
