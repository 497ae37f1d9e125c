"""The server: graphql-core over the standard library's HTTP server, on this machine alone."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from graphql import GraphQLError, GraphQLObjectType, GraphQLSchema, build_schema, graphql_sync

from etl.samples import SampleBoard
from tests.monday_server.faults import FAULTS, AliasFault, Fault, Reply, json_reply
from tests.monday_server.writing import Memory, add_resolvers, stored_board

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from etl.io.monday.board_store import BoardStore
    from tests.monday_server.ingesting import Imports

__all__ = ["OWN_SCHEMA", "REAL_SCHEMA", "Asked", "MondayServer", "PeerBoard"]

OWN_SCHEMA = Path(__file__).with_name("schema.graphql")
# monday's own schema lies beside the repository on some machines; it is no part of the project.
REAL_SCHEMA = Path(__file__).parents[3] / "shared" / "monday" / "schema-2026-10.graphql"

Item = dict[str, Any]


@dataclass
class PeerBoard:
    """A board as the peer holds it.

    ``items_of_pass`` gives what pages are cut from, by the number of the pass (from 1: each first
    page begins one): a board that changes while it is read.
    """

    id: str
    name: str
    columns: Sequence[Mapping[str, Any]]
    groups: Sequence[Mapping[str, Any]]
    items: Sequence[Item]
    items_count: int | None = None
    items_of_pass: Callable[[int, Sequence[Item]], Sequence[Item]] = lambda _, items: items
    passes: int = 0

    @classmethod
    def sample(cls, rows: int = 20, *, id: str = "9200517329", seed: int = 0) -> PeerBoard:  # noqa: A002
        """Hold the sample board."""
        board = SampleBoard(rows, seed)
        return cls(
            id=id,
            name=board.name,
            columns=[column.live for column in board.columns.values()],
            groups=board.groups,
            items=[board.item(index) for index in range(rows)],
            items_count=rows,
        )


@dataclass(frozen=True)
class Asked:
    """A request that came: what for, with which variables, and the answer's HTTP status."""

    page: int | None
    query: str
    variables: Mapping[str, Any]
    headers: Mapping[str, str]
    status: int
    operation: str | None = None


