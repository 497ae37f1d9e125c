"""All or nothing: a load that dies at any moment leaves the old table, and nobody sees a part."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from etl.errors import TransientError
from etl.io import db_helper as db
from tests.databases import Door, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD = pl.DataFrame({"id": range(1000), "note": ["old"] * 1000})

# The child says when its load has begun and how far it is, and waits to be killed there.
CHILD = """
import json, pathlib, sys
import polars as pl
from etl.io import db_helper as db
from tests.databases import settings_of

engine, directory, table, mode, stop_after = json.loads(sys.argv[1])
def batches():
    for n in range(20):
        if n == stop_after:
            print("ready", flush=True)
            sys.stdin.readline()
        yield pl.DataFrame({"id": range(n * 500, n * 500 + 500), "note": ["new"] * 500})
settings = settings_of(engine, pathlib.Path(directory))
db.write_frame(batches(), table, settings, mode=mode)
print("done", flush=True)
"""


@pytest.fixture
def place(door: Door) -> tuple[Door, str]:
    table = door.table()
    door.write(OLD, table)
    return door, table


def start(door: Door, table: str, mode: str, stop_after: int) -> subprocess.Popen[str]:
    directory = str(Path(door.settings.database).parent)
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            CHILD,
            json.dumps([door.engine, directory, table, mode, stop_after]),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("mode", ["append", "replace"])
@pytest.mark.parametrize("stop_after", [1, 19])
def test_a_killed_load_leaves_the_old_table(
    place: tuple[Door, str], mode: str, stop_after: int
) -> None:
    door, table = place
    with start(door, table, mode, stop_after) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        if door.engine != "duckdb":  # a file of DuckDB's belongs to one process at a time
            # A reader in the middle of the load sees the old rows and does not wait.
            assert door.read(table).sort("id").equals(OLD)
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    assert door.read(table).sort("id").equals(OLD)
    # And the table can be written again at once: nothing holds a lock.
    assert door.write(OLD, table, mode="replace").deleted == OLD.height


def test_a_load_that_goes_on_is_published_whole(place: tuple[Door, str]) -> None:
    door, table = place
    seen: set[tuple[int, str]] = set()
    finished = threading.Event()

    def watch() -> None:
        while not finished.is_set():
            frame = door.read(table)  # on DuckDB, it waits for the writer to let go of the file
            seen.update((frame.height, note) for note in frame["note"].unique())
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    with start(door, table, "replace", 10) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == "ready\n"
        watcher.start()
        child.stdin.write("go\n")
        child.stdin.flush()
        assert child.stdout.readline() == "done\n"
        finished.set()
        watcher.join()
    assert child.returncode == 0
    assert door.read(table)["note"].unique().to_list() == ["new"]
    assert seen <= {(1000, "old"), (10_000, "new")}


def test_two_replaces_at_once_leave_the_rows_of_one(place: tuple[Door, str]) -> None:
    door, table = place
    frames = [pl.DataFrame({"id": range(300), "note": [f"writer {n}"] * 300}) for n in range(4)]
    errors: list[Exception] = []

    def write(frame: pl.DataFrame) -> None:
        try:
            door.write(frame, table, mode="replace")
        except TransientError as error:  # a lock that another one holds: allowed, and clean
            errors.append(error)

    threads = [threading.Thread(target=write, args=(frame,)) for frame in frames]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) < len(frames)
    back = door.read(table)
    assert (back.height, back["note"].n_unique()) == (300, 1)


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Door]:
    door = Door("postgresql", settings_of("postgresql", tmp_path))
    yield door
    door.drop_tables()


def test_a_dropped_connection_leaves_the_old_table(postgres: Door) -> None:
    table = postgres.table()
    postgres.write(OLD, table)

    def batches() -> Iterator[pl.DataFrame]:
        yield OLD
        # The server ends every other session of this load, as a failover does.
        db.run_query(
            "select pg_terminate_backend(l.pid) from pg_locks l "
            "where l.relation = to_regclass(:name) and l.mode = 'ShareRowExclusiveLock'",
            postgres.settings,
            {"name": table},
        )
        yield OLD

    with pytest.raises(TransientError):
        postgres.write(batches(), table, mode="replace")
    assert postgres.read(table).sort("id").equals(OLD)


def test_a_lock_that_lasts_is_told_as_transient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("etl.io.databases.sqlite._BUSY_SECONDS", 0.1)
    door = Door("sqlite", settings_of("sqlite", tmp_path))
    table = door.table()
    door.write(OLD, table)
    with (
        db.transaction(door.settings),
        pytest.raises(TransientError, match="another process holds the file"),
    ):
        door.write(OLD, table)
    assert door.read(table).height == OLD.height
