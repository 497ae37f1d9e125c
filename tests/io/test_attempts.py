"""Rows that many attempts bring are published once, and those alone that count."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from typing import TYPE_CHECKING, Any, get_args

import dataframely as dy
import polars as pl
import pytest
import sqlglot
from polars.testing import assert_frame_equal
from sqlglot import exp

from etl.config import DatabaseSettings
from etl.errors import ContractError, LoadError
from etl.io import db_helper as db
from etl.io.attempt_files import FileStage
from etl.io.attempts import Stage, TableStage, open_stage
from etl.io.databases import open_database
from etl.io.databases.columns import TableName
from etl.io.databases.mssql import MssqlDatabase
from etl.io.databases.staging import ATTEMPT, StagingDatabase
from etl.io.options import Mode, WriteOptions
from etl.io.retrying import committed

if TYPE_CHECKING:
    from tests.databases import Door

OLD = pl.DataFrame({"id": [1, 2, 3], "attempt": ["a", "b", None], "n": [1.5, None, -0.25]})
NEW = pl.DataFrame(
    {"id": [2, 3, 4, 5], "attempt": ["b", "é🎉", "", None], "n": [None, 9.0, 0.0, 1.0]}
)
NOW = dt.timedelta(0)


class Keyed(dy.Schema):
    id = dy.Int64(primary_key=True)
    note = dy.String(nullable=True, max_length=20)


def bring(door: Door, stage: Stage, name: str, *frames: pl.DataFrame) -> int:
    with stage.attempt(door.database, name) as send:
        for frame in frames:
            send(frame)
    return sum(frame.height for frame in frames)


def publish(door: Door, stage: Stage, table: str, attempts: dict[str, int]) -> db.LoadResult:
    return committed(
        door.database,
        table,
        lambda connection: stage.publish(door.database, connection, attempts),
    )


def outcome(door: Door, stage: Stage, **options: Any) -> str | None:
    """What a sweep does with a stage; None where there is none any more."""
    assert isinstance(stage, TableStage | FileStage)
    name = stage.place.name if isinstance(stage, TableStage) else stage.directory.name
    found = {
        each.table.removeprefix("public."): each for each in db.sweep(door.settings, **options)
    }
    return found[name].outcome if name in found else None


@pytest.mark.parametrize("mode", get_args(Mode))
def test_every_mode_does_what_write_frame_does(door: Door, mode: Mode) -> None:
    key = None if mode in ("append", "replace") else "id"
    ours, theirs = (door.create("id BIGINT NOT NULL, attempt VARCHAR(9), n FLOAT") for _ in "12")
    for table in (ours, theirs):
        door.write(OLD, table)
    expected = door.write(NEW, theirs, mode=mode, key=key)

    stage = open_stage(door.database, ours, WriteOptions(mode=mode, key=key), NEW.schema)
    sent = {
        "1" * 32: bring(door, stage, "1" * 32, NEW.head(1), NEW.head(0), NEW[1:3]),
        "2" * 32: bring(door, stage, "2" * 32, NEW.tail(1)),
        "3" * 32: bring(door, stage, "3" * 32),
    }
    bring(door, stage, "4" * 32, NEW)  # the copy of a task, or one whose answer was lost
    result = publish(door, stage, ours, sent)
    stage.drop(door.database)

    assert_frame_equal(door.read(ours), door.read(theirs), check_row_order=False)
    for what in ("rows", "inserted", "updated", "deleted", "unchanged"):
        assert getattr(result, what) == getattr(expected, what), what
    assert outcome(door, stage, dry_run=True) is None


def test_a_table_is_made_when_its_rows_are_there_and_not_before(door: Door) -> None:
    table = door.table()
    stage = open_stage(door.database, table, WriteOptions(contract=Keyed), pl.Schema(Keyed))
    frame = Keyed.cast(pl.DataFrame({"id": [1], "note": ["x" * 20]}))
    sent = {"a" * 32: bring(door, stage, "a" * 32, frame)}
    assert db.table_columns(table, door.settings) is None
    publish(door, stage, table, sent)
    stage.drop(door.database)
    stage.drop(door.database)  # gone, and no error
    assert_frame_equal(door.read(table, contract=Keyed), frame)


def test_what_the_stage_lacks_ends_the_load(door: Door) -> None:
    table = door.create("id BIGINT NOT NULL, attempt VARCHAR(9), n FLOAT")
    door.write(OLD, table)
    stage = open_stage(door.database, table, WriteOptions(mode="replace"), NEW.schema)
    sent = bring(door, stage, "a" * 32, NEW)
    with pytest.raises(LoadError, match=r"nothing was changed|can't be read"):
        publish(door, stage, table, {"a" * 32: sent, "b" * 32: 7})
    stage.drop(door.database)
    assert_frame_equal(door.read(table), OLD, check_row_order=False, check_dtypes=False)


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_a_key_that_two_attempts_bring_is_refused(door: Door, mode: Mode) -> None:
    table = door.create("id BIGINT NOT NULL, note VARCHAR(20)")
    options = WriteOptions(mode=mode, contract=Keyed)
    stage = open_stage(door.database, table, options, pl.Schema(Keyed))
    frame = Keyed.cast(pl.DataFrame({"id": [7], "note": [None]}))
    sent = {name * 32: bring(door, stage, name * 32, frame) for name in "ab"}
    with pytest.raises(ContractError, match=r"1 key\(s\) \(id\) stand in more than one row.*7"):
        publish(door, stage, table, sent)
    stage.drop(door.database)
    assert door.read(table).is_empty()


def test_nothing_empties_no_table_unless_that_is_meant(door: Door) -> None:
    table = door.create("id BIGINT NOT NULL, attempt VARCHAR(9), n FLOAT")
    door.write(OLD, table)
    stage = open_stage(door.database, table, WriteOptions(mode="replace"), NEW.schema)
    with pytest.raises(ContractError, match="allow_empty"):
        publish(door, stage, table, {})
    stage.drop(door.database)
    options = WriteOptions(mode="replace", allow_empty=True)
    stage = open_stage(door.database, table, options, NEW.schema)
    assert publish(door, stage, table, {}).deleted == OLD.height
    stage.drop(door.database)
    assert door.read(table).is_empty()


def test_a_sweep_leaves_what_is_young_and_removes_what_is_old(door: Door) -> None:
    table = door.create("id BIGINT NOT NULL, attempt VARCHAR(9), n FLOAT")
    stage = open_stage(door.database, table, WriteOptions(), NEW.schema)
    bring(door, stage, "a" * 32, NEW)
    assert outcome(door, stage) == "too young"
    assert outcome(door, stage, older_than=NOW, dry_run=True) == "would be removed"
    assert outcome(door, stage, older_than=NOW) == "removed"
    assert outcome(door, stage, older_than=NOW) is None


def test_nobody_adds_to_a_stage_that_is_being_published(door: Door) -> None:
    if door.dialect != "postgresql":
        pytest.skip("only on a server can others add to a stage meanwhile; this asks PostgreSQL")
    table = door.create("id BIGINT NOT NULL, attempt VARCHAR(9), n FLOAT")
    stage = open_stage(door.database, table, WriteOptions(), NEW.schema)
    assert isinstance(stage, TableStage)
    assert isinstance(door.database, StagingDatabase)
    sent = {"a" * 32: bring(door, stage, "a" * 32, NEW)}
    late = f"INSERT INTO {door.database.qualified(stage.place)} (c1) VALUES (1)"
    with closing(door.database._session()) as other:
        other.execute("SET lock_timeout = '50ms'")
        other.commit()
        with door.database.begin(write=True) as connection:
            stage.publish(door.database, connection, sent)
            with pytest.raises(LoadError, match="lock timeout"), door.database.translated():
                other.execute(late)
    stage.drop(door.database)
    assert door.read(table).height == NEW.height


def test_in_memory_there_is_no_stage_to_share() -> None:
    memory = open_database(DatabaseSettings.from_url("sqlite://"))
    with pytest.raises(ContractError, match="several processes"):
        open_stage(memory, "t", WriteOptions(), NEW.schema)


def test_sql_server_has_a_stage_with_the_attempt_as_its_last_column() -> None:
    server = open_database(DatabaseSettings.from_url("mssql://u:p@h/db"))
    assert isinstance(server, MssqlDatabase)
    columns = [ATTEMPT]  # any will do
    place, sql = server.plan_attempts(None, TableName("t", "dbo"), columns)  # type: ignore[arg-type]
    [made] = sqlglot.parse(sql, dialect="tsql")
    assert isinstance(made, exp.Create)
    assert [c.name for c in made.find_all(exp.ColumnDef)] == ["c1", "c2"]
    assert (place.schema, "nvarchar(32)" in sql) == ("dbo", True)
