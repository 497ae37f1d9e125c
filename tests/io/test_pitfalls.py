"""Where other loaders fail, on every database that is there and by every way in.

Those of pyodbc's arrays by themselves are in ``databases/test_mssql_load.py``, those of preflight in
``test_preflight.py``. What only a SQL Server can show runs here, where ``ETL_TEST_MSSQL_URL`` is set.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import polars as pl
import pytest

from etl.errors import ContractError, LoadError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import Door

# Columns that the server fills itself, beside "id INTEGER".
FILLED = {
    "sqlite": "doubled INTEGER GENERATED ALWAYS AS (id * 2) STORED",
    "duckdb": "doubled INTEGER GENERATED ALWAYS AS (id * 2) VIRTUAL",
    "postgresql": "n BIGINT GENERATED ALWAYS AS IDENTITY, "
    "doubled INTEGER GENERATED ALWAYS AS (id * 2) STORED",
    "mssql": "n BIGINT IDENTITY(1, 1), doubled AS (id * 2)",
}


def ways(door: Door) -> Iterator[str]:
    yield from door.database.loaders


def test_identity_computed_and_rowversion_columns_are_left_out(door: Door) -> None:
    filled = FILLED[door.dialect]
    if door.dialect == "mssql" and not door.is_babelfish:  # which refuses the type as it comes
        filled += ", version ROWVERSION"
    table = door.create(f"id INTEGER, {filled}")
    for loader in ways(door):
        door.write(pl.DataFrame({"id": [1, 2]}), table, mode="replace", loader=loader)
        back = door.read(f"select id, doubled from {door.quoted(table)} order by id")
        assert back["doubled"].to_list() == [2, 4], loader
    with pytest.raises(ContractError, match="doubled: the server fills this column"):
        door.write(pl.DataFrame({"id": [1], "doubled": [5]}), table)


def test_a_default_never_stands_in_for_a_null(door: Door) -> None:
    table = door.create("id INTEGER, n INTEGER DEFAULT 7")
    for loader in ways(door):
        frame = pl.DataFrame({"id": [1, 2], "n": [None, 3]}, schema={"id": pl.Int32, "n": pl.Int32})
        door.write(frame, table, mode="replace", loader=loader)
        assert sorted(door.read(table).rows()) == [(1, None), (2, 3)], loader


def test_columns_go_by_name_and_never_by_position(door: Door) -> None:
    table = door.create("id INTEGER, a VARCHAR(9), b VARCHAR(9)")
    frame = pl.DataFrame({"b": ["b"], "id": [1], "a": ["a"]})
    for loader in ways(door):
        door.write(frame, table, mode="replace", loader=loader)
        assert door.read(table).rows() == [(1, "a", "b")], loader


def test_a_moment_with_an_offset_is_not_shifted(door: Door) -> None:
    at = dt.datetime(2024, 7, 1, 12, 30, 15, 123456, tzinfo=dt.UTC)
    moment = pl.Series("at", [at, None]).dt.convert_time_zone("Asia/Kolkata")
    table = door.table()
    for loader in ways(door):
        door.write(moment.to_frame(), table, mode="replace", loader=loader)
        assert door.read(table)["at"].sort(nulls_last=True).to_list() == [at, None], loader


def test_nat_na_timedelta_and_numpy_scalars_go_through_arrow(door: Door) -> None:
    frame = pd.DataFrame(
        {
            "at": [pd.Timestamp("2024-01-02 03:04:05.678901"), pd.NaT],
            "n": pd.array([1, pd.NA], dtype="Int64"),
            "x": [np.float64(1.5), np.nan],
            "long": [pd.Timedelta(minutes=1), pd.NaT],
            "price": [Decimal("1.50"), None],
        }
    )
    table = door.table()
    for loader in ways(door):
        door.write(frame, table, mode="replace", loader=loader)
        rows = sorted(door.read(table).rows(), key=repr)
        assert rows[0] == (None,) * 5, loader
        at = dt.datetime(2024, 1, 2, 3, 4, 5, 678901)  # noqa: DTZ001
        assert rows[1] == (at, 1, 1.5, 60_000_000, Decimal("1.50")), loader


def test_a_check_is_never_skipped(door: Door) -> None:
    table = door.create("id INTEGER NOT NULL CHECK (id < 10)")
    for loader in ways(door):
        with pytest.raises(LoadError, match=r"(?i)check") as told:
            door.write(pl.DataFrame({"id": [1, 99]}), table, loader=loader)
        assert not isinstance(told.value, TransientError)
        assert door.read(table).is_empty(), loader


def test_wide_text_and_binary_arrive_whole(door: Door) -> None:
    text, raw = "é🎉" * 50_000, bytes(range(256)) * 400
    frame = pl.DataFrame({"id": [1, 2, 3], "text": ["", text, None], "raw": [b"", raw, None]})
    table = door.table()
    for loader in ways(door):
        door.write(frame, table, mode="replace", loader=loader)
        assert door.read(table).sort("id").equals(frame), loader


def test_text_is_measured_as_the_column_measures_it(door: Door) -> None:
    if not door.keeps_lengths:
        pytest.skip("it keeps no length of a VARCHAR")
    table = door.create("note VARCHAR(2)")
    for loader in ways(door):
        door.write(pl.DataFrame({"note": ["é", "🎉"]}), table, mode="replace", loader=loader)
        assert sorted(door.read(table)["note"]) == ["é", "🎉"], loader
        longer = pl.DataFrame({"note": ["🎉🎉" if door.dialect == "mssql" else "🎉🎉🎉"]})
        with pytest.raises(ContractError, match="is longer than 2"):
            door.write(longer, table, loader=loader)


def test_an_error_half_way_leaves_nothing_of_the_earlier_rows(door: Door) -> None:
    # Autocommit would keep them (pyodbc issues 480, 540).
    table = door.create("id INTEGER NOT NULL PRIMARY KEY")
    ids = [*range(3000), 5]
    for loader in ways(door):
        with pytest.raises(LoadError):
            door.write(pl.DataFrame({"id": ids}), table, loader=loader, workers=2)
        assert door.read(table).is_empty(), loader


def test_rows_that_the_server_drops_are_counted_by_it(door: Door) -> None:
    if door.dialect != "postgresql":
        pytest.skip("needs a trigger that drops rows before they are inserted")
    table = door.create("id INTEGER")
    name = f"dropping_{table[-11:-1]}"
    door.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF new.id = 2 THEN RETURN NULL; END IF; RETURN new; END $$"
    )
    door.execute(
        f"CREATE TRIGGER t BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
    )
    for loader in ways(door):
        for workers in (1, 2):
            with pytest.raises(LoadError, match=r"3 rows were sent .* server counts 2"):
                door.write(pl.DataFrame({"id": [1, 2, 3]}), table, loader=loader, workers=workers)
            assert door.read(table).is_empty()
    door.execute(f"DROP FUNCTION {name} CASCADE")
