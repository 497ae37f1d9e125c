"""What the client does about each fault: which requests it makes, and how long it waits."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import httpx
import pytest
from pydantic import SecretStr

from etl.errors import ConfigError, SourceError
from etl.io.monday.client import MondayClient, RetryPolicy
from etl.io.monday.documents import BOARD
from tests.monday_server import MondayServer

if TYPE_CHECKING:
    from tests.io.monday.conftest import Clock, Serve

VARIABLES = {"board": ["9200517329"]}


@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        ("limit-body", 7.0),  # before retryAfterMs
        ("limit-millis", 2.5),
        ("limit-old", 15.0),  # the body's wait, before the header's
        ("limit-header", 11.0),
        ("limit-date", 13.0),  # by the server's clock, not by ours
    ],
)
def test_the_wait_that_is_asked_for_is_waited(
    serve: Serve, clock: Clock, fault: str, wait: float
) -> None:
    server, client = serve()
    server.fail(fault)
    assert client.execute(BOARD, VARIABLES)["boards"][0]["items_count"] == 20
    assert clock.waits == [wait]
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "fault",
    [
        "limit-text",
        "concurrency",
        "bad-gateway",
        "internal",
        "locked",
        "conflict",
        "partial-internal",
        "dropped",
    ],
)
def test_what_passes_is_tried_again_with_longer_and_longer_waits(
    serve: Serve, clock: Clock, fault: str
) -> None:
    server, client = serve()
    server.fail(fault, times=3)
    assert client.execute(BOARD, VARIABLES)["boards"][0]["items_count"] == 20
    assert len(server.asked) == 4
    assert [1 <= clock.waits[0] <= 2, 2 <= clock.waits[1] <= 3, 4 <= clock.waits[2] <= 5] == [
        True
    ] * 3


def test_a_slow_answer_is_given_up_and_asked_for_again(serve: Serve, clock: Clock) -> None:
    server, client = serve(client={"timeout": 0.5})
    server.fail("slow")
    assert client.execute(BOARD, VARIABLES)["boards"][0]["items_count"] == 20
    assert len(server.asked) == 2
    assert len(clock.waits) == 1


def test_the_same_request_is_sent_again(serve: Serve) -> None:
    server, client = serve()
    server.fail("bad-gateway")
    client.execute(BOARD, VARIABLES)
    first, second = server.asked
    assert (first.query, first.variables) == (second.query, second.variables)


@pytest.mark.parametrize("fault", ["bad-gateway", "limit-text", "dropped", "locked"])
def test_attempts_are_bounded(serve: Serve, clock: Clock, fault: str) -> None:
    server, client = serve(client={"retry": RetryPolicy(attempts=4)})
    server.fail(fault, times=None)
    with pytest.raises(SourceError, match="tried 4 times"):
        client.execute(BOARD, VARIABLES)
    assert len(server.asked) == 4
    assert len(clock.waits) == 3


def test_the_total_wait_is_bounded(serve: Serve, clock: Clock) -> None:
    server, client = serve(client={"retry": RetryPolicy(attempts=50, max_wait=20.0)})
    server.fail("limit-body", times=None)
    with pytest.raises(SourceError, match="asked to wait 7 s more"):
        client.execute(BOARD, VARIABLES)
    assert clock.waits == [7.0, 7.0]
    assert len(server.asked) == 3


def test_a_wait_that_is_too_long_is_not_begun(serve: Serve, clock: Clock) -> None:
    server, client = serve()
    server.fail("limit-long", times=None)
    with pytest.raises(SourceError, match=r"IP blocked.*asked to wait 7200 s"):
        client.execute(BOARD, VARIABLES)
    assert clock.waits == []
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("daily", "Daily limit exceeded"),
        ("partial", "Could not resolve column"),
        ("html", "not JSON"),
        ("half-json", "not JSON"),
        ("list", "no JSON object"),
        ("no-data", "no data"),
    ],
)
def test_what_does_not_pass_fails_at_once(
    serve: Serve, clock: Clock, fault: str, said: str
) -> None:
    server, client = serve()
    server.fail(fault, times=None)
    with pytest.raises(SourceError, match=said):
        client.execute(BOARD, VARIABLES)
    assert clock.waits == []
    assert len(server.asked) == 1


def test_the_request_id_is_in_the_message(serve: Serve) -> None:
    server, client = serve()
    server.fail("daily")
    with pytest.raises(SourceError, match="req-fault"):
        client.execute(BOARD, VARIABLES)
    server.fail("partial")
    with pytest.raises(SourceError, match="req-partial"):
        client.execute(BOARD, VARIABLES)


def test_no_server_at_all_is_one_sentence(clock: Clock) -> None:
    with MondayServer([]) as server:
        url = server.url
    with (
        MondayClient(url, None, sleep=clock.sleep, clock=clock) as client,
        pytest.raises(SourceError, match=r"127\.0\.0\.1.*no answer.*tried 6 times"),
    ):
        client.execute(BOARD, VARIABLES)
    assert len(clock.waits) == 5


def test_a_refused_token_is_never_repeated(
    serve: Serve, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server, _ = serve()
    secret = "wrong-token-9d41c2"
    with MondayClient(server.url, SecretStr(secret), sleep=clock.sleep) as client:
        with pytest.raises(SourceError, match=r"refused the token.*MONDAY_API_TOKEN") as caught:
            client.execute(BOARD, VARIABLES)
        # The peer's own answer quotes the token.
        assert server.asked[0].headers["authorization"] == secret
        shown = "".join(traceback.format_exception(caught.value))
        assert secret not in shown + caplog.text + repr(client) + repr(vars(client)["_http"])
    assert len(server.asked) == 1
    assert clock.waits == []


def test_a_user_without_permission_is_told_so(serve: Serve) -> None:
    server, client = serve()
    server.fail("forbidden")
    with pytest.raises(SourceError, match="refused the token: User unauthorized"):
        client.execute(BOARD, VARIABLES)


@pytest.mark.parametrize("token", ["with space inside", "line\nbreak", "ünïcode", "nul\0"])
def test_a_token_that_is_none_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(ConfigError, match="MONDAY_API_TOKEN") as caught:
        MondayClient("https://api.example/v2", SecretStr(token))
    assert token not in "".join(traceback.format_exception(caught.value))


def test_blanks_around_a_token_are_dropped(serve: Serve, clock: Clock) -> None:
    server, _ = serve()
    with MondayClient(server.url, SecretStr(f" {server.token}\n"), sleep=clock.sleep) as client:
        client.execute(BOARD, VARIABLES)
    assert server.asked[0].status == 200


@pytest.mark.parametrize(
    "url", ["", "api.example/v2", "ftp://api.example", "http://", "http://host:port"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="MONDAY_API_URL"):
        MondayClient(url, None)


def test_version_token_and_variables_are_sent_as_monday_wants_them(serve: Serve) -> None:
    server, client = serve(client={"api_version": "2027-01"})
    client.execute(BOARD, {"board": ["92005 \"17329') { id }"]})
    asked = server.asked[0]
    assert asked.headers["api-version"] == "2027-01"
    assert asked.headers["authorization"] == server.token
    assert asked.headers["content-type"] == "application/json"
    assert asked.query == BOARD.text  # nothing was pasted in
    assert asked.variables == {"board": ["92005 \"17329') { id }"]}


def test_the_client_slows_down_before_the_limit(serve: Serve, clock: Clock) -> None:
    server, client = serve(rate_limit=lambda n: f'"minuteRate";r={2 - n};t=40, "concurrency";r=9')
    for _ in range(3):
        client.execute(BOARD, VARIABLES)
    assert clock.waits == [40.0]
    assert len(server.asked) == 3


def test_complexity_is_watched_by_what_the_last_request_cost(serve: Serve, clock: Clock) -> None:
    _, client = serve(rate_limit=lambda n: f'"complexityMinute";r={1_000_000 - 300_000 * n};t=30')
    for _ in range(4):  # 700k, 400k, 100k left: the fourth would not fit
        client.execute(BOARD, VARIABLES)
    assert clock.waits == [30.0]


def test_the_failing_attempt_also_tells_what_is_left(serve: Serve, clock: Clock) -> None:
    server, client = serve(rate_limit=lambda n: f'"minuteRate";r={0 if n == 1 else 9};t=33')
    server.fail("bad-gateway")
    client.execute(BOARD, VARIABLES)
    assert clock.now - 1000.0 == pytest.approx(33.0)


def test_closing_ends_a_wait_and_the_retries() -> None:
    requests = 0

    def busy(_: httpx.Request) -> httpx.Response:
        nonlocal requests
        requests += 1
        client.close()  # as another thread would, while this one is about to wait an hour
        return httpx.Response(429, json={"errors": ["x"]}, headers={"Retry-After": "500"})

    client = MondayClient("https://api.example", None, transport=httpx.MockTransport(busy))
    with pytest.raises(SourceError, match="closed"):
        client.execute(BOARD, VARIABLES)
    assert requests == 1
