"""What can go wrong at monday.com, as answers that say so."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["FAULTS", "AliasFault", "Fault", "Reply", "json_reply"]


@dataclass(frozen=True)
class Reply:
    """An HTTP answer; ``stall`` waits before it, ``cut`` closes the connection in its middle."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    stall: bool = False
    cut: bool = False


Answer = Mapping[str, Any]
Make = Callable[[Answer], Reply]


def json_reply(body: object, status: int = 200, **headers: str) -> Reply:
    """Answer with JSON; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    text = json.dumps(body).encode()
    return Reply(text, status, {"Content-Type": "application/json; charset=utf-8", **named})


def _error(message: str, status: int = 200, **extensions: Any) -> Make:
    error = {"message": message, "extensions": {"request_id": "req-fault", **extensions}}
    return lambda _: json_reply({"errors": [error]}, status)


def _html(status: int) -> Make:
    body = b"<!doctype html><title>Attention</title><h1>Please log in</h1>"
    return lambda _: Reply(body, status, {"Content-Type": "text/html"})


def _with_data(message: str, **extensions: Any) -> Make:
    """Data with a hole in it, and an error that says where."""

    def make(answer: Answer) -> Reply:
        path = ["next_items_page", "items", 0, "column_values"]
        error = {"message": message, "path": path, "extensions": extensions}
        more = {"request_id": "req-partial"}
        return json_reply({"data": answer.get("data"), "errors": [error], "extensions": more})

    return make


FAULTS: Mapping[str, Make] = {
    # rate limits, in every shape that the wait can have
    "limit-body": _error(
        "Complexity budget exhausted",
        code="COMPLEXITY_BUDGET_EXHAUSTED",
        retry_in_seconds=7,
        retryAfterMs=99_000,
        status_code=429,
    ),
    "limit-millis": _error("Rate limited", 429, code="RATE_LIMIT_EXCEEDED", retryAfterMs=2500),
    "limit-old": lambda _: json_reply(
        {
            "error_code": "ComplexityException",
            "error_message": "Complexity budget exhausted",
            "status_code": 429,
            "error_data": {"retry_in_seconds": 15},
        },
        Retry_After="99",
    ),
    "limit-header": lambda _: json_reply(
        {"errors": [{"message": "Rate Limit Exceeded"}]}, 429, Retry_After="11"
    ),
    "limit-date": lambda _: json_reply(
        {"errors": ["Minute limit rate exceeded"]},
        429,
        Date="Mon, 02 Nov 2026 10:00:00 GMT",
        Retry_After="Mon, 02 Nov 2026 10:00:13 GMT",
    ),
    "limit-text": lambda _: json_reply({"errors": ["Minute limit rate exceeded"]}),
    "concurrency": _error("Max concurrency exceeded", code="maxConcurrencyExceeded"),
    "limit-long": _error("IP blocked", 429, code="IP_RATE_LIMIT_EXCEEDED", retry_in_seconds=7200),
    "daily": _error(
        "Daily limit exceeded", 429, code="DAILY_LIMIT_EXCEEDED", retry_in_seconds=40_000
    ),
    # what passes
    "bad-gateway": _html(502),
    "internal": lambda _: json_reply(
        {
            "error_code": "INTERNAL_SERVER_ERROR",
            "error_message": "Internal server error",
            "status_code": 500,
        }
    ),
    "locked": _error("Board is locked", 423, code="ResourceLocked", status_code=423),
    "conflict": _error("Conflict", 409, code="IDEMPOTENCY_CONFLICT", status_code=409),
    "partial-internal": _with_data("Internal server error", code="INTERNAL_SERVER_ERROR"),
    "slow": lambda answer: Reply(json.dumps(answer).encode(), stall=True),
    "overloaded": lambda _: json_reply(
        {"errors": [{"message": "Service unavailable"}]}, 503, Retry_After="0"
    ),
    "limit-now": _error("Rate limited", 429, code="RATE_LIMIT_EXCEEDED", retry_in_seconds=0),
    "dropped": lambda answer: Reply(json.dumps(answer).encode(), cut=True),
    # cursors
    "cursor": _error("The cursor has expired", code="CursorExpiredError"),
    "cursor-old": lambda _: json_reply(
        {
            "error_code": "CursorException",
            "error_message": "The cursor is no longer valid",
            "status_code": 200,
            "error_data": {},
        }
    ),
    # what does not pass
    "no-board": _error("No such board", code="InvalidBoardIdException", status_code=200),
    "refused": _error("Something in there is wrong", code="ColumnValueException", status_code=200),
    "unauthorized": _error("Not Authenticated", 401, code="NOT_AUTHENTICATED"),
    "partial": _with_data("Could not resolve column", code="ColumnValueException"),
    "forbidden": _error("User unauthorized", 403, code="UserUnauthorizedException"),
    "html": _html(200),
    "half-json": lambda answer: Reply(json.dumps(answer).encode()[:-20]),
    "list": lambda _: json_reply([1, 2]),
    "no-data": lambda _: json_reply({"account_id": 5}),
    "no-board-data": lambda _: json_reply({"data": {}}),
    "null-page": lambda _: json_reply({"data": {"next_items_page": None, "boards": [{}]}}),
    "odd-items": lambda _: json_reply(
        {"data": {"next_items_page": {"cursor": None, "items": [{"id": "x"}]}}}
    ),
}
"""Each makes an answer out of the one that would have been right."""


@dataclass
class Fault:
    """A fault that is switched on: for which requests, and how many times still (None: always).

    ``upto`` is how many of a mutation's aliases are done before it strikes (None: all of them).
    ``late``: the others, or all of them, are done once so many requests more have come. ``skip``
    requests pass first. It strikes those alone whose variables hold a text, ``holds``.
    """

    name: str
    page: int | None = None
    times: int | None = 1
    operation: str | None = None
    upto: int | None = None
    late: int | None = None
    skip: int = 0
    holds: str | None = None

    def applies(self, page: int | None, operation: str | None, text: str) -> bool:
        """Whether it strikes now; ``page`` counts from 1, and is None for other requests."""
        if self.times == 0 or (self.page is not None and self.page != page):
            return False
        if self.operation is not None and not (operation or "").startswith(self.operation):
            return False
        if self.holds is not None and self.holds not in text:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class AliasFault:
    """An error of one alias of a mutation; the others are done. ``done``: that one is, too."""

    alias: str
    message: str
    code: str
    done: bool = False
    times: int | None = 1
