"""read_frame, run_query, execute and connections: what a caller sees."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

import dataframely as dy
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sqlalchemy as sa

from etl.errors import ConfigError, ContractError, EtlError, LoadError
from etl.io import db_helper as db

if TYPE_CHECKING:
    from pathlib import Path

    from tests.databases import Door

ROWS = pl.DataFrame(
    {
        "id": [1, 2, 3, 4, 5],
        "name": ["a", "it's :name", "50% ?", None, "🎉"],
        "day": [dt.date(2026, 1, n) for n in range(1, 6)],
        "seen": [dt.datetime(2026, 1, n, 12) for n in range(1, 6)],  # noqa: DTZ001
        "price": pl.Series([Decimal("1.50")] * 5, dtype=pl.Decimal(10, 2)),
    }
)


@pytest.fixture
def table(door: Door) -> str:
    made = door.table("rows")
    door.write(ROWS, made)
    return made


def test_named_and_positional_parameters(door: Door, table: str) -> None:
    name = door.quoted(table)
    sql = f"select id from {name} where name = :name and id < :top and 'x:y ? %' = 'x:y ? %'"
    assert door.read(sql, params={"name": "it's :name", "top": 5})["id"].to_list() == [2]
    sql = f"select id from {name} where day >= ? and seen < ? order by id"
    values = [dt.date(2026, 1, 2), dt.datetime(2026, 1, 3, 12)]  # noqa: DTZ001
    assert door.read(sql, params=values)["id"].to_list() == [2]
    sql = f"select id from {name} where id in :ids order by id"
    assert door.read(sql, params={"ids": [5, 1]})["id"].to_list() == [1, 5]
    assert door.read(sql, params={"ids": []}).is_empty()


def test_a_value_is_never_taken_for_sql(door: Door, table: str) -> None:
    evil = f"'; drop table {door.quoted(table)}; --"
    sql = f"select id from {door.quoted(table)} where name = :name"
    assert door.read(sql, params={"name": evil}).is_empty()
    assert door.read(table).height == 5


def test_numpy_and_pandas_scalars_bind(door: Door, table: str) -> None:
    sql = f"select count(*) as n from {door.quoted(table)} where id <= :id and seen <= :at"
    params = {"id": np.int64(3), "at": pd.Timestamp("2026-01-02 12:00")}
    assert door.read(sql, params=params)["n"].to_list() == [2]


@pytest.mark.parametrize(
    ("sql", "params", "message"),
    [
        ("select :nam as a", {"name": 1}, r"parameter :nam has no value \(did you mean 'name'"),
        ("select :a as a", {"a": 1, "b": 2}, "no parameter :b"),
        ("select ? as a", [], "more \\? than the 0 value"),
        ("select ? as a", [1, 2], "2 value.s. are given, and the statement has 1"),
        ("select ? as a", "x", r"written \['x'\]"),
        ("select 1 as a, 2 as a", None, r"one name: \['a'\]"),
    ],
)
def test_mistakes_are_named(door: Door, sql: str, params: object, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        door.read(sql, params=params)


def test_backends(door: Door, table: str) -> None:
    assert isinstance(door.read(table, backend="pyarrow"), pa.Table)
    arrow = door.read(table, backend="pandas")
    assert all(isinstance(dtype, pd.ArrowDtype) for dtype in arrow.dtypes)
    old = door.read(table, backend="pandas", dtype_backend="numpy")
    assert old["id"].dtype == np.dtype("int64")
    assert db.run_query(f"select id from {door.quoted(table)}", door.settings)["id"].sum() == 15


def test_batches_have_one_schema_and_all_rows(door: Door, table: str) -> None:
    frames = list(door.read(table, batch_rows=2))
    assert [frame.height for frame in frames] == [2, 2, 1]
    assert pl.concat(frames).sort("id").equals(ROWS.cast(dict(frames[0].schema)))
    empty = list(door.read(f"select * from {door.quoted(table)} where id < 0", batch_rows=2))
    assert [frame.height for frame in empty] == [0]
    assert empty[0].columns == ROWS.columns
    with pytest.raises(ContractError, match="batch_rows"):
        next(door.read(table, batch_rows=0))


def test_an_abandoned_iterator_gives_its_connection_back(door: Door, table: str) -> None:
    for _ in range(30):  # more than a pool holds
        frames = door.read(table, batch_rows=1)
        next(frames)
        frames.close()
    assert door.write(ROWS, table).rows == 5


def test_an_empty_table_has_its_types(door: Door, table: str) -> None:
    door.execute(f"delete from {door.quoted(table)}")
    assert door.read(table).schema == ROWS.schema


def test_a_sqlalchemy_select(door: Door, table: str) -> None:
    made = sa.table(
        sa.sql.quoted_name(table.strip('"'), quote=True), sa.column("id"), sa.column("name")
    )
    query = sa.select(made.c.id).where(made.c.id.in_([1, 5]), made.c.name != sa.bindparam("no"))
    assert door.read(query, params={"no": "a"})["id"].to_list() == [5]


def test_a_sql_file_is_tsql_on_every_engine(door: Door, table: str, tmp_path: Path) -> None:
    file = tmp_path / "open orders.sql"
    file.write_text(
        f"-- orders since a day\nSELECT TOP 2 [id], ISNULL([name], N'none') + N'!' AS [the name]\n"
        f"FROM [dbo].[{table.strip(chr(34))}]\nWHERE [day] >= :since ORDER BY [id];\n",
        encoding="utf-8-sig",
    )
    for source in (file, str(file)):
        frame = door.read(source, params={"since": dt.date(2026, 1, 3)})
        assert frame.rows() == [(3, "50% ?!"), (4, "none!")]
    with pytest.raises(ContractError, match="no SQL file"):
        door.read(str(tmp_path / "missing.sql"))


def test_tsql_text_by_request(door: Door, table: str) -> None:
    frame = door.read(
        f"select top 1 [id] from [{table.strip(chr(34))}] order by id", dialect="tsql"
    )
    assert frame["id"].to_list() == [1]


class Typed(dy.Schema):
    """What the query below is meant to give."""

    total = dy.Decimal(12, 2)
    last = dy.Date()
    took = dy.Duration()


def test_a_contract_types_what_the_engine_can_not(door: Door, table: str) -> None:
    sql = f"select sum(price) as total, max(day) as last from {door.quoted(table)}"
    frame = door.read(sql, contract=Typed)
    assert frame.schema == {"total": pl.Decimal(12, 2), "last": pl.Date()}
    assert frame.row(0) == (Decimal("7.50"), dt.date(2026, 1, 5))
    with pytest.raises(ContractError, match="last: 1 value"):
        door.read("select 'soon' as last", contract=Typed)


def test_a_contract_brings_a_duration_back(door: Door) -> None:
    table = door.table()
    frame = pl.DataFrame({"took": [dt.timedelta(days=-2, microseconds=1), None]})
    door.write(frame, table)
    assert door.read(table, contract=Typed).equals(frame, null_equal=True)


def test_a_missing_table_is_named(door: Door) -> None:
    with pytest.raises(LoadError, match="has no table nowhere"):
        door.read("nowhere")
    with pytest.raises(LoadError):
        door.read("select * from nowhere")


def test_execute_counts_and_rolls_back(door: Door, table: str) -> None:
    name = door.quoted(table)
    assert door.execute(f"update {name} set name = :n where id <= 2", {"n": "%s"}) == 2
    with pytest.raises(EtlError):
        door.execute(f"update {name} set nothing = 1")
    assert door.read(f"select name from {name} where id = 1")["name"].to_list() == ["%s"]


def test_a_connection_commits_or_rolls_back(door: Door, table: str) -> None:
    name = door.quoted(table)
    with db.get_connection(door.settings) as connection:
        connection.cursor().execute(f"delete from {name} where id = 1")
    with pytest.raises(ZeroDivisionError), db.get_connection(door.settings) as connection:  # noqa: PT012
        connection.cursor().execute(f"delete from {name} where id = 2")
        raise ZeroDivisionError
    connection = db.get_connection(door.settings)
    connection.cursor().execute(f"delete from {name} where id = 3")
    connection.close()
    assert door.read(table)["id"].sort().to_list() == [2, 3, 4, 5]


def test_an_engine_is_sqlalchemys(door: Door, table: str) -> None:
    engine = db.get_engine(door.settings)
    assert engine is db.get_engine(door.settings)
    with engine.connect() as connection:
        assert (
            connection.exec_driver_sql(f"select count(*) from {door.quoted(table)}").scalar() == 5
        )


def test_a_database_that_is_not_there() -> None:
    with pytest.raises(EtlError) as caught:
        db.read_frame("select 1 as a", "postgresql://u:s3cret@127.0.0.1:1/none")
    assert "127.0.0.1:1" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    with pytest.raises(ConfigError):
        db.read_frame("select 1 as a", "oracle://u:s3cret@127.0.0.1:1/none")
