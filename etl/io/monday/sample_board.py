"""The sample board that can be written, as a transport: kept in a file beside the laptop's data.

It answers the documents of :mod:`etl.io.monday.documents` like monday.com, without a network. Each
request is one transaction, so a run that is killed finds afterwards what monday would have: all of
a request, or nothing of it.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from etl.errors import LoadError
from etl.io.monday.board_store import BoardStore, Refused
from etl.io.monday.documents import BOARD, CREATE_GROUP, GROUPS, TARGET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from etl.config import BoardSettings

__all__ = ["StoreTransport"]

_Variables = dict[str, Any]


class StoreTransport(httpx.BaseTransport):
    """Answers for the boards of a store.

    Parameters
    ----------
    store
        The boards. It is closed with the transport.
    """

    def __init__(self, store: BoardStore) -> None:
        self._store = store
        self._answers: Mapping[str, Callable[[_Variables], dict[str, Any]]] = {
            BOARD.operation: self._boards,
            GROUPS.operation: self._boards,
            TARGET.operation: self._boards,
            "FirstPage": self._first_page,
            "NextPage": self._next_page,
            "ItemsByKey": self._by_key,
            "ItemsById": self._by_id,
        }
        self._changes: Mapping[str, Callable[[_Variables, int], object]] = {
            "CreateItems": self._create_item,
            "CreateSubitems": self._create_subitem,
            "ChangeItems": self._change_item,
            CREATE_GROUP.operation: lambda asked, _: self._store.create_group(
                asked["board"], asked["title"]
            ),
        }

    @classmethod
    def open(cls, path: Path, name: str, board: BoardSettings) -> StoreTransport:
        """Open the file, with the columns that the configuration gives the board.

        Raises
        ------
        LoadError
            It can't be opened.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            store = BoardStore(path)
            store.add_board(board.id, name, _columns(board), key=board.key)
            if board.subitems is not None:
                below = board.subitems
                store.add_board(
                    below.id,
                    f"Subitems of {name}",
                    _columns(below),
                    key=below.key,
                    parent=board.id,
                    groups=(("topics", "Subitems"),),
                )
        except (OSError, sqlite3.Error) as error:
            raise LoadError(
                f"the sample board {path} can't be opened: {error}; delete the file to begin anew, "
                "or name another in apis.monday.sample_file"
            ) from None
        return cls(store)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request as monday does: HTTP 200, with ``errors`` for what it can't do."""
        try:
            asked = json.loads(request.read())
            operation, variables = asked["operationName"], asked["variables"]
            with self._whole(operation):
                body = (
                    self._changed(operation, variables)
                    if operation in self._changes
                    else {"data": self._answers[operation](variables)}
                )
        except (KeyError, TypeError, ValueError) as error:
            message = f"the sample board has no answer to this: {error!r}"
            return httpx.Response(200, json={"errors": [{"message": message}]})
        except sqlite3.Error as error:
            message = f"Internal server error: the sample board's file: {error}"
            return httpx.Response(500, json={"errors": [{"message": message}]})
        body["extensions"] = {"request_id": "sample"}
        content = json.dumps(body, ensure_ascii=False).encode()
        return httpx.Response(200, content=content, headers={"Content-Type": "application/json"})

    @contextmanager
    def _whole(self, operation: str) -> Iterator[None]:
        if operation not in self._changes:
            yield
            return
        with self._store.transaction():
            yield

    def _changed(self, operation: str, variables: _Variables) -> dict[str, Any]:
        """Do a mutation, one alias after the other; those that are refused are errors by path."""
        data: dict[str, Any] = {}
        errors: list[dict[str, Any]] = []
        count = sum(1 for name in variables if name.startswith("cells")) or 1
        for index in range(count):
            alias = f"a{index}"
            try:
                data[alias] = {"id": str(self._changes[operation](variables, index))}
            except Refused as refused:
                data[alias] = None
                more = {"code": refused.code, "status_code": 200}
                errors.append({"message": str(refused), "path": [alias], "extensions": more})
        return {"data": data, "errors": errors} if errors else {"data": data}

    def _create_item(self, asked: _Variables, index: int) -> int:
        return self._store.create_item(
            asked["board"],
            asked[f"group{index}"],
            asked[f"name{index}"],
            json.loads(asked[f"cells{index}"]),
            create_labels=bool(asked["labels"]),
        )

    def _create_subitem(self, asked: _Variables, index: int) -> int:
        return self._store.create_subitem(
            int(asked[f"parent{index}"]),
            asked[f"name{index}"],
            json.loads(asked[f"cells{index}"]),
            create_labels=bool(asked["labels"]),
        )

    def _change_item(self, asked: _Variables, index: int) -> str:
        item = str(asked[f"item{index}"])
        self._store.change(
            asked["board"],
            int(item),
            json.loads(asked[f"cells{index}"]),
            create_labels=bool(asked["labels"]),
        )
        return item

    def _boards(self, asked: _Variables) -> dict[str, Any]:
        return {"boards": [self._store.board(board) for board in asked["board"]]}

    def _first_page(self, asked: _Variables) -> dict[str, Any]:
        [board] = asked["board"]
        about = self._store.board(board) or {}
        page = self._page(board, 0, asked["limit"])
        return {"boards": [{**about, "items_page": page}]}

    def _next_page(self, asked: _Variables) -> dict[str, Any]:
        board, after = asked["cursor"].split(":")
        return {"next_items_page": self._page(board, int(after), asked["limit"])}

    def _page(self, board: str, after: int, limit: int) -> dict[str, Any]:
        items = self._store.page(board, after, limit)
        cursor = f"{board}:{items[-1]['id']}" if len(items) == limit else None
        return {"cursor": cursor, "items": items}

    def _by_key(self, asked: _Variables) -> dict[str, Any]:
        [query] = asked["keys"]
        items = self._store.find(asked["board"], query["column_id"], query["column_values"])
        return {"items_page_by_column_values": {"cursor": None, "items": items}}

    def _by_id(self, asked: _Variables) -> dict[str, Any]:
        return {"items": self._store.items(int(one) for one in asked["ids"])}


def _columns(board: BoardSettings) -> list[dict[str, str]]:
    """Describe the columns, with titles made of their ids."""
    named = [
        {"id": id_, "title": id_.replace("_", " ").capitalize(), "type": type_name}
        for id_, type_name in board.sample.items()
    ]
    return [{"id": "name", "title": "Name", "type": "name"}, *named]
