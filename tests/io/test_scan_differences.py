"""Scans where engines compare in their own ways, or store what another tool wrote."""

# ruff: noqa: DTZ001 - naive datetimes are what many columns hold

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from etl.errors import EtlError, LoadError
from etl.io import db_helper as db
from tests.databases import Door, settings_of
from tests.io.test_scan_frame import COMPARISONS, TEXTS, UTC, scanned

if TYPE_CHECKING:
    from pathlib import Path


def test_a_collation_that_ignores_case_loses_nothing(door: Door) -> None:
    collate = {"sqlite": "COLLATE NOCASE", "duckdb": "COLLATE NOCASE"}.get(door.dialect, "")
    kind = "nvarchar(20)" if door.dialect == "mssql" else "varchar(20)"
    table = door.create(f"n int, s {kind} {collate}")
    texts = [*TEXTS, None]
    door.write(pl.DataFrame({"n": range(len(texts)), "s": texts}), table)
    everything = door.read(table)
    for source in (table, f"select n, s from {door.quoted(table)}"):
        lazy, column = scanned(door, source), pl.col("s")
        for value in ("", "a", "A ", "aB", "a%", "[", "e", "🎉"):
            for wanted in (
                column == value,
                column != value,
                column < value,
                column >= value,
                ~column.is_in([value, "A"]),
                column.str.starts_with(value),
                ~column.str.starts_with(value),
            ):
                found = lazy.filter(wanted).collect().sort("n")
                assert found.equals(everything.filter(wanted).sort("n"), null_equal=True), wanted


def test_types_that_are_only_read_as_text_lose_nothing(door: Door) -> None:
    """The engine compares a uuid, an enumeration or a padded text in its own way."""
    columns, rows = {
        "postgresql": (
            "n int, u uuid, e {enum}, p char(4), j jsonb, x numeric",
            """(1, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'b', 'a', '{{"k":1}}', 1.5),
               (2, 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a', 'a b', '[1]', 0.125),
               (3, null, null, null, null, null)""",
        ),
        "duckdb": (
            "n int, u uuid, e enum('b', 'a'), p varchar, j json, x decimal(9, 3)",
            """(1, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'b', 'a', '{{"k":1}}', 1.5),
               (2, 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a', 'a b', '[1]', 0.125),
               (3, null, null, null, null, null)""",
        ),
        "mssql": (
            "n int, u uniqueidentifier, e varchar(9), p nchar(4), j ntext, x money",
            """(1, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'b', 'a', '{{"k":1}}', 1.5),
               (2, 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a', 'a b', '[1]', 0.125),
               (3, null, null, null, null, null)""",
        ),
        "sqlite": (
            "n int, u uniqueidentifier, e text, p char(4), j json text, x numeric",
            """(1, 'A0', 'b', 'a', '{{"k":1}}', 1.5), (2, 'b0', 'a', 'a b', '[1]', 0.125),
               (3, null, null, null, null, null)""",
        ),
    }[door.dialect]
    enum = door.database.quote(f"scan {door.table('enum').strip(chr(34))}")
    if door.dialect == "postgresql":
        door.execute(f"CREATE TYPE {enum} AS ENUM ('b', 'a')")
    table = door.create(columns.format(enum=enum))
    door.execute(f"INSERT INTO {door.quoted(table)} VALUES {rows.format()}")
    for source in (table, f"select * from {door.quoted(table)}"):
        everything, lazy = door.read(source), scanned(door, source)
        for name, values in everything.drop("n").to_dict().items():
            for value in values.drop_nulls():
                column = pl.col(name)
                tests = [column == value, column != value, column.is_in([value]), column > value]
                if values.dtype == pl.String:
                    tests += [column.str.starts_with(value[:2]), ~column.str.starts_with(value)]
                for wanted in tests:
                    found = lazy.filter(wanted).collect().sort("n")
                    expected = everything.filter(wanted).sort("n")
                    assert found.equals(expected.cast(found.schema), null_equal=True), wanted
    if door.dialect == "postgresql":
        door.execute(f"DROP TABLE {door.quoted(table)}")
        door.execute(f"DROP TYPE {enum}")


