"""The board jobs against a server: loaded whole, or the table is exactly what it was before."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from etl.config import load_config
from etl.errors import SourceError
from etl.jobs import get_job
from etl.runner import execute
from tests.monday_server import MondayServer, PeerBoard

ROOT = Path(__file__).parents[2]


class Board:
    """The shipped configuration in a directory of its own, and a server that it points to."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        shutil.copy(ROOT / "config.yaml", directory)
        self.config = load_config(directory / "config.yaml")
        self.file = directory / "data" / "orders.db"
        self.monkeypatch = monkeypatch

    def run(self, job: str, server: MondayServer, **options: Any) -> Any:
        self.monkeypatch.setenv("MONDAY_API_URL", server.url)
        self.monkeypatch.setenv("MONDAY_API_TOKEN", str(server.token))
        return execute(job, self.config, **options)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.file)) as connection:
            return connection.execute(sql).fetchall()

    def planning(self) -> list[tuple[Any, ...]]:
        return self.query("select * from board_planning order by item_id")


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    for name in ("DB_CONFIG_PATH", "ETL_PROFILE", "ETL_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    return Board(tmp_path, monkeypatch)


def test_a_board_of_another_server_is_loaded(board: Board) -> None:
    with MondayServer([PeerBoard.sample(620)]) as server:
        first = board.run("board-planning", server)
        rows = board.planning()
        second = board.run("board-planning", server)
    assert first.error is None
    assert (first.rows_read, first.rows_written, first.rows_quarantined) == (620, 619, 1)
    assert len(rows) == 619
    assert second.status == "done"
    assert board.planning() == rows
    assert not any("sample" in note for note in first.notes)


def test_the_server_gives_what_the_sample_board_gives(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MONDAY_API_URL", raising=False)
    monkeypatch.delenv("MONDAY_API_TOKEN", raising=False)
    assert execute("board-planning", board.config).status == "done"
    rows = board.planning()
    with MondayServer([PeerBoard.sample(500)]) as server:
        assert board.run("board-planning", server).status == "done"
    assert board.planning() == rows


@pytest.mark.parametrize(
    ("fault", "page"),
    [("forbidden", 2), ("partial", 2), ("half-json", 2), ("cursor", 2), ("cursor-old", 2), ("daily", 2), ("forbidden", 1)],
)  # fmt: skip
def test_a_failing_page_changes_nothing(board: Board, fault: str, page: int) -> None:
    with MondayServer([PeerBoard.sample(20)]) as server:
        assert board.run("board-planning", server).status == "done"
    before = board.planning()
    with MondayServer([PeerBoard.sample(620, seed=1)]) as server:
        server.fail(fault, page=page, times=None)
        result = board.run("board-planning", server)
        assert page in server.pages
    assert isinstance(result.exception, SourceError)
    assert board.planning() == before
    assert board.query("select status from etl_runs order by started_at") == [
        ("done",),
        ("failed",),
    ]
    assert str(server.token) not in str(result.error)


def test_an_empty_board_does_not_empty_the_table(board: Board) -> None:
    with MondayServer([PeerBoard.sample(20)]) as server:
        board.run("board-planning", server)
    before = board.planning()
    with MondayServer([PeerBoard.sample(0)]) as server:
        result = board.run("board-planning", server)
        assert isinstance(result.exception, SourceError)
        assert "--allow-empty" in str(result.error)
        assert board.planning() == before
        assert board.run("board-planning", server, allow_empty=True).status == "done"
    assert board.planning() == []


def test_a_refused_token_is_not_told(board: Board) -> None:
    with MondayServer([PeerBoard.sample(20)], token="peer-token-1") as server:
        server.token = "peer-token-2"
        board.monkeypatch.setenv("MONDAY_API_URL", server.url)
        board.monkeypatch.setenv("MONDAY_API_TOKEN", "wrong-token-3")
        result = execute("board-planning", board.config)
    assert result.status == "failed"
    assert "token" in str(result.error)
    assert "wrong-token-3" not in str(result.error)


def test_groups_that_are_gone_stay_as_inactive(board: Board) -> None:
    held = PeerBoard.sample(5)
    held.groups = [group for group in held.groups if not group["archived"]]
    with MondayServer([held]) as server:
        first = board.run("board-groups", server)
        assert (first.error, first.rows_written) == (None, len(held.groups))
        again = board.run("board-groups", server)
        assert (again.status, again.rows_written) == ("done", 0)
        gone, *rest = held.groups
        held.groups = rest
        assert board.run("board-groups", server).rows_written == 1
        assert board.query("select group_id from board_groups where not active") == [(gone["id"],)]
        held.groups = [gone, *rest]
        assert board.run("board-groups", server).rows_written == 1
    assert board.query("select count(*) from board_groups where active") == [(len(held.groups),)]


def test_jobs_say_where_they_read(board: Board) -> None:
    for name in ("board-planning", "board-groups"):
        told = [reader.describe() for reader in get_job(name).inputs.values()]
        assert any('board "planning"' in text for text in told)
