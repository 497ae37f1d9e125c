"""write_frame: what the table is afterwards, and what is refused before anything is sent."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import dataframely as dy
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from etl.errors import ContractError, EtlError, LoadError
from etl.io import db_helper as db

if TYPE_CHECKING:
    from tests.databases import Door

OLD = pl.DataFrame({"id": [1, 2, 3], "note": ["a", "b", None]})
NEW = pl.DataFrame({"id": [10, 20], "note": ["x", "🎉"]})

NAMES = [
    "order; drop table x--",
    'a "quoted" one',
    "with space",
    "emoji 🎉",
    "dot.ted",
    "per%cent %s",
    "colon:name ?",
    "Ünï",
    "select",
    "it's",
]


def brackets(door: Door) -> list[str]:
    # Babelfish has no way to write ] inside a bracketed name (seen with 4.3); SQL Server has.
    return [] if door.dialect == "mssql" else ["brack]et"]


def test_append_keeps_the_old_rows(door: Door) -> None:
    table = door.table()
    door.write(OLD, table)
    result = door.write(NEW, table, mode="append")
    assert (result.rows, result.inserted, result.deleted) == (2, 2, 0)
    assert door.read(table).sort("id").equals(pl.concat([OLD, NEW]))


def test_replace_leaves_exactly_the_frame(door: Door) -> None:
    table = door.table()
    door.write(OLD, table)
    result = door.write(NEW, table, mode="replace")
    assert (result.rows, result.inserted, result.deleted) == (2, 2, 3)
    assert door.read(table).sort("id").equals(NEW)
    assert result.rows_per_second > 0
    assert set(result.seconds) >= {"preflight", "load"}


def test_replace_keeps_the_table_object_and_its_index(door: Door) -> None:
    # NOT NULL: Babelfish refuses a unique index on a column that takes nulls.
    table = door.create("id INTEGER NOT NULL PRIMARY KEY, note VARCHAR(20) NOT NULL")
    index = f"ix_{door.quoted(table).strip('[]').strip(chr(34)).split()[-1]}"
    door.execute(f"CREATE UNIQUE INDEX {index} ON {door.quoted(table)} (note)")
    door.write(NEW, table, mode="replace")
    twice = pl.DataFrame({"id": [1, 2], "note": ["same", "same"]})
    with pytest.raises(LoadError):
        door.write(twice, table, mode="replace")
    assert door.read(table).sort("id")["note"].to_list() == NEW["note"].to_list()


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_an_error_half_way_leaves_the_old_table(door: Door, mode: str) -> None:
    table = door.create("id INTEGER NOT NULL PRIMARY KEY, note VARCHAR(20)")
    door.write(OLD, table)
    fresh = pl.DataFrame({"id": range(100, 3000), "note": ["x"] * 2900})
    again = pl.DataFrame({"id": [2999], "note": ["this key is there already"]}).head(1)
    with pytest.raises(EtlError):
        door.write(iter([fresh, again.with_columns(note=pl.lit("short"))]), table, mode=mode)
    assert door.read(table).sort("id").equals(OLD.cast({"id": door.read(table)["id"].dtype}))


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_a_source_that_fails_half_way_leaves_the_old_table(door: Door, mode: str) -> None:
    table = door.table()
    door.write(OLD, table)

    def source() -> Any:
        yield NEW
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        door.write(source(), table, mode=mode)
    assert door.read(table).sort("id").equals(OLD)


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_a_bad_value_in_a_later_batch_leaves_the_old_table(door: Door, mode: str) -> None:
    table = door.create("id SMALLINT, note VARCHAR(5)")
    door.write(OLD, table)
    batches = [NEW, pl.DataFrame({"id": [70_000], "note": ["x"]})]
    with pytest.raises(
        ContractError, match=r"id: 1 value\(s\): 70000 does not fit (smallint|int2)"
    ):
        door.write(batches, table, mode=mode)
    assert door.read(table).sort("id").equals(OLD.cast({"id": pl.Int16}))


def test_a_table_that_was_created_for_a_failed_load_is_gone(door: Door) -> None:
    table = door.table()

    def source() -> Any:
        yield NEW
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        door.write(source(), table)
    assert db.table_columns(table, door.settings) is None


def test_an_empty_frame_never_empties_a_table_by_accident(door: Door) -> None:
    table = door.table()
    door.write(OLD, table)
    with pytest.raises(ContractError, match="allow_empty=True"):
        door.write(OLD.clear(), table, mode="replace")
    with pytest.raises(ContractError, match="allow_empty=True"):
        door.write(iter([]), table, mode="replace")
    assert door.write(OLD.clear(), table).rows == 0
    assert door.read(table).height == 3
    assert door.write(OLD.clear(), table, mode="replace", allow_empty=True).deleted == 3
    assert door.read(table).schema == OLD.schema
    door.write(OLD, table)
    assert door.write(iter([]), table, mode="replace", allow_empty=True).deleted == 3


@pytest.mark.parametrize("name", NAMES)
def test_any_name_round_trips(door: Door, name: str) -> None:
    for text in [name, *brackets(door)]:
        table = door.table(text).strip('"').replace('"', '""')
        frame = pl.DataFrame({text: [1, 2], f"{text} 2": ["a", None]})
        door.write(frame, f'"{table}"', mode="replace")
        door.write(frame, ("", table.replace('""', '"')), mode="append")
        assert door.read(f'"{table}"').equals(pl.concat([frame, frame]))


def test_every_kind_of_frame(door: Door) -> None:
    frame = pl.DataFrame({"id": [1, 2], "note": ["a", None]})
    arrow = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    kinds: dict[str, Any] = {
        "polars": frame,
        "lazy": frame.lazy(),
        "pandas": frame.to_pandas(),
        "pandas arrow": arrow.to_pandas(types_mapper=pd.ArrowDtype),
        "pandas with an index": frame.to_pandas().set_index(pd.Index([7, 8], name="ignored")),
        "arrow table": arrow,
        "arrow batch": arrow.to_batches()[0],
        "arrow reader": pa.RecordBatchReader.from_batches(arrow.schema, arrow.to_batches()),
        "a list": [frame.head(1), frame.tail(1).to_pandas()],
        "a generator": (frame[i : i + 1].select("note", "id") for i in range(2)),
    }
    for name, kind in kinds.items():
        table = door.table()
        assert door.write(kind, table).rows == 2, name
        assert door.read(table).sort("id").select("id", "note").equals(frame), name


def test_what_pandas_calls_missing_is_null(door: Door) -> None:
    frame = pd.DataFrame(
        {
            "f": [1.5, np.nan],
            "i": pd.array([2**60 + 1, None], dtype="Int64"),
            "t": [pd.Timestamp("2026-01-02"), pd.NaT],
            "s": ["a", None],
            "o": pd.Series([True, None], dtype=object),
        }
    )
    table = door.table()
    door.write(frame, table)
    back = door.read(table)
    assert back.row(0) == (1.5, 2**60 + 1, dt.datetime(2026, 1, 2), "a", True)  # noqa: DTZ001
    assert back.row(1) == (None,) * 5


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"id": [1]}, "can't take a frame from a dict"),
        (pd.DataFrame({"a": pd.Series([1, "x"], dtype=object)}), "column 'a' mixes types"),
        (pd.DataFrame({"a": pd.Series(["\ud800"], dtype=object)}), "not valid Unicode"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns have one name"),
        (pd.DataFrame({1: [1]}), "column names must be text"),
        (pd.Series([1]), "a pandas Series is no frame"),
        ([pl.DataFrame({"a": [1]}), pl.DataFrame({"b": [1]})], r"missing \['a'\], extra \['b'\]"),
        (pl.DataFrame({"a": [[1]]}), "no SQL type for List"),
    ],
)
def test_what_is_no_frame_is_named(door: Door, frame: Any, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        door.write(frame, door.table())


def test_one_error_names_every_column_at_fault(door: Door) -> None:
    table = door.create(
        "small SMALLINT NOT NULL, name VARCHAR(3), price DECIMAL(5, 2), day DATE, must INTEGER NOT NULL"
    )
    frame = pl.DataFrame(
        {
            "small": [1, None, 40_000],
            "name": ["abc", "abcd", "🎉🎉🎉🎉"],
            "price": [1.255, 2.5, 99_999.0],
            "day": ["2026-01-01"] * 3,
            "prise": [1, 2, 3],
        }
    )
    with pytest.raises(ContractError) as caught:
        door.write(frame, table)
    message = str(caught.value)
    assert "prise: the table has no such column (did you mean 'price'?)" in message
    assert "must: NOT NULL without a default, and the frame lacks it" in message
    assert "small: 1 null(s), and the column is NOT NULL or of the key" in message
    assert "small: 1 value(s): 40000 does not fit" in message
    assert ("name: 2 value(s): 'abcd'" in message) == door.keeps_lengths
    assert "price: 2 value(s): 1.255" in message
    assert "day: String does not go into date" in message
    assert door.read(table).is_empty()


def test_zones_are_never_dropped_or_invented(door: Door) -> None:
    naive = pl.DataFrame({"at": [dt.datetime(2026, 1, 1)]})  # noqa: DTZ001
    aware = pl.DataFrame({"at": [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)]})
    tables = {"naive": door.table(), "aware": door.table()}
    door.write(naive, tables["naive"])
    door.write(aware, tables["aware"])
    with pytest.raises(ContractError, match=r"at: aware datetimes \(UTC\) do not go into"):
        door.write(aware, tables["naive"])
    with pytest.raises(ContractError, match="at: naive datetimes do not go into"):
        door.write(naive, tables["aware"])
    tokyo = aware.with_columns(pl.col("at").dt.convert_time_zone("Asia/Tokyo"))
    door.write(tokyo, tables["aware"])
    assert door.read(tables["aware"])["at"].to_list() == aware["at"].to_list() * 2


def test_columns_that_the_frame_lacks_take_their_default(door: Door) -> None:
    table = door.create("id INTEGER, note VARCHAR(9) DEFAULT 'none', flag INTEGER")
    door.write(pl.DataFrame({"flag": [1], "id": [5]}), table)
    assert door.read(table).rows() == [(5, "none", 1)]


def test_a_nul_character_is_refused(door: Door) -> None:
    table = door.create("a VARCHAR(20)")
    with pytest.raises(ContractError, match=r"a: 1 value.*holds a NUL character"):
        door.write(pl.DataFrame({"a": ["x\0y"]}), table)


class Contract(dy.Schema):
    """A table for the tests below."""

    id = dy.Int64(primary_key=True)
    name = dy.String(max_length=10, nullable=True)
    price = dy.Decimal(10, 2, nullable=True)


def test_a_missing_table_is_created_from_the_contract(door: Door) -> None:
    table = door.table()
    frame = pl.DataFrame(
        {"id": [1], "name": ["a"], "price": [None]}, schema_overrides={"price": pl.Decimal(10, 2)}
    )
    door.write(frame, table, contract=Contract)
    columns = {c.name: c for c in db.table_columns(table, door.settings) or []}
    assert not columns["id"].nullable
    assert columns["name"].length == (10 if door.keeps_lengths else None)
    assert columns["price"].dtype == pl.Decimal(10, 2)
    with pytest.raises(LoadError):
        door.write(frame, table)  # the key


def test_a_frame_that_breaks_its_contract_is_refused(door: Door) -> None:
    table = door.table()
    frame = pl.DataFrame(
        {"id": [1, 1], "name": ["a", "far too long"], "price": [None, None]},
        schema_overrides={"price": pl.Decimal(10, 2)},
    )
    with pytest.raises(ContractError, match=r"2 row\(s\) break the contract Contract"):
        door.write(frame, table, contract=Contract)
    assert db.table_columns(table, door.settings) is None


def test_create_false_asks_for_the_table(door: Door) -> None:
    with pytest.raises(LoadError, match="has no table"):
        door.write(NEW, door.table(), create=False)


def test_an_unknown_mode_is_named(door: Door) -> None:
    with pytest.raises(ContractError, match=r"no mode 'replce'.*did you mean 'replace'"):
        door.write(NEW, door.table(), mode="replce")


def test_several_writes_are_published_together(door: Door) -> None:
    first, second = door.table("first"), door.table("second")
    door.write(OLD, first)
    with pytest.raises(ZeroDivisionError), db.transaction(door.settings) as tx:  # noqa: PT012
        tx.write_frame(NEW, first, mode="replace")
        tx.write_frame(NEW, second)
        assert tx.read_frame(first).height == 2
        raise ZeroDivisionError
    assert door.read(first).height == 3
    assert db.table_columns(second, door.settings) is None
    with db.transaction(door.settings) as tx:
        tx.write_frame(NEW, first, mode="replace")
        tx.write_frame(NEW, second)
        assert tx.execute(f"DELETE FROM {door.quoted(second)} WHERE id = :id", {"id": 10}) == 1
    assert door.read(first).height == 2
    assert door.read(second)["id"].to_list() == [20]


def test_replace_of_a_referenced_table_is_refused(door: Door) -> None:
    parent = door.create("id INTEGER NOT NULL PRIMARY KEY", "parent")
    child = door.create(
        f"id INTEGER, parent INTEGER REFERENCES {door.quoted(parent)} (id) {door.cascade}",
        "child",
    )
    door.write(pl.DataFrame({"id": [1, 2]}), parent)
    door.write(pl.DataFrame({"id": [1], "parent": [1]}), child)
    with pytest.raises(LoadError, match="is referenced by"):
        door.write(pl.DataFrame({"id": [1]}), parent, mode="replace")
    assert door.read(child).height == 1
    assert door.read(parent).height == 2


def test_dbo_is_the_default_schema_where_there_is_none(door: Door) -> None:
    table = door.table()
    door.write(NEW, f"dbo.{table}")
    assert door.read(f"[dbo].{table}").height == 2
    assert door.read(table).height == 2