def test_sqlite_values_of_other_tools_are_found(tmp_path: Path) -> None:
    door = Door("sqlite", settings_of("sqlite", tmp_path))
    table = door.create(
        "at DATETIME, z TIMESTAMP WITH TIME ZONE, day DATE, m DECIMAL(9, 2), f FLOAT"
    )
    forms = [
        ("2024-01-01T03:04:05", "2024-01-01T03:04:05Z", "2024-01-01 00:00:00", "0.1 + 0.2", "0.1"),
        ("2024-01-01 03:04:05", "2024-01-01 05:04:05+02:00", "2024-01-01", "0.3", "0.1"),
        ("2024-01-01 03:04:05.0", "2023-12-31 22:04:05-05:00", "2024-01-01T00:00:00", "0.301", "1"),
        ("2024-01-01", "2024-01-01 03:04:05.000000+00:00", "2024-01-02", "3", "0.25"),
    ]
    for at, zoned, day, money, real in forms:
        door.execute(
            f"INSERT INTO {door.quoted(table)} VALUES (?, ?, ?, {money}, {real})", [at, zoned, day]
        )
    everything, lazy = door.read(table), scanned(door, table)
    asked: dict[str, list[Any]] = {
        "at": [dt.datetime(2024, 1, 1, 3, 4, 5), dt.datetime(2024, 1, 1)],
        "z": [dt.datetime(2024, 1, 1, 3, 4, 5, tzinfo=UTC)],
        "day": [dt.date(2024, 1, 1), dt.date(2024, 1, 2)],
        "m": [Decimal("0.30"), Decimal("3.00")],
        "f": [0.1, 0.25],
    }
    matched = 0
    for name, values in asked.items():
        for value in values:
            for method in COMPARISONS:
                wanted = getattr(pl.col(name), method)(value)
                found = lazy.filter(wanted).collect()
                assert found.equals(everything.filter(wanted)), wanted
                matched += found.height
            assert (
                lazy.filter(pl.col(name).is_in([value]))
                .collect()
                .equals(everything.filter(pl.col(name).is_in([value])))
            )
    assert matched > 0


def test_a_query_that_can_not_stand_within_another_is_run_as_it_is(tmp_path: Path) -> None:
    door = Door("sqlite", settings_of("sqlite", tmp_path))
    door.write(pl.DataFrame({"n": [1, 2, 3], "s": ["a", "b", "c"]}), "some")
    lazy = scanned(door, "select n, s from some /* SQLite lets a comment stay open")
    assert lazy.filter(pl.col("n") > 1).select("s").collect()["s"].to_list() == ["b", "c"]
    assert lazy.head(2).collect().height == 2


def test_a_column_whose_type_only_its_values_tell(tmp_path: Path) -> None:
    door = Door("sqlite", settings_of("sqlite", tmp_path))
    door.execute("create table loose (n)")
    door.execute("insert into loose select value from json_each('[1, 2, 3]')")
    query = "select n * 2 as twice from loose"
    assert scanned(door, query).filter(pl.col("twice") > 2).collect()["twice"].to_list() == [4, 6]
    lazy = scanned(door, query)
    door.execute("update loose set n = 0.25")
    with pytest.raises(LoadError, match=r"column 'twice' was Int64 by its first rows, and 3 value"):
        lazy.collect()


def test_a_memory_that_a_load_holds_says_so() -> None:
    with suppress(EtlError):
        db.execute("drop table held", "sqlite://")
    db.write_frame(pl.DataFrame({"n": [1, 2]}), "held", "sqlite://")
    lazy = db.scan_frame("held", "sqlite://")
    assert lazy.join(lazy.filter(pl.col("n") > 1), on="n").collect(engine="streaming").height == 1
    with pytest.raises(LoadError, match="one connection, and a load or another read is using it"):
        db.write_frame(lazy, "held", "sqlite://", mode="replace")
    assert db.read_frame("held", "sqlite://").height == 2


def test_an_empty_table_tells_its_types_all_the_same(door: Door) -> None:
    numeric = "numeric" if door.dialect == "postgresql" else "decimal(9, 3)"
    at = "datetimeoffset(0)" if door.dialect == "mssql" else "timestamp with time zone"
    table = door.create(f"n int, x {numeric}, z {at}")
    lazy = scanned(door, table)
    assert lazy.collect_schema()["x"].is_decimal()
    assert lazy.collect_schema()["z"] == pl.Datetime("us", "UTC")
    door.execute(f"INSERT INTO {door.quoted(table)} VALUES (1, 1.125, '2024-01-01 00:00:00+00:00')")
    moment = dt.datetime(2024, 1, 1, tzinfo=UTC)
    found = lazy.filter(pl.col("x") > 1, pl.col("z") == moment).collect()
    assert found["x"].to_list() == [Decimal("1.125")]
    assert found.schema == lazy.collect_schema()
