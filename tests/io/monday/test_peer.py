"""The peer itself: it runs by itself, and refuses what monday refuses."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from etl.errors import SourceError
from etl.io.monday.boards import read_board
from etl.io.monday.client import Answer, MondayClient
from etl.io.monday.documents import BOARD, CREATE_GROUP, create_items, first_page
from etl.io.monday.errors import Failure
from tests.io.monday.writing import place

if TYPE_CHECKING:
    from tests.io.monday.conftest import Serve


def test_it_runs_as_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "tests.monday_server", "--rows", "3", "--token", "a-token"]
    command += ["--board", "77", "--fault", "daily:1"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        with MondayClient(process.stdout.readline().strip(), SecretStr("a-token")) as client:
            assert read_board(client, "77").items_count == 3
            with pytest.raises(SourceError, match="Daily limit"):
                client.execute(first_page([]), {"board": ["77"], "limit": 1})
        process.communicate(timeout=30)  # the end of its input is the end of it
    assert process.returncode == 0


@pytest.mark.parametrize("limit", [0, 501])
def test_it_refuses_a_page_larger_than_mondays(serve: Serve, limit: int) -> None:
    _, client = serve(3)
    with pytest.raises(SourceError, match="between 1 and 500"):
        client.execute(first_page([]), {"board": ["9200517329"], "limit": limit})


def test_it_refuses_a_field_that_is_not_there(serve: Serve) -> None:
    _, client = serve(3)
    with pytest.raises(SourceError, match="Cannot query field 'colour'"):
        client.execute(first_page([("StatusValue", "colour")]), {"board": ["1"], "limit": 1})


def test_the_peer_does_what_comes_with_one_key_once() -> None:
    with place() as there, there.client() as client:
        spring, autumn = ({"board": "201", "title": title} for title in ("Spring", "Autumn"))
        first = client.mutate(CREATE_GROUP, spring, key="k")
        again = client.mutate(CREATE_GROUP, spring, key="k")
        assert isinstance(first, Answer)
        assert isinstance(again, Answer)
        assert (first.data, first.replayed, again.replayed) == (again.data, False, True)
        other = client.mutate(CREATE_GROUP, autumn, key="k")
        assert isinstance(other, Failure)
        assert "another request" in other.message
        there.server.forgets = True
        client.mutate(CREATE_GROUP, spring, key="k")
        assert [group["title"] for group in there.store.groups("201")][2:] == ["Spring"] * 2


def test_the_peer_does_a_part_of_a_mutation_and_the_rest_later() -> None:
    with place() as there, there.client() as client:
        there.server.fail("bad-gateway", upto=1, late=1)
        variables: dict[str, Any] = {"board": "201", "labels": False}
        for index in range(3):
            variables |= {f"group{index}": "topics", f"name{index}": f"n{index}", f"cells{index}": "{}"}  # fmt: skip
        failure = client.mutate(create_items(3), variables, key="k")
        assert isinstance(failure, Failure)
        assert [item["name"] for item in there.items()] == ["n0"]
        client.execute(BOARD, {"board": ["201"]})
        assert [item["name"] for item in there.items()] == ["n0", "n1", "n2"]
