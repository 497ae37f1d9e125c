"""Locks that others hold, and deadlocks: a load waits or fails whole, and can be run again."""

from __future__ import annotations

import dataclasses
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import polars as pl
import pytest

from etl.errors import TransientError
from etl.io import db_helper as db
from tests.chaos import states
from tests.chaos.places import Place, Watcher
from tests.databases import ENGINES, Door, settings_of

if TYPE_CHECKING:
    from pathlib import Path

_SERVERS = [engine for engine in ENGINES if engine not in {"sqlite", "duckdb"}]


def test_a_load_waits_for_a_writer_that_takes_everything_back(place: Place) -> None:
    door = place.door
    with closing(db.get_connection(door.settings)) as held:
        held.cursor().execute(f"UPDATE {door.quoted(place.table)} SET note = 'mine' WHERE id < 10")
        with place.loader() as loader:
            loader.wait_for("start")
            time.sleep(0.2)
            # SQL Server's readers wait for the writer, unless the database keeps versions of rows.
            if door.dialect not in {"duckdb", "mssql"} or door.is_babelfish:
                assert place.found() == 0
            held.rollback()
            held.close()  # DuckDB's file belongs to the process that has it open
            # The load began after the update, so it could not end before that was taken back.
            assert loader.done == 0
            assert loader.wait_for("done", "failed") == "done", loader.failures
            loader.stop()
    assert place.check(loader) >= 1


def test_a_load_that_is_killed_while_it_waits_leaves_nothing(place: Place) -> None:
    door = place.door
    with db.transaction(door.settings) as tx:
        tx.execute(f"UPDATE {door.quoted(place.table)} SET seq = seq WHERE id < 10")
        with place.loader() as loader:
            loader.wait_for("start")
            time.sleep(0.1)
            loader.kill()
    assert loader.done == 0
    assert place.check(loader) == 0
    door.write(states.base(2), place.table, mode="replace")
    assert place.found() == 2


@pytest.mark.parametrize("chaos_engine", ["postgresql"])
def test_a_lock_that_is_not_given_in_time_is_transient(place: Place) -> None:
    at = place.door.settings
    impatient = dataclasses.replace(at, options={**at.options, "options": "-c lock_timeout=50ms"})
    with db.transaction(at) as tx:
        tx.execute(f"LOCK TABLE {place.table} IN ROW EXCLUSIVE MODE")
        with Watcher(place), place.loader(settings=impatient) as loader:
            assert loader.wait_for("failed", "done") == "failed"
            loader.kill()
        assert place.found() == 0
    assert loader.failures[0][0] == "TransientError"


@pytest.mark.parametrize("chaos_engine", ["postgresql"])
def test_a_load_that_is_the_victim_of_a_deadlock_changes_nothing(place: Place) -> None:
    with db.transaction(place.door.settings) as tx:
        tx.execute("SET LOCAL deadlock_timeout = '60s'")  # so that the load is the one to notice
        tx.execute(f"SELECT 1 FROM {place.table} WHERE id = 7 FOR UPDATE")
        with place.loader(first=2) as loader:  # a replace: it has to delete row 7
            loader.wait_for("start")
            for _ in range(200):  # until it holds the table, and waits for the row
                waiting = tx.read_frame(
                    "select 1 as one from pg_locks where relation = cast(:name as regclass) and "
                    "granted and mode = 'ShareRowExclusiveLock'",
                    params={"name": place.table},
                )
                if waiting.height:
                    break
                time.sleep(0.01)
            assert waiting.height == 1
            # Only a load that was ended lets this go on: it can't finish before us.
            tx.execute(f"UPDATE {place.table} SET seq = seq WHERE id = 8")
            assert loader.done == 0
            loader.kill()
    assert place.check(loader) == 0


@pytest.mark.parametrize("server", _SERVERS)
def test_of_two_transactions_in_a_deadlock_one_is_whole_and_the_other_is_nothing(
    server: str, tmp_path: Path
) -> None:
    door = Door(server, settings_of(server, tmp_path))
    tables = [door.table("left"), door.table("right")]
    old = pl.DataFrame({"id": range(100), "by": ["nobody"] * 100})
    for table in tables:
        door.write(old, table, mode="replace")
    both_hold_one = threading.Barrier(2, timeout=60)
    errors: list[TransientError] = []

    def write(by: str, first: str, second: str) -> None:
        frame = old.with_columns(by=pl.lit(by))
        try:
            with db.transaction(door.settings) as tx:
                tx.write_frame(frame, first, mode="replace")
                both_hold_one.wait()
                tx.write_frame(frame, second, mode="replace")
        except TransientError as error:
            errors.append(error)

    threads = [
        threading.Thread(target=write, args=("one", *tables)),
        threading.Thread(target=write, args=("two", *reversed(tables))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors
    held = [set(door.read(table)["by"]) for table in tables]
    assert held[0] == held[1]
    assert held[0] in ([{"one"}, {"two"}] if len(errors) == 1 else [{"nobody"}])
    door.drop_tables()
    door.database.close()
