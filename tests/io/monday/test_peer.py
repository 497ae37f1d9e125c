"""The peer itself: it runs by itself, and refuses what monday refuses."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from etl.errors import SourceError
from etl.io.monday.boards import read_board
from etl.io.monday.client import MondayClient
from etl.io.monday.documents import first_page

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
