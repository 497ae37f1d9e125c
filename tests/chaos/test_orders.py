"""SIGKILL at any moment of order staging: run again, each order is on the board exactly once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from etl.io.databases import close_databases
from etl.io.monday.board_store import BoardStore
from tests.chaos.places import dice
from tests.jobs.orders import ROOT, Line, Works
from tests.jobs.test_order_machine import Orders

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

KILLS = [10, pytest.param(100, marks=pytest.mark.chaos)]
_TOKEN = "peer-token-7f3a"


@contextmanager
def peer(state: Path, seed: int) -> Iterator[str]:
    """The board's server, a process of its own, some of whose requests go wrong; its address."""
    command = [sys.executable, "-m", "tests.monday_server", "--state", str(state)]
    chaos = ["--chaos", "0.05", "--seed", str(seed), "--token", _TOKEN]
    with subprocess.Popen(
        [*command, *chaos], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def start(works: Works, url: str) -> subprocess.Popen[bytes]:
    """``etl run order-staging``, as an orchestrator starts it."""
    environment = {**os.environ, "MONDAY_API_URL": url, "MONDAY_API_TOKEN": _TOKEN}
    for name in ("ETL_PROFILE", "ETL_RUN_ID", "DB_CONFIG_PATH"):
        environment.pop(name, None)
    return subprocess.Popen(
        [sys.executable, "-m", "etl", "run", "order-staging"],
        cwd=works.directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def told(run: subprocess.Popen[bytes]) -> str:
    """What a run says; it has to end well."""
    said, _ = run.communicate()
    assert run.returncode == 0, said.decode()
    return said.decode()


def more(lines: list[Line], chance: random.Random) -> list[Line]:
    """Some orders, and those that are there already."""
    numbers = range(len(lines), len(lines) + chance.randint(30, 60))
    sizes = [(chance.randint(0, 9), chance.randint(1, 9), None, 3) for _ in numbers]
    return lines + [
        Line(*pair) for pair in zip(numbers, ["PO-1"] * len(numbers), sizes, strict=True)
    ]


@pytest.mark.parametrize("kills", KILLS)
def test_a_killed_run_is_run_again_and_nothing_is_lost_or_twice(tmp_path: Path, kills: int) -> None:
    chance = dice()
    store = BoardStore(tmp_path / "board.db")
    works = Works(tmp_path, store)
    lines: list[Line] = []
    interrupted, killed, whole = 0, 0, 4.0
    while killed < kills:
        # The more orders, the more there is to be killed in the middle of.
        lines = more(lines, chance)
        works.order(lines)
        close_databases()
        with peer(tmp_path / "board.db", killed) as url:
            for _ in range(min(5, kills - killed)):
                began = time.monotonic()
                with start(works, url) as run:
                    try:
                        run.wait(chance.uniform(0.2, 1.0) * whole)
                    except subprocess.TimeoutExpired:
                        interrupted += 1
                    else:
                        whole = time.monotonic() - began
                    run.kill()
                killed += 1
                works.check()
                close_databases()
    assert interrupted > 0
    with peer(tmp_path / "board.db", kills) as url:
        told(start(works, url))
        works.check_whole({line.key: [line] for line in lines})
        board = works.on_board("9200517330"), works.on_board("9200517331")
        tables = {name: works.table(name) for name in ("schedule", "subitems")}
        close_databases()
        told(start(works, url))
        assert board == (works.on_board("9200517330"), works.on_board("9200517331"))
        for name, rows in tables.items():
            assert works.table(name).equals(rows)
    store.close()


@pytest.mark.chaos
def test_no_order_is_lost_and_none_is_twice_whatever_happens_in_a_long_run() -> None:
    run_state_machine_as_test(Orders, settings=settings(max_examples=150, stateful_step_count=25))
