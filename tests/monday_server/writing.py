"""The peer's writing side: mutations on boards that are kept, each done once for its key."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, GraphQLUnionType

from etl.io.monday.board_store import BoardStore, Refused
from tests.monday_server.faults import Reply, json_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from graphql import GraphQLSchema

__all__ = ["Memory", "add_resolvers", "stored_board"]


@dataclass
class Late:
    """A mutation that is done later than it is answered."""

    requests: int
    key: str | None
    digest: str
    work: Callable[[], dict[str, Any]]


@dataclass
class Memory:
    """The answers that were given to idempotency keys, and work that is still under way."""

    store: BoardStore
    late: list[Late] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store.connection.execute(
            "create table if not exists answers (key text primary key, digest text, answer text)"
        )

    def recall(
        self, key: str, query: str, variables: Mapping[str, Any]
    ) -> tuple[dict[str, Any], bool, Reply] | None:
        """What a key was answered: the answer, whether it is a conflict, and the reply."""
        digest = _digest(query, variables)
        if any(work.key == key for work in self.late):
            body = _error("Conflict", "IDEMPOTENCY_CONFLICT", 409)
            return body, True, json_reply(body, 409, Retry_After="0")
        found = self.store.connection.execute(
            "select digest, answer from answers where key = ?", (key,)
        ).fetchone()
        if found is None:
            return None
        if found[0] != digest:
            body = _error("The key was used for another request", "IDEMPOTENCY_KEY_REUSED", 422)
            return body, True, json_reply(body, 422)
        answer = json.loads(found[1])
        return answer, False, json_reply(answer, Idempotency_Replayed="true")

    def remember(
        self, key: str, query: str, variables: Mapping[str, Any], answer: Mapping[str, Any]
    ) -> None:
        self.store.connection.execute(
            "insert into answers values (?, ?, ?)",
            (key, _digest(query, variables), json.dumps(answer)),
        )

    def forget(self) -> None:
        """Lose all answers, as monday does after half an hour, or earlier."""
        self.store.connection.execute("delete from answers")

    def defer(
        self,
        requests: int,
        key: str | None,
        query: str,
        variables: Mapping[str, Any],
        work: Callable[[], dict[str, Any]],
    ) -> None:
        self.late.append(Late(requests, key, _digest(query, variables), work))

    def pass_time(self) -> None:
        """A request has come: what is due is done."""
        for late in list(self.late):
            late.requests -= 1
            if late.requests > 0:
                continue
            self.late.remove(late)
            with self.store.transaction():
                answer = late.work()
                if late.key is not None:
                    self.store.connection.execute(
                        "insert or ignore into answers values (?, ?, ?)",
                        (late.key, late.digest, json.dumps(answer)),
                    )


def _error(message: str, code: str, status: int) -> dict[str, Any]:
    more = {"code": code, "status_code": status, "request_id": "req-key"}
    return {"errors": [{"message": message, "extensions": more}]}


def _digest(query: str, variables: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps([query, variables], sort_keys=True).encode()).hexdigest()


def stored_board(store: BoardStore, board: str) -> dict[str, Any]:
    """Give a board that is kept, as the resolvers see it."""
    found = store.board(board)
    assert found is not None
    return found


def add_resolvers(resolver: Callable[..., None], schema: GraphQLSchema) -> None:
    """Add the fields that look items up, and those that change something."""

    def items(_: object, info: Any, ids: Sequence[str] | None = None, limit: int = 25, **more: Any) -> Any:  # fmt: skip
        if ids is None or len(ids) > 100:
            raise GraphQLError("items takes up to 100 ids")
        active = bool(more.get("exclude_nonactive"))
        return info.context.store.items(map(int, ids), active_only=active)[:limit]

    def by_values(_: object, info: Any, board_id: str, columns: Any, limit: int, **more: Any) -> Any:  # fmt: skip
        if not 0 < limit <= 500 or more.get("cursor"):
            raise GraphQLError("limit must be between 1 and 500")
        [query] = columns
        found = info.context.store.find(board_id, query["column_id"], query["column_values"])
        return {"cursor": None, "items": found[:limit]}

    def change(name: str, do: Callable[..., Any]) -> None:
        def resolve(_: object, info: Any, **arguments: Any) -> Any:
            server, alias = info.context, str(info.path.key)
            if server.aliases is not None and int(alias[1:]) not in server.aliases:
                raise GraphQLError("never done")
            fault = next(
                (one for one in server.alias_faults if one.alias == alias and one.times != 0), None
            )
            if fault is None or fault.done:
                try:
                    given = do(server, **arguments)
                except Refused as refused:
                    more = {"code": refused.code, "status_code": 200}
                    raise GraphQLError(str(refused), extensions=more) from None
            if fault is not None:
                fault.times = None if fault.times is None else fault.times - 1
                raise GraphQLError(fault.message, extensions={"code": fault.code})
            return given

        resolver("Mutation", name, resolve)

    def create_item(server: Any, board_id: str, item_name: str, **more: Any) -> Any:
        new = server.store.create_item(
            board_id, more.get("group_id"), item_name, json.loads(more["column_values"]),
            create_labels=bool(more.get("create_labels_if_missing")),
        )  # fmt: skip
        return {"id": str(new)}

    def create_subitem(server: Any, parent_item_id: str, item_name: str, **more: Any) -> Any:
        new = server.store.create_subitem(
            int(parent_item_id), item_name, json.loads(more["column_values"]),
            create_labels=bool(more.get("create_labels_if_missing")),
        )  # fmt: skip
        return {"id": str(new)}

    def change_item(server: Any, board_id: str, item_id: str, column_values: str, **more: Any) -> Any:  # fmt: skip
        server.store.change(
            board_id, int(item_id), json.loads(column_values),
            create_labels=bool(more.get("create_labels_if_missing")),
        )  # fmt: skip
        return {"id": item_id}

    def create_group(server: Any, board_id: str, group_name: str, **_: Any) -> Any:
        if server.race:
            server.store.create_group(board_id, group_name)
        return {"id": server.store.create_group(board_id, group_name)}

    def ingest_items(server: Any, board_id: str, group_id: str, on_match: Any = None) -> Any:
        base = server.url.removesuffix("/v2")
        return server.imports.start(base, board_id, group_id, on_match)

    resolver("Query", "items", items)
    resolver("Query", "items_page_by_column_values", by_values)
    resolver(
        "Query", "fetch_job_status", lambda _, info, job_id: info.context.imports.status(job_id)
    )
    change("create_item", create_item)
    change("create_subitem", create_subitem)
    change("change_multiple_column_values", change_item)
    change("create_group", create_group)
    change("ingest_items", ingest_items)
    union = schema.type_map["JobStatus"]
    assert isinstance(union, GraphQLUnionType)
    union.resolve_type = lambda *_: "ItemsJobStatus"