@dataclass
class MondayServer:
    """The peer. It runs as long as the ``with`` block.

    ``rate_limit`` is the ``RateLimit`` header of every answer, or makes it from the number of
    requests. Past ``formula_quota`` values, formulas are "". ``ignore_column_ids`` sends all
    cells, whatever was asked for.

    ``store`` holds boards that can be written; in a file, they outlive the server. What comes with
    an ``Idempotency-Key`` is done once, unless it ``forgets``. With ``race``, somebody else
    creates each group a moment before the client does. ``chaos`` makes a fault of a request's
    number, or None.
    """

    boards: Sequence[PeerBoard] = ()
    token: str | None = "peer-token-7f3a"
    sdl: Path = OWN_SCHEMA
    port: int = 0
    rate_limit: str | Callable[[int], str] | None = None
    formula_quota: int | None = None
    ignore_column_ids: bool = False
    store: BoardStore | None = None
    imports: Imports | None = None
    forgets: bool = False
    race: bool = False
    chaos: Callable[[int], Fault | None] = lambda _: None
    asked: list[Asked] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    alias_faults: list[AliasFault] = field(default_factory=list)
    aliases: range | None = None
    _formulas: int = 0

    def fail(
        self, name: str, *, page: int | None = None, times: int | None = 1, **more: Any
    ) -> None:
        """Switch a fault on: for a page (from 1) or for any request, so many times or for ever."""
        if name not in FAULTS:
            raise KeyError(f"{name!r} is none of {sorted(FAULTS)}")
        self.faults.append(Fault(name, page, times, **more))

    def fail_alias(self, alias: str, message: str, code: str, **more: Any) -> None:
        """Have one alias of a mutation fail, and the others not."""
        self.alias_faults.append(AliasFault(alias, message, code, **more))

    def idle(self) -> bool:
        """Have work that is done later done now; there is none afterwards."""
        with self._lock:
            while self._memory is not None and self._memory.late:
                self._memory.pass_time()
        return True

    def operations(self) -> list[str]:
        """The operations that were asked for, in order."""
        return [asked.operation or "" for asked in self.asked]

    @property
    def pages(self) -> list[int]:
        """The pages that were asked for, in order."""
        return [asked.page for asked in self.asked if asked.page is not None]

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v2"

    def __enter__(self) -> Self:
        self._released = threading.Event()
        self._schema = _executable(self.sdl)
        self._lock = threading.Lock()
        self._memory = None if self.store is None else Memory(self.store)
        self._http = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, raw: bytes, headers: Mapping[str, str]) -> Reply:
        """Answer one request, and remember it."""
        body = json.loads(raw)
        query, variables = body["query"], body.get("variables") or {}
        page = _page_number(query, variables)
        with self._lock:
            operation = body.get("operationName")
            reply = self._reply(query, variables, page, headers, operation)
            self.asked.append(Asked(page, query, variables, dict(headers), reply.status, operation))
            limit = self.rate_limit
            if limit is not None:
                text = limit if isinstance(limit, str) else limit(len(self.asked))
                reply = Reply(
                    reply.body, reply.status, {**reply.headers, "RateLimit": text},
                    reply.stall, reply.cut,
                )  # fmt: skip
        return reply

    def _reply(
        self,
        query: str,
        variables: Mapping[str, Any],
        page: int | None,
        headers: Mapping[str, str],
        operation: str | None,
    ) -> Reply:
        if self.token is not None and headers.get("authorization") != self.token:
            # What monday says, with the token in it to see that nobody repeats it.
            said = f"Not Authenticated: {headers.get('authorization')}"
            more = {"code": "NOT_AUTHENTICATED", "request_id": "req-auth"}
            return json_reply({"errors": [{"message": said, "extensions": more}]}, 401)
        if self._memory is not None:
            self._memory.pass_time()
        text = json.dumps(variables)
        striking = (one for one in self.faults if one.applies(page, operation, text))
        fault = next(striking, None) or self.chaos(len(self.asked))
        if self._memory is not None and query.lstrip().startswith("mutation"):
            return self._changed(query, variables, headers, operation, fault)
        answer = self._executed(query, variables, operation)
        return FAULTS[fault.name](answer) if fault else json_reply(answer)

    def _executed(
        self,
        query: str,
        variables: Mapping[str, Any],
        operation: str | None,
        aliases: range | None = None,
    ) -> dict[str, Any]:
        """Execute a document; of a mutation, perhaps some aliases only."""
        self.aliases = aliases
        result = graphql_sync(
            self._schema,
            query,
            variable_values=dict(variables),
            operation_name=operation,
            context_value=self,
        ).formatted
        return {**result, "extensions": {"request_id": f"req-{len(self.asked) + 1}"}}

    def _changed(
        self,
        query: str,
        variables: Mapping[str, Any],
        headers: Mapping[str, str],
        operation: str | None,
        fault: Fault | None,
    ) -> Reply:
        """Do a mutation once for each idempotency key, as far as the fault lets it."""
        assert self._memory is not None
        memory, key = self._memory, headers.get("idempotency-key")
        if key is not None and not self.forgets:
            known = memory.recall(key, query, variables)
            if known is not None:
                return FAULTS[fault.name](known[0]) if fault and not known[1] else known[2]
        upto = None if fault is None else fault.upto
        if fault is not None and fault.late is not None:
            rest = None if upto is None else range(upto, 10**6)
            work = lambda: self._executed(query, variables, operation, rest)  # noqa: E731
            memory.defer(fault.late, None if self.forgets else key, query, variables, work)
            if upto is None:
                return FAULTS[fault.name]({})
        with memory.store.transaction():
            part = None if upto is None else range(upto)
            answer = self._executed(query, variables, operation, part)
            whole = fault is None or fault.upto is None
            if key is not None and not self.forgets and whole:
                memory.remember(key, query, variables, answer)
        return FAULTS[fault.name](answer) if fault else json_reply(answer)

    def hold(self) -> None:
        """Wait until the server stops: for an answer that is too slow."""
        self._released.wait(30)

    # What the resolvers ask for.

    def page(self, board: PeerBoard, start: int, limit: int, number: int) -> dict[str, Any]:
        """Cut a page; its cursor holds the board, the pass and the position."""
        if not 0 < limit <= 500:
            raise GraphQLError("limit must be between 1 and 500")
        items = board.items_of_pass(number, board.items)
        stop = start + limit
        cursor = f"{board.id}:{number}:{stop}" if stop < len(items) else None
        return {"cursor": cursor, "items": list(items[start:stop])}

    def stored_page(self, board: str, after: int, limit: int) -> dict[str, Any]:
        """Cut a page of a board that is kept; its cursor holds the last id."""
        assert self.store is not None
        items = self.store.page(board, after, limit)
        cursor = f"stored:{board}:{items[-1]['id']}" if len(items) == limit else None
        return {"cursor": cursor, "items": items}

    def cells(self, item: Item, ids: Sequence[str] | None) -> list[dict[str, Any]]:
        """Give an item's cells, with formulas as far as the quota goes."""
        chosen = [
            cell
            for cell in item["column_values"]
            if ids is None or self.ignore_column_ids or cell["id"] in ids
        ]
        formulas = [cell for cell in chosen if cell["__typename"] == "FormulaValue"]
        if len(formulas) > 5:
            raise GraphQLError("at most 5 formula columns in a request")
        self._formulas += len(formulas)
        if self.formula_quota is not None and self._formulas > self.formula_quota:
            chosen = [
                {**cell, "display_value": ""} if cell in formulas else cell for cell in chosen
            ]
        return chosen


