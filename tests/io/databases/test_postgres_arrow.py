"""PostgreSQL's results by Arrow: numerics as the server's text, and a connection that stays."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pytest

from etl.errors import LoadError
from tests.databases import Door, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    opened = Door("postgresql", settings_of("postgresql", tmp_path))
    yield opened
    opened.drop_tables()


@pytest.mark.parametrize(
    "sql",
    [
        (
            "select * from (values (9.5::numeric(38, 2), 'b'), (-8, 'a'), (null, '')) t (\"q\"\"x\", y) "
            'order by "q""x" desc nulls last -- as asked for'
        ),
        "with n (\"q\"\"x\", y) as (values (9.5::numeric(5, 2), 'b'), (-8, 'a'), (null, '')) table n",
    ],
)
def test_numerics_are_exact_and_rows_keep_their_order(door: Door, sql: str) -> None:
    found = door.read(sql)
    assert found['q"x'].to_list() == [Decimal("9.50"), Decimal("-8.00"), None]
    assert found["y"].to_list() == ["b", "a", ""]
    assert isinstance(found.schema['q"x'], pl.Decimal)


def test_what_changes_rows_stands_in_no_from_and_is_read_all_the_same(door: Door) -> None:
    table = door.quoted(door.create("n NUMERIC(9, 2)"))
    sql = f"with made as (insert into {table} values (1.5) returning n) select n from made"
    assert door.read(sql)["n"].to_list() == [Decimal("1.50")]


def test_a_numeric_that_no_decimal_holds_is_told_by_its_column(door: Door) -> None:
    with pytest.raises(LoadError, match=r"'n' is a Decimal.* does not fit: .*NaN.*; cast it"):
        door.read("select 'NaN'::numeric(9, 2) as n")


def test_a_read_outlives_a_connection_that_the_server_ended(door: Door) -> None:
    one, same = (door.read("select pg_backend_pid() as pid")["pid"].item() for _ in range(2))
    assert one == same
    door.execute("select pg_terminate_backend(?, 5000)", [one])
    assert door.read("select pg_backend_pid() as pid")["pid"].item() != one


def test_a_read_that_was_left_early_gives_no_rows_to_the_next(door: Door) -> None:
    numbers = "select n from generate_series(1, 900000) as n"
    batches = door.read(numbers, batch_rows=10)
    assert next(batches)["n"].to_list() == list(range(1, 11))
    at_the_same_time = door.read("select 5 as five")
    batches.close()
    assert at_the_same_time["five"].item() == door.read("select 5 as five")["five"].item() == 5
