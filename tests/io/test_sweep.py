"""Staging tables that killed loads left are removed, and none that is in use."""

from __future__ import annotations

import datetime as dt
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import sqlglot
from sqlglot import exp

from etl.errors import ContractError, LoadError
from etl.io import db_helper as db
from etl.io.databases import mssql_sql
from etl.io.databases.columns import TableName
from tests.databases import Door, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = dt.timedelta(0)


@pytest.fixture
def left(door: Door) -> Iterator[str]:
    """A staging table that nobody uses."""
    name = f"_etl_stage_{uuid.uuid4().hex}"
    door.execute(f"CREATE TABLE {name} (c1 INTEGER)")
    yield name
    with suppress(LoadError):
        door.execute(f"DROP TABLE {name}")


def outcome(door: Door, name: str, **options: Any) -> str | None:
    """What became of one table: other loads of a shared server may have their own."""
    for found in db.sweep(door.settings, **options):
        if found.table.rpartition(".")[2] == name:
            return found.outcome
    return None


def exists(door: Door, name: str) -> bool:
    return db.table_columns(name, door.settings) is not None


def test_what_was_left_is_removed(door: Door, left: str) -> None:
    assert outcome(door, left, older_than=NOW) == "removed"
    assert not exists(door, left)
    assert outcome(door, left, older_than=NOW) is None


def test_a_dry_run_removes_nothing(door: Door, left: str) -> None:
    assert outcome(door, left, older_than=NOW, dry_run=True) == "would be removed"
    assert exists(door, left)


def test_one_whose_load_holds_its_lock_stays_however_old(door: Door, left: str) -> None:
    if door.dialect in ("sqlite", "duckdb"):
        pytest.skip("its loads commit no staging table; a sweep waits for the one writer")
    lock = door.database.stage_lock(left)
    assert lock.take()
    assert outcome(door, left, older_than=NOW) == "in use"
    assert exists(door, left)
    lock.release()
    assert outcome(door, left, older_than=NOW) == "removed"


def test_a_young_one_stays_where_the_server_tells_its_age(door: Door, left: str) -> None:
    expected = "too young" if door.engine.startswith("mssql") else "would be removed"
    assert outcome(door, left, dry_run=True) == expected


@pytest.mark.parametrize("name", ["_etl_stage_notes", "_etl_stage_", "xetl_stage_" + "0" * 32])
def test_a_table_of_somebody_elses_is_none(door: Door, name: str) -> None:
    door.execute(f"CREATE TABLE {name} (c1 INTEGER)")
    try:
        assert outcome(door, name, older_than=NOW) is None
        assert exists(door, name)
    finally:
        door.execute(f"DROP TABLE {name}")


@pytest.mark.parametrize("mode", ["replace", "upsert"])
def test_a_load_that_goes_on_is_not_disturbed(door: Door, mode: str) -> None:
    """Its own staging table is in use, temporary, or not there: in each case it is not swept."""
    if door.database.one_process or door.dialect == "sqlite":
        pytest.skip("a sweep waits for the one writer")
    table = door.table()
    door.write(pl.DataFrame({"id": [0]}), table)
    swept: list[Any] = []

    def batches() -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"id": [1]})
        swept.extend(db.sweep(door.settings, older_than=NOW))
        yield pl.DataFrame({"id": [2]})

    door.write(batches(), table, mode=mode, key=["id"])
    assert not [found for found in swept if found.outcome == "removed"]
    assert set(door.read(table)["id"]) == ({1, 2} if mode == "replace" else {0, 1, 2})


def test_loads_leave_none(door: Door) -> None:
    table = door.table()
    before = {found.table for found in db.sweep(door.settings, dry_run=True)}
    door.write(pl.DataFrame({"id": [1]}), table)
    door.write(pl.DataFrame({"id": [1, 2]}), table, mode="upsert", key=["id"])
    with pytest.raises(ContractError):
        door.write(pl.DataFrame({"id": [1, 1]}), table, mode="sync", key=["id"])
    assert {found.table for found in db.sweep(door.settings, dry_run=True)} <= before


def test_a_negative_age_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="can't be negative"):
        db.sweep(settings_of("sqlite", tmp_path), older_than=dt.timedelta(hours=-1))


@pytest.mark.parametrize(
    "sql",
    [
        mssql_sql.STAGES,
        mssql_sql.lock_session("job 'a'; drop table x"),
        mssql_sql.unlock_session("job 'a'; drop table x"),
    ],
    ids=["stages", "lock", "unlock"],
)
def test_the_t_sql_parses_and_holds_no_name(sql: str) -> None:
    assert "drop" not in sql
    statements = sqlglot.parse(sql, read="tsql")
    assert all(
        statement is not None and not isinstance(statement, exp.Command) for statement in statements
    )


def test_sql_servers_stages_are_found_by_their_names() -> None:
    from etl.io.databases.stages import STAGE_NAME

    name = mssql_sql.stage_name(TableName("orders", "dbo")).name
    assert STAGE_NAME.fullmatch(name)
