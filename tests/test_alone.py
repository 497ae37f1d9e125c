"""One run of a job at a time: the second fails at once with one sentence, or waits its turn."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from etl.cli import app
from etl.config import Config, load_config, reset_config
from etl.errors import TransientError
from etl.io import db_helper as db
from etl.io.databases import close_databases, open_database
from etl.io.locks import run_lock
from etl.runner import execute, history
from tests.jobs.frames import FrameReader, frame_job, rows

if TYPE_CHECKING:
    from etl.io.source import Read, ReadContext

ROOT = Path(__file__).parent.parent
GOOD = rows((1, "a"), (2, None))

# The child's job reads until it is told to go on.
CHILD = """
import json, sys
from etl.config import load_config
from etl.io.source import Read
from etl.runner import execute
from tests.jobs.frames import FrameReader, frame_job, rows

class Slow(FrameReader):
    def read(self, context):
        print("reading", flush=True)
        sys.stdin.readline()
        return Read(frame=self.frame)

job = frame_job(Slow(rows((7, "child"))), "items", name="slow")
result = execute(job, load_config(sys.argv[1]), run_id="child-run")
print(json.dumps(result.as_dict(), default=str), flush=True)
"""


@pytest.fixture(params=["sqlite", "duckdb"])
def config(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: Any) -> Config:
    for name in ("DB_CONFIG_PATH", "ETL_PROFILE", "ETL_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "config.yaml"
    file.write_text(f"databases: {{test: {{url: '{request.param}:///test.db'}}}}")
    return load_config(file)


def start(config: Config) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(config.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "reading\n"
    return child


def slow(config: Config, **options: Any) -> Any:
    return execute(frame_job(GOOD, "items", name="slow"), config, **options)


def items(config: Config) -> list[tuple[Any, ...]]:
    return sorted(db.read_frame("items", config.database("test")).rows())


def test_a_second_run_fails_at_once_and_the_first_goes_on(config: Config) -> None:
    with start(config) as child:
        second = slow(config)
        assert isinstance(second.exception, TransientError)
        assert second.error.startswith("job slow is running already on database 'test'")
        if config.database("test").engine == "sqlite":
            assert "run child-run, since 20" in second.error
        # Another job does as it likes, and so does a dry run.
        other = execute(frame_job(GOOD, "others", name="other"), config)
        assert other.status == "done"
        assert slow(config, dry_run=True).status == "done"
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write("go on\n")
        child.stdin.flush()
        assert json.loads(child.stdout.readline())["status"] == "done"
    assert items(config) == [(7, "child")]
    # The refused run left no trace: the one that was in its way is not shown as interrupted.
    runs = history(config, ["test"], job="slow")
    assert runs.select("run_id", "status").rows() == [("child-run", "done")]
    assert slow(config).status == "done"
    assert items(config) == sorted(GOOD.rows())


def test_jobs_of_one_lock_keep_each_other_out(config: Config) -> None:
    both = [replace(frame_job(GOOD, "items", name=name), lock="board") for name in ("one", "two")]
    other = frame_job(GOOD, "items", name="three")

    class Meanwhile(FrameReader):
        def read(self, context: ReadContext) -> Read:
            told.extend(execute(job, config) for job in (both[1], other))
            return super().read(context)

    told: list[Any] = []
    first = replace(both[0], inputs={"items": Meanwhile(GOOD)})
    assert execute(first, config).error is None
    assert isinstance(told[0].exception, TransientError)
    assert "job board" in str(told[0].error)
    assert told[1].error is None
    assert execute(both[1], config).error is None


def test_kill_9_lets_the_next_run_in(config: Config) -> None:
    with start(config) as child:
        assert slow(config).status == "failed"
        child.send_signal(signal.SIGKILL)
    assert slow(config).status == "done"
    statuses = history(config, ["test"], job="slow")["status"].to_list()
    assert statuses == ["done", "interrupted"]


def test_a_run_may_wait(config: Config) -> None:
    results: list[Any] = []
    settings = config.database("test")
    with run_lock(open_database(settings), "job slow"):
        waiting = threading.Thread(target=lambda: results.append(slow(config, wait=60)))
        waiting.start()
        waiting.join(0.1)
        assert results == []
    waiting.join()
    assert [result.status for result in results] == ["done"]


def test_runs_in_threads_take_turns(config: Config) -> None:
    inside: list[int] = []
    most: list[int] = []

    class Reader(FrameReader):
        def read(self, context: ReadContext) -> Read:
            inside.append(1)
            time.sleep(0.02)  # long enough for another that is let in
            most.append(len(inside))
            inside.pop()
            return super().read(context)

    job = frame_job(Reader(GOOD), "items", name="slow")
    threads = [
        threading.Thread(target=lambda: execute(job, config, wait=60).status) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1]
    assert history(config, ["test"], job="slow")["status"].to_list() == ["done"] * 3


def test_a_lock_that_went_to_another_while_reading_stops_the_write(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database(config.database("test"))
    stolen = database.named_lock("job slow")
    mine = database.named_lock("job slow")

    class Reader(FrameReader):
        def read(self, context: ReadContext) -> Read:
            mine.release()  # as a server does when it drops the session
            assert stolen.take()
            return super().read(context)

    monkeypatch.setattr(type(database), "named_lock", lambda self, name: mine)
    result = execute(frame_job(Reader(GOOD), "items", name="slow"), config)
    stolen.release()
    assert isinstance(result.exception, TransientError)
    assert db.table_columns("items", config.database("test")) is None


def test_the_command_says_it_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DB_CONFIG_PATH", "ETL_PROFILE", "ETL_RUN_ID", "MONDAY_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    shutil.copy(ROOT / "config.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    reset_config()
    command = ["run", "board-planning", "--json"]
    with run_lock(open_database(load_config().database("orders")), "job board-planning"):
        refused = CliRunner().invoke(app, command)
        waited = CliRunner().invoke(app, [*command, "--wait", "0.3"])
    for result in (refused, waited):
        assert result.exit_code == 1
        [told] = result.stderr.splitlines()
        assert told.startswith("job board-planning is running already on database 'orders'")
        assert json.loads(result.stdout.splitlines()[-1])["status"] == "failed"
    assert CliRunner().invoke(app, command).exit_code == 0
    close_databases()
    reset_config()
