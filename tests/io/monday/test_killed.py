"""A client that is killed at any request, and a server that is restarted: nothing is lost or doubled.

``ETL_TEST_KILLS`` is how often the client is killed: a few times by default.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.documents import ROOT
from tests.io.monday.writing import place
from tests.monday_server.faults import Fault

if TYPE_CHECKING:
    from pathlib import Path

KILLS = int(os.environ.get("ETL_TEST_KILLS", "3"))
# All requests of a whole run: it is killed at any of them.
REQUESTS = 25


def test_orders_and_sizes_are_there_once_wherever_the_client_was_killed(tmp_path: Path) -> None:
    rng = random.Random(4)  # noqa: S311
    file = str(tmp_path / "board.db")
    for _ in range(KILLS):
        with place(file) as there:
            killed_at, upto = rng.randrange(REQUESTS), rng.choice([None, 0, rng.randrange(1, 5)])
            client: list[subprocess.Popen[str]] = []

            def kill(
                number: int,
                killed_at: int = killed_at,
                upto: int | None = upto,
                client: list[subprocess.Popen[str]] = client,
            ) -> Fault | None:
                if number != killed_at:
                    return None
                client[0].send_signal(signal.SIGKILL)
                return Fault("bad-gateway", upto=upto)

            there.server.chaos = kill
            client.append(start(there.server.url, str(there.server.token)))
            client[0].communicate(timeout=120)
            assert len(set(there.keys())) == len(there.keys())
            assert len(set(there.keys("202"))) == len(there.keys("202"))
    with place(file) as there:
        assert start(there.server.url, str(there.server.token)).communicate(timeout=120)[0] == "0 failed\n"  # fmt: skip
        assert sorted(there.keys()) == sorted(f"PO-{index}" for index in range(23))
        below = sorted(f"PO-{index}/{size}" for index in range(23) for size in "SM")
        assert sorted(there.keys("202")) == below
        parents = {item["id"]: there.cell(item, "order_key")["text"] for item in there.items()}
        for item in there.items("202"):
            key = there.cell(item, "size_key")["text"]
            assert parents[item["parent_item"]["id"]] == key.partition("/")[0]
        assert [group["title"] for group in there.store.groups("201")].count("Spring") == 1


def start(url: str, token: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.io.monday.orders_client", url, token]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_the_server_runs_by_itself_and_keeps_its_boards(tmp_path: Path) -> None:
    from pydantic import SecretStr

    from etl.io.monday.client import MondayClient
    from etl.io.monday.documents import TARGET

    for _ in range(2):
        command = [
            sys.executable, "-m", "tests.monday_server", "--state", str(tmp_path / "state.db"),
            "--chaos", "0.2",
        ]  # fmt: skip
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            with MondayClient(url, SecretStr("peer-token-7f3a")) as client:
                [board] = client.execute(TARGET, {"board": ["9200517330"]})["boards"]
            assert [group["title"] for group in board["groups"]] == ["Items", "Later"]
            assert "order_key" in [column["id"] for column in board["columns"]]
            server.communicate()
        assert server.returncode == 0