@cache
def _executable(sdl: Path) -> GraphQLSchema:
    """Build a schema, monday's own too, with resolvers that ask the server in the context."""
    schema = build_schema(sdl.read_text(encoding="utf-8"))

    def resolver(type_name: str, field_name: str, resolve: Callable[..., Any]) -> None:
        owner = schema.type_map[type_name]
        assert isinstance(owner, GraphQLObjectType)
        owner.fields[field_name].resolve = resolve

    def boards(_: object, info: Any, ids: Sequence[str] | None = None, **__: Any) -> list[Any]:
        kept = [board for board in info.context.boards if ids is None or board.id in ids]
        store = info.context.store
        return kept + [
            stored_board(store, board) for board in ids or () if store and store.board(board)
        ]

    def items_page(board: Any, info: Any, limit: int, **_: Any) -> dict[str, Any]:
        if isinstance(board, dict):
            return info.context.stored_page(board["id"], 0, limit)
        board.passes += 1
        return info.context.page(board, 0, limit, board.passes)

    def next_items_page(_: object, info: Any, cursor: str, limit: int) -> dict[str, Any]:
        if cursor.startswith("stored:"):
            _, board_id, start = cursor.split(":")
            return info.context.stored_page(board_id, int(start), limit)
        board_id, number, start = cursor.split(":")
        board = next(one for one in info.context.boards if one.id == board_id)
        return info.context.page(board, int(start), limit, int(number))

    resolver("Query", "boards", boards)
    resolver("Query", "next_items_page", next_items_page)
    resolver("Board", "items_page", items_page)
    resolver(
        "Item",
        "column_values",
        lambda item, info, ids=None, **_: info.context.cells(item, ids),
    )
    add_resolvers(resolver, schema)
    return schema


def _page_number(query: str, variables: Mapping[str, Any]) -> int | None:
    if "next_items_page" in query and not variables["cursor"].startswith("stored:"):
        return int(variables["cursor"].split(":")[2]) // int(variables["limit"]) + 1
    return 1 if "items_page" in query else None


def _handler(server: MondayServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.answer(raw, headers)
            if reply.stall:
                server.hold()
                self.close_connection = True
                return
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if reply.cut:
                self.wfile.write(reply.body[: len(reply.body) // 2])
                self.close_connection = True
                return
            self.wfile.write(reply.body)

        def do_PUT(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            # The address is signed; the token is for the API alone.
            leaked = self.headers["Authorization"] is not None
            status = (
                400 if leaked or server.imports is None else server.imports.put(self.path, content)
            )
            if status == 0:
                self.close_connection = True
                return
            self.send_response_only(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Stay silent: the tests look at what was asked."""

    return Handler
