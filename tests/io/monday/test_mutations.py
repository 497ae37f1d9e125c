"""How the client sends what changes something: again only where nothing was done, under one key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from etl.errors import LoadError, TransientError
from etl.io.monday.client import Answer, MondayClient, RetryPolicy
from etl.io.monday.documents import CREATE_GROUP, create_items
from etl.io.monday.errors import Failure
from tests.io.monday.writing import Place, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.io.monday.conftest import Clock

KEY = "0f0f0f0f-0000-5000-8000-000000000001"
GROUP = {"board": "201", "title": "Spring"}


@pytest.fixture
def there(clock: Clock) -> Iterator[Place]:
    with place(clock=clock) as found:
        yield found


def sent(there: Place) -> list[str]:
    return [asked.headers["idempotency-key"] for asked in there.server.asked]


@pytest.mark.parametrize("name", ["limit-body", "locked", "limit-header", "concurrency"])
def test_what_surely_was_not_done_is_sent_again_under_the_same_key(there: Place, name: str) -> None:
    there.server.fail(name, upto=0, times=2)
    with there.client() as client:
        answer = client.mutate(CREATE_GROUP, GROUP, key=KEY)
    assert isinstance(answer, Answer)
    assert sent(there) == [KEY] * 3


@pytest.mark.parametrize("name", ["bad-gateway", "internal", "dropped", "conflict", "no-data"])
def test_what_may_have_been_done_is_left_to_the_caller(there: Place, name: str) -> None:
    there.server.fail(name)
    with there.client() as client:
        answer = client.mutate(CREATE_GROUP, GROUP, key=KEY)
        assert isinstance(answer, Failure)
        assert answer.uncertain
        again = client.mutate(CREATE_GROUP, GROUP, key=KEY)
    assert isinstance(again, Answer)
    assert again.replayed
    assert sent(there) == [KEY] * 2
    assert [group["title"] for group in there.store.groups("201")].count("Spring") == 1


def test_without_a_connection_nothing_was_sent(there: Place, clock: Clock) -> None:
    retry = RetryPolicy(attempts=3)
    with MondayClient("http://127.0.0.1:9", None, sleep=clock.sleep, retry=retry) as client:
        answer = client.mutate(CREATE_GROUP, GROUP, key=KEY)
        assert isinstance(answer, Failure)
        assert not answer.uncertain
        assert type(client.write_error(answer)) is TransientError
    assert len(clock.waits) == 2


def test_reading_has_no_key(there: Place) -> None:
    from etl.io.monday.documents import BOARD

    with there.client() as client:
        client.execute(BOARD, {"board": ["201"]})
    assert "idempotency-key" not in there.server.asked[0].headers


def test_failures_of_aliases_come_with_the_data_and_without_the_token(there: Place) -> None:
    token = str(there.server.token)
    there.server.fail_alias("a1", f"not for {token}", "ColumnValueException")
    variables: dict[str, Any] = {"board": "201", "labels": False}
    for index in range(3):
        variables |= {f"group{index}": "topics", f"name{index}": "x", f"cells{index}": "{}"}
    with there.client() as client:
        answer = client.mutate(create_items(3), variables, key=KEY)
    assert isinstance(answer, Answer)
    assert list(answer.failures) == ["a1"]
    assert answer.failures["a1"].message == "not for *** (ColumnValueException)"
    assert [answer.data[alias] is None for alias in ("a0", "a1", "a2")] == [False, True, False]


def test_a_refused_token_is_a_fault_of_the_set_up(there: Place) -> None:
    with MondayClient(there.server.url, SecretStr("another-token")) as client:
        answer = client.mutate(CREATE_GROUP, GROUP, key=KEY)
        assert isinstance(answer, Failure)
        assert answer.stops
        error = client.write_error(answer)
    assert type(error) is LoadError
    assert "another-token" not in str(error)
    assert "set MONDAY_API_TOKEN" in str(error)


@pytest.mark.parametrize(("wait", "waited"), [(None, [1.0, 2.0, 4.0]), (7.0, [7.0, 7.0, 7.0]), (9999.0, [600.0] * 3)])  # fmt: skip
def test_waits_between_attempts_grow_unless_the_server_says(
    there: Place, clock: Clock, wait: float | None, waited: list[float]
) -> None:
    with there.client() as client:
        for attempt in (1, 2, 3):
            client.backoff(attempt, Failure(verdict="retry", message="x", wait=wait))
    assert clock.waits == waited
