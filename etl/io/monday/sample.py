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

    It gives of each cell the fields that the document names, in monday's format; cells are turned
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
        self._texts: dict[tuple[str, frozenset[str]], list[str]] = {}

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
                json={"errors": [{"message": f"the sample board has no answer to this: {error!r}"}]},
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
        fields = frozenset(re.findall(r"\w+", query))
        known = [column for column in variables.get("columns", ()) if column in self._board.columns]
        items = ",".join(self._item(index, known, fields) for index in range(start, stop))
        return f'{{"cursor":{cursor},"items":[{items}]}}'

    def _item(self, index: int, columns: Sequence[str], fields: frozenset[str]) -> str:
        cells = []
        for column in columns:
            variant = self._board.variant(column, index)
            texts = self._variants(column, fields)
            if texts and variant is not None:
                cells.append(texts[variant])
            elif (cell := self._board.cell(column, index)) is not None:
                cells.append(_text(cell, fields))
        item = json.dumps(self._board.fields(index))
        return f'{item[:-1]},"column_values":[{",".join(cells)}]}}'

    def _variants(self, column: str, fields: frozenset[str]) -> list[str]:
        key = (column, fields)
        if key not in self._texts:
            pool = self._board.pool(column) or ()
            self._texts[key] = [_text(cell, fields) for cell in pool]
        return self._texts[key]


def _text(cell: dict[str, Any], fields: frozenset[str]) -> str:
    return json.dumps({name: value for name, value in cell.items() if name in fields})
