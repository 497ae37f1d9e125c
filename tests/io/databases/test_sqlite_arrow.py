"""Large results of SQLite by ADBC: the same rows, types and errors as by a cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

from etl.errors import LoadError
from etl.io import db_helper as db
from etl.io.databases import sqlite, sqlite_arrow
from tests.databases import Door, settings_of
from tests.io.test_round_trip import KINDS, frames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    opened = Door("sqlite", settings_of("sqlite", tmp_path))
    yield opened
    opened.database.close()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Results of two rows go by ADBC, in parts of one row; tells which reads it could do."""
    done: list[bool] = []

    def recorded(*arguments: Any) -> list[pl.DataFrame] | None:
        found = sqlite_arrow.read_by_adbc(*arguments)
        done.append(found is not None)
        return found

    monkeypatch.setattr(sqlite, "read_by_adbc", recorded)
    monkeypatch.setattr(sqlite, "_CURSOR_ROWS", 2)
    monkeypatch.setattr(sqlite_arrow, "_LEAST_ROWS", 1)
    return done


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(frame=frames())
def test_every_type_is_the_cursors(door: Door, reads: list[bool], frame: pl.DataFrame) -> None:
    table = door.create_like(KINDS)
    door.write(frame, table, mode="replace")
    reads.clear()
    by_adbc = door.read(table)
    assert reads == [True] * (frame.height >= 2)
    by_cursor = pl.concat(door.read(table, batch_rows=100))
    assert by_adbc.schema == by_cursor.schema
    assert by_adbc.equals(by_cursor, null_equal=True)


def test_parameters_order_and_comments(door: Door, reads: list[bool]) -> None:
    door.write(pl.DataFrame({"id": range(50), "note": ["x"] * 49 + [None]}), "t")
    sql = (
        "with big as (select * from t where id >= :least) select id from big order by id desc -- x"
    )
    assert door.read(sql, params={"least": 40})["id"].to_list() == list(range(49, 39, -1))
    assert reads == [True]


def test_an_expression_is_told_by_its_values_as_ever(door: Door, reads: list[bool]) -> None:
    door.write(pl.DataFrame({"id": range(50)}), "t")
    assert door.read("select id * 1.5 as x from t")["x"].sum() == 1837.5
    assert reads == [False]


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("n BIGINT", "'abc'", "n.*abc|n.*fit"),
        ("n BIGINT", "1.5", "n.*fit"),
        ("d DATE", "'soon'", "declared Date, but holds 'soon'"),
        ("b BOOLEAN", "x'41'", "b.*fit"),
        ("s TEXT", "CAST(x'ff' AS TEXT)", "."),
    ],
)
def test_a_value_of_another_kind_is_the_same_error(
    door: Door, reads: list[bool], column: str, value: str, says: str
) -> None:
    door.execute(f"CREATE TABLE t ({column})")
    door.execute(f"INSERT INTO t VALUES (NULL), (NULL), (NULL), ({value})")
    with pytest.raises(LoadError, match=says):
        door.read("t")
    assert True not in reads


def test_what_a_transaction_wrote_is_seen_by_it_alone(door: Door, reads: list[bool]) -> None:
    door.write(pl.DataFrame({"id": range(9)}), "t")
    with db.transaction(door.settings) as tx:
        tx.write_frame(pl.DataFrame({"id": range(9)}), "t")
        assert tx.read_frame("t").height == 18
        assert not reads
        assert door.read("t").height == 9
    assert reads == [True]
    assert door.read("t").height == 18


def test_nulls_in_all_of_the_first_rows_tell_no_type(door: Door) -> None:
    count = 60_000
    frame = pl.DataFrame(
        {"id": range(count), "late": [None] * (count - 1) + ["🎉"], "never": [None] * count},
        schema={"id": pl.Int64, "late": pl.String, "never": pl.Float64},
    )
    door.write(frame, "t")
    assert door.read("t").equals(frame, null_equal=True)


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("(id INTEGER PRIMARY KEY, s TEXT NOT NULL)", "(90, 'b'), (-7, 'a'), (41, 'c')"),
        ("(id INTEGER PRIMARY KEY DESC, s TEXT)", "(5, 'a'), (NULL, 'b'), (3, 'c'), (NULL, 'd')"),
        ("(id INTEGER, s TEXT, PRIMARY KEY (s, id)) WITHOUT ROWID", "(2, 'b'), (9, 'a'), (3, 'a')"),
        ("(id INTEGER PRIMARY KEY, s TEXT) WITHOUT ROWID", "(9, 'b'), (2, 'a'), (4, NULL)"),
        ('(rowid INTEGER, "a ""b" BIGINT)', "(4, 1), (4, NULL), (1, 2)"),
        ("(d DECIMAL(9, 2), f DOUBLE)", "(5, 5), (NULL, NULL), (2.25, 9007199254740992)"),
        ("(n BIGINT DEFAULT 4, s TEXT COLLATE NOCASE UNIQUE)", "(1, 'A'), (2, 'b'), (3, 'C')"),
    ],
)
def test_whole_tables_of_every_make(door: Door, reads: list[bool], table: str, rows: str) -> None:
    door.execute(f"CREATE TABLE t {table}")
    door.execute(f"INSERT INTO t VALUES {rows}")
    by_cursor = pl.concat(door.read("t", batch_rows=100))
    for source in ("t", "select * from T;", "select * from main.t"):
        assert door.read(source).equals(by_cursor, null_equal=True)
    assert reads == [True, True, True]


def test_generated_columns_and_columns_in_another_order(door: Door, reads: list[bool]) -> None:
    door.execute("CREATE TABLE t (a BIGINT, b BIGINT GENERATED ALWAYS AS (a * 2))")
    door.execute("INSERT INTO t (a) VALUES (1), (2), (3)")
    assert door.read("t").rows() == door.read("select * from t").rows() == [(1, 2), (2, 4), (3, 6)]
    assert door.read('select "b", "a" from t').rows() == [(2, 1), (4, 2), (6, 3)]
    assert reads == [True, True, True]
