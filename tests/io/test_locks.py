"""Locks that outlast transactions: between processes and threads, and gone with their holder."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from etl.config import DatabaseSettings
from etl.errors import ConfigError, TransientError
from etl.io.databases import open_database
from etl.io.locks import FileLock, SessionLock, run_lock
from tests.databases import Door, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# The child says when it has the lock, and holds it until it is told to end.
CHILD = """
import json, pathlib, sys
from etl.io.databases import open_database
from etl.io.locks import run_lock
from tests.databases import settings_of

engine, directory, name = json.loads(sys.argv[1])
with run_lock(open_database(settings_of(engine, pathlib.Path(directory))), name):
    print("held", flush=True)
    sys.stdin.readline()
print("released", flush=True)
"""


def start(door: Door, name: str) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, json.dumps([door.engine, str(_directory(door)), name])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def _directory(door: Door) -> Path:
    return Path(door.settings.database).parent


def job_name(door: Door) -> str:
    return f"job {door.table()[1:-1]}"  # its own: servers are shared


def takes(door: Door, name: str, **options: Any) -> bool:
    try:
        with run_lock(door.database, name, **options):
            return True
    except TransientError:
        return False


def test_another_process_is_kept_out_until_the_holder_ends(door: Door) -> None:
    name, other = job_name(door), job_name(door)
    with start(door, name) as child:
        assert not takes(door, name)
        assert takes(door, other)  # two jobs have nothing to do with each other
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write("end\n")
        child.stdin.flush()
        assert child.stdout.readline() == "released\n"
    assert takes(door, name)


def test_kill_9_releases(door: Door) -> None:
    name = job_name(door)
    with start(door, name) as child:
        assert not takes(door, name)
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    # A server sees the closed socket a moment later than we see the process's end.
    assert takes(door, name, wait=30)


def test_threads_are_kept_apart_and_wait(door: Door) -> None:
    name = job_name(door)
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        with run_lock(door.database, name, wait=60):
            inside.append(number)
            time.sleep(0.01)
            most.append(len(inside))
            inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]


def test_one_that_is_refused_keeps_no_session_and_may_ask_for_ever(door: Door) -> None:
    # Babelfish would stop at the fifth refusal in one session.
    name = job_name(door)
    lock = door.database.named_lock(name)
    with run_lock(door.database, name):
        for _ in range(8):
            assert not lock.take()
            assert getattr(lock, "session", None) is None
    assert lock.take()
    lock.release()


def test_the_message_names_the_job_the_database_and_the_holder(door: Door) -> None:
    name = job_name(door)
    with (
        run_lock(door.database, name),
        pytest.raises(TransientError) as caught,
        run_lock(door.database, name, holder=lambda: "run 7, since noon"),
    ):
        pass
    told = str(caught.value)
    assert told.startswith(f"{name} is running already on database 'test'")
    # A DuckDB file that another process writes can't be asked who that is.
    assert ("run 7, since noon" in told) is (door.dialect != "duckdb")
    assert "--wait SECONDS" in told


def test_an_error_within_releases(door: Door) -> None:
    name = job_name(door)
    with pytest.raises(ZeroDivisionError), run_lock(door.database, name):
        raise ZeroDivisionError
    assert takes(door, name)


def test_it_is_not_in_the_way_of_loads(door: Door) -> None:
    import polars as pl

    table = door.table()
    frame = pl.DataFrame({"id": [1]})
    with run_lock(door.database, job_name(door)) as still_held:
        door.write(frame, table)
        still_held()
        door.write(frame, table, mode="replace")
    assert door.read(table).equals(frame)


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Door]:
    door = Door("postgresql", settings_of("postgresql", tmp_path))
    yield door
    door.drop_tables()


class TestSessionThatIsLost:
    """As a gateway drops what was idle for long."""

    @staticmethod
    def end_session(door: Door, lock: SessionLock) -> None:
        door.read("select pg_terminate_backend(?)", params=[lock._session.info.backend_pid])

    def test_is_opened_anew(self, postgres: Door) -> None:
        lock = postgres.database.named_lock(job_name(postgres))
        assert isinstance(lock, SessionLock)
        assert lock.take()
        self.end_session(postgres, lock)
        assert lock.take()
        lock.release()

    def test_is_told_where_another_has_come_in_between(self, postgres: Door) -> None:
        name = job_name(postgres)
        one, two = (postgres.database.named_lock(name) for _ in range(2))
        assert isinstance(one, SessionLock)
        assert one.take()
        self.end_session(postgres, one)
        assert two.take()
        assert not one.take()
        one.release()
        assert not one.take()  # what two has is still its own
        two.release()
        assert one.take()
        one.release()

    def test_can_still_be_released(self, postgres: Door) -> None:
        lock = postgres.database.named_lock(job_name(postgres))
        assert isinstance(lock, SessionLock)
        assert lock.take()
        self.end_session(postgres, lock)
        lock.release()
        assert takes(postgres, job_name(postgres))


def test_taken_twice_is_released_once_for_all(postgres: Door) -> None:
    name = job_name(postgres)
    one, two = (postgres.database.named_lock(name) for _ in range(2))
    assert one.take()
    assert one.take()
    one.release()
    assert two.take()
    two.release()


def test_a_databases_of_memory_is_nobody_elses() -> None:
    memory = open_database(DatabaseSettings.from_url("sqlite://"))
    with run_lock(memory, "job a") as still_held, run_lock(memory, "job a"):
        still_held()


def test_one_file_by_two_paths_is_one_lock(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    paths = (tmp_path / "a.db", tmp_path / "link" / "a.db")
    one, two = (
        open_database(DatabaseSettings.from_url(f"sqlite:///{path}")).named_lock("job a")
        for path in paths
    )
    assert one.take()
    assert not two.take()
    one.release()


def test_a_lock_file_that_cant_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("no directory")
    lock = FileLock(tmp_path / "taken" / "a.lock")
    with pytest.raises(ConfigError, match=f"can't use the lock file {re.escape(str(tmp_path))}"):
        lock.take()
