"""Error bodies: what is done about them, and that none of any shape can surprise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.io.monday.errors import classify, classify_aliases


def coded(code: str, message: str = "no", **extensions: Any) -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": code, **extensions}}]}


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, coded("COMPLEXITY_BUDGET_EXHAUSTED"), "retry"),
        (200, {"errors": [{"message": "Minute limit rate exceeded"}]}, "retry"),
        (200, {"errors": ["Rate Limit Exceeded"]}, "retry"),
        (200, coded("maxConcurrencyExceeded"), "retry"),
        (200, coded("FIELD_LIMIT_EXCEEDED"), "retry"),
        (200, coded("IP_RATE_LIMIT_EXCEEDED"), "retry"),
        (200, coded("IDEMPOTENCY_CONFLICT"), "retry"),
        (200, {"status_code": 429, "error_message": "slow down"}, "retry"),
        (200, {"status_code": "429"}, "retry"),
        (200, coded("Something", status_code=423), "retry"),
        (423, {"errors": ["locked"]}, "retry"),
        (409, {"errors": ["conflict"]}, "retry"),
        (503, {}, "retry"),
        (200, coded("INTERNAL_SERVER_ERROR"), "retry"),
        # the day's limit is no minute's limit, whatever the status says
        (429, coded("DAILY_LIMIT_EXCEEDED", status_code=429), "fatal"),
        (429, {"errors": [{"message": "Daily limit exceeded"}]}, "fatal"),
        (200, coded("CursorExpiredError"), "cursor"),
        (200, {"error_code": "CursorException", "error_message": "gone"}, "cursor"),
        (200, coded("X", "The cursor has expired"), "cursor"),
        (200, {"errors": ["Not Authenticated"]}, "denied"),
        (200, {"error_code": "UserUnauthorizedException"}, "denied"),
        (401, {}, "denied"),
        (403, {"errors": ["who are you"]}, "denied"),
        (200, coded("ColumnValueException"), "fatal"),
        (400, coded("GRAPHQL_VALIDATION_FAILED"), "fatal"),
        (404, {}, "fatal"),
        (200, {}, "fatal"),
        (200, {"data": None}, "fatal"),
        (200, {"data": {"boards": []}, "errors": [{"message": "half of it"}]}, "fatal"),
        (200, [], "fatal"),
        (502, [], "retry"),
    ],
)
def test_the_body_decides(status: int, body: Any, verdict: str) -> None:
    failure = classify(status, {}, body)
    assert failure is not None
    assert failure.verdict == verdict


def test_an_answer_without_an_error_is_one() -> None:
    assert classify(200, {}, {"data": {}, "errors": [], "account_id": 3}) is None
    assert classify(200, {}, {"data": {"boards": []}, "extensions": {"request_id": "r"}}) is None


def test_several_errors_the_gravest_counts_and_the_longest_wait() -> None:
    both = {
        "errors": [
            {"message": "a", "extensions": {"code": "RATE_LIMIT_EXCEEDED", "retry_in_seconds": 3}},
            {"message": "b", "extensions": {"code": "RATE_LIMIT_EXCEEDED", "retryAfterMs": 9000}},
        ]
    }
    failure = classify(200, {}, both)
    assert failure is not None
    assert (failure.verdict, failure.wait) == ("retry", 9.0)
    both["errors"].append({"message": "c", "extensions": {"code": "DAILY_LIMIT_EXCEEDED"}})
    graver = classify(200, {}, both)
    assert graver is not None
    assert graver.verdict == "fatal"


@pytest.mark.parametrize(
    ("body", "headers", "wait"),
    [
        (coded("X", retry_in_seconds="4", retryAfterMs=9000), {"retry-after": "1"}, 4.0),
        (coded("X", retry_in_seconds=-1, retryAfterMs=9000), {}, 9.0),
        (coded("X", error_data={"retry_in_seconds": 6}), {"retry-after": "1"}, 6.0),
        ({**coded("X"), "error_data": {"retry_in_seconds": 8}}, {"retry-after": "1"}, 8.0),
        (coded("X"), {"retry-after": "1"}, 1.0),
        (coded("X", retry_in_seconds=0), {}, 0.0),
        (coded("X", retry_in_seconds="soon"), {"retry-after": "later"}, None),
        (coded("X", retry_in_seconds=float("inf")), {"retry-after": "nan"}, None),
        (coded("X", retry_in_seconds=True), {}, None),
        (
            coded("X"),
            {
                "retry-after": "Mon, 02 Nov 2026 09:00:00 GMT",
                "date": "Mon, 02 Nov 2026 10:00:00 GMT",
            },
            0.0,
        ),
    ],
)
def test_where_the_wait_is_looked_for(body: Any, headers: dict[str, str], wait: float) -> None:
    failure = classify(429, headers, body)
    assert failure is not None
    assert failure.wait == wait


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (coded("X", request_id="r-1"), {}),
        ({**coded("X"), "extensions": {"request_id": "r-1"}}, {}),
        ({**coded("X"), "request_id": "r-1"}, {}),
        (coded("X"), {"x-request-id": "r-1"}),
        ({"error_code": "X", "request_id": "r-1"}, {}),
    ],
)
def test_the_request_id_is_told(body: Any, headers: dict[str, str]) -> None:
    failure = classify(200, headers, body)
    assert failure is not None
    assert failure.message.endswith("[request r-1]")


def test_a_long_message_is_cut() -> None:
    failure = classify(200, {}, {"errors": ["x" * 10_000, "x" * 10_000]})
    assert failure is not None
    assert len(failure.message) < 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "errors",
                    "message",
                    "extensions",
                    "code",
                    "error_code",
                    "error_message",
                    "data",
                    "status_code",
                    "error_data",
                    "retry_in_seconds",
                    "retryAfterMs",
                    "request_id",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=200)
@given(
    status=st.integers(100, 599),
    body=JSON,
    retry_after=st.none() | st.text(max_size=12) | st.sampled_from(["7", "1e999", "9" * 400]),
)
def test_any_body_gets_a_verdict(status: int, body: Any, retry_after: str | None) -> None:
    headers = {} if retry_after is None else {"retry-after": retry_after}
    failure = classify(status, headers, body)
    if failure is None:
        assert isinstance(body["data"], dict)
        assert not body.get("errors")
    else:
        assert failure.verdict in {"retry", "cursor", "denied", "fatal"}
        assert failure.message
        assert failure.wait is None or failure.wait >= 0


@pytest.mark.parametrize(
    ("status", "body", "uncertain", "stops"),
    [
        (200, coded("COMPLEXITY_BUDGET_EXHAUSTED"), False, False),
        (423, coded("ResourceLocked"), False, False),
        (200, coded("ColumnValueException"), False, False),
        (500, {"errors": ["no"]}, True, False),
        (200, coded("INTERNAL_SERVER_ERROR"), True, False),
        (200, {"error_code": "INTERNAL_SERVER_ERROR", "status_code": 500}, True, False),
        (409, coded("IDEMPOTENCY_CONFLICT"), True, False),
        (200, coded("X", status_code=504), True, False),
        (408, {}, True, False),
        (200, {}, True, False),
        (200, [], True, False),
        (401, {}, False, False),
        (401, coded("NOT_AUTHENTICATED"), False, True),
        (429, coded("DAILY_LIMIT_EXCEEDED"), False, True),
        (200, coded("InvalidBoardIdException"), False, True),
    ],
)
def test_what_may_have_been_done_and_what_stops_everything(
    status: int, body: Any, uncertain: bool, stops: bool
) -> None:
    failure = classify(status, {}, body)
    assert failure is not None
    assert (failure.uncertain, failure.stops) == (uncertain, stops)


def test_an_answer_that_is_no_json_may_have_been_done() -> None:
    failure = classify(200, {}, None, parsed=False)
    assert failure is not None
    assert failure.uncertain


def test_errors_of_aliases_are_told_apart() -> None:
    body = {
        "data": {"a0": {"id": "1"}, "a1": None, "a2": None},
        "errors": [
            {"message": "no such label", "path": ["a1"]},
            {"message": "Internal server error", "path": ["a2", "id"]},
            {"message": "and again", "path": ["a1", "id"]},
        ],
    }
    found = classify_aliases(body, ["a0", "a1", "a2"])
    assert found is not None
    assert {alias: (one.verdict, one.uncertain) for alias, one in found.items()} == {
        "a1": ("fatal", False),
        "a2": ("retry", True),
    }
    assert found["a1"].message == "no such label; and again"


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"a0": None}, "errors": [{"message": "x", "path": ["a0"]}, {"message": "y"}]},
        {"data": {"a0": None}, "errors": [{"message": "x", "path": ["b"]}]},
        {"data": {"a0": None}, "errors": [{"message": "x", "path": []}]},
        {"data": {"a0": None}, "errors": ["x"]},
        {"data": None, "errors": [{"message": "x", "path": ["a0"]}]},
        {"data": {"a0": None}},
        [],
    ],
)
def test_an_error_that_names_no_alias_is_the_whole_requests(body: Any) -> None:
    assert classify_aliases(body, ["a0"]) is None
