"""The modes that go by key, against a dict as the model, on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.errors import ContractError, LoadError
from etl.io import db_helper as db

if TYPE_CHECKING:
    from tests.databases import Door

SCHEMA = {"id": pl.Int64, "part": pl.String, "note": pl.String, "amount": pl.Float64}
KEY = ["id", "part"]
COLUMNS = "id BIGINT NOT NULL, part VARCHAR(10) NOT NULL, note VARCHAR(20), amount FLOAT"

Row = tuple[str | None, float | None]
Model = dict[tuple[int, str], Row]

ROWS = st.dictionaries(
    st.tuples(st.integers(0, 4), st.sampled_from(["a", "b", "é"])),
    st.tuples(
        st.none() | st.sampled_from(["", "x", "X", "x ", "🎉"]),
        st.none() | st.sampled_from([0.0, 1.5, -2.0]),
    ),
    min_size=1,
    max_size=8,
)
STEPS = st.lists(
    st.tuples(st.sampled_from(["append", "insert", "upsert", "replace", "sync"]), ROWS),
    min_size=1,
    max_size=6,
)


def frame_of(rows: Model) -> pl.DataFrame:
    return pl.DataFrame([(*k, *v) for k, v in rows.items()], schema=SCHEMA, orient="row")


def rows_of(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return sorted(frame.rows(), key=repr)


def expected(mode: str, model: Model, rows: Model) -> tuple[Model, dict[str, int]]:
    """What the table holds afterwards, and the counts, by plain dicts."""
    new = [k for k in rows if k not in model]
    differing = [k for k in rows if k in model and model[k] != rows[k]]
    same = [k for k in rows if k in model and model[k] == rows[k]]
    gone = [k for k in model if k not in rows]
    if mode == "insert":
        counts = (len(new), 0, 0, len(rows) - len(new))
        return model | {k: rows[k] for k in new}, _counts(*counts)
    if mode == "upsert":
        return model | rows, _counts(len(new), len(differing), 0, len(same))
    if mode == "sync":
        return dict(rows), _counts(len(new), len(differing), len(gone), len(same))
    if mode == "replace":
        return dict(rows), _counts(len(rows), 0, len(model), 0)
    return model | rows, _counts(len(rows), 0, 0, 0)


def _counts(inserted: int, updated: int, deleted: int, unchanged: int) -> dict[str, int]:
    return {
        "inserted": inserted,
        "updated": updated,
        "deleted": deleted,
        "unchanged": unchanged,
    }


@pytest.fixture
def table(door: Door) -> str:
    return door.create(COLUMNS)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_any_sequence_of_modes_is_the_model(
    door: Door, table: str, steps: list[tuple[Any, Model]]
) -> None:
    door.execute(f"DELETE FROM {door.quoted(table)}")
    model: Model = {}
    for mode, rows in steps:
        fresh = rows if mode != "append" else {k: v for k, v in rows.items() if k not in model}
        if not fresh:
            continue
        model, counts = expected(mode, model, fresh)
        result = door.write(frame_of(fresh), table, mode=mode, key=KEY)
        assert {name: getattr(result, name) for name in counts} == counts, mode
        assert rows_of(door.read(table)) == rows_of(frame_of(model)), mode


@pytest.mark.parametrize("mode", ["insert", "upsert", "sync"])
def test_a_key_in_two_rows_is_refused(door: Door, table: str, mode: Any) -> None:
    frame = frame_of({(1, "a"): ("x", 1.0)})
    with pytest.raises(ContractError, match=r"1 key\(s\) \(id, part\) stand in more than one row"):
        door.write(pl.concat([frame, frame]), table, mode=mode, key=KEY)
    assert door.read(table).is_empty()


@pytest.mark.parametrize("mode", ["insert", "upsert", "sync"])
def test_a_null_in_the_key_is_refused(door: Door, mode: Any) -> None:
    table = door.create("id BIGINT, note VARCHAR(9)")
    frame = pl.DataFrame({"id": [1, None], "note": ["a", "b"]})
    with pytest.raises(ContractError, match=r"id: 1 null\(s\), .* of the key"):
        door.write(frame, table, mode=mode, key="id")
    assert door.read(table).is_empty()


@pytest.mark.parametrize("mode", ["insert", "upsert", "sync"])
def test_a_key_has_to_be_named_and_known(door: Door, table: str, mode: Any) -> None:
    frame = frame_of({(1, "a"): ("x", 1.0)})
    with pytest.raises(ContractError, match="needs a key"):
        door.write(frame, table, mode=mode)
    with pytest.raises(ContractError, match=r"names prt, which the frame lacks .*'part'"):
        door.write(frame, table, mode=mode, key=["id", "prt"])


def test_columns_that_the_frame_lacks_keep_their_value(door: Door, table: str) -> None:
    door.write(frame_of({(1, "a"): ("keep", 1.0)}), table)
    frame = pl.DataFrame({"id": [1, 2], "part": ["a", "a"], "amount": [9.0, 8.0]})
    result = door.write(frame, table, mode="upsert", key=KEY)
    assert (result.inserted, result.updated) == (1, 1)
    assert rows_of(door.read(table)) == [(1, "a", "keep", 9.0), (2, "a", None, 8.0)]


def test_a_frame_of_keys_alone(door: Door) -> None:
    table = door.create("id BIGINT NOT NULL")
    for mode, unchanged in (("upsert", 0), ("upsert", 2), ("sync", 2), ("insert", 2)):
        result = door.write(pl.DataFrame({"id": [1, 2]}), table, mode=mode, key="id")
        assert result.unchanged == unchanged, mode
    assert door.read(table)["id"].sort().to_list() == [1, 2]


def test_sync_of_a_table_that_held_a_key_twice(door: Door, table: str) -> None:
    frame = frame_of({(1, "a"): ("x", 1.0)})
    door.write(pl.concat([frame, frame]), table)
    door.write(frame_of({(1, "a"): ("x", 1.0), (2, "a"): ("y", 2.0)}), table, mode="sync", key=KEY)
    assert rows_of(door.read(table)) == [(1, "a", "x", 1.0), (2, "a", "y", 2.0)]


def test_replace_of_a_referenced_table_by_key_never_deletes_what_stays(door: Door) -> None:
    parent = door.create("id INTEGER NOT NULL PRIMARY KEY, note VARCHAR(9)", "parent")
    child = door.create(
        f"id INTEGER, parent INTEGER REFERENCES {door.quoted(parent)} (id) {door.cascade}",
        "child",
    )
    door.write(pl.DataFrame({"id": [1, 2], "note": ["a", "b"]}), parent)
    door.write(pl.DataFrame({"id": [7], "parent": [1]}), child)
    new = pl.DataFrame({"id": [1, 3], "note": ["changed", "c"]})
    result = door.write(new, parent, mode="replace", key="id")
    assert (result.inserted, result.updated, result.deleted) == (1, 1, 1)
    assert door.read(child).height == 1
    assert rows_of(door.read(parent)) == [(1, "changed"), (3, "c")]


def test_modes_by_key_are_right_at_size(door: Door) -> None:
    # DuckDB 2.0.0 joined nothing to a stage of over 122 880 rows; SQLite went row by row.
    count = 130_000
    table = door.table()
    old = pl.DataFrame({"id": range(count), "note": ["a"] * count})
    door.write(old, table, mode="replace")
    new = old.select(
        pl.col("id") + 1000, note=pl.when(pl.col("id") % 2 == 0).then(pl.lit("b")).otherwise("note")
    )
    result = door.write(new, table, mode="upsert", key="id")
    assert (result.inserted, result.updated, result.deleted) == (1000, (count - 1000) // 2, 0)
    result = door.write(new, table, mode="sync", key="id")
    assert (result.inserted, result.updated, result.deleted) == (0, 0, 1000)
    assert door.read(table).sort("id").equals(new)
    with pytest.raises(ContractError, match=rf"{count} key\(s\) \(id\) stand in more than one row"):
        door.write(pl.concat([new, new]), table, mode="insert", key="id")


def test_a_failed_sync_leaves_the_old_table(door: Door) -> None:
    table = door.create("id BIGINT NOT NULL, code INTEGER NOT NULL CHECK (code < 100)")
    door.write(pl.DataFrame({"id": [1, 2], "code": [1, 2]}), table)
    with pytest.raises(LoadError):
        door.write(pl.DataFrame({"id": [1, 3], "code": [9, 500]}), table, mode="sync", key="id")
    assert rows_of(door.read(table)) == [(1, 1), (2, 2)]


def test_modes_by_key_join_a_transaction(door: Door, table: str) -> None:
    with pytest.raises(ZeroDivisionError), db.transaction(door.settings) as tx:  # noqa: PT012
        tx.write_frame(frame_of({(1, "a"): ("x", 1.0)}), table, mode="upsert", key=KEY)
        tx.write_frame(frame_of({(1, "a"): ("y", 1.0)}), table, mode="sync", key=KEY)
        assert rows_of(tx.read_frame(table)) == [(1, "a", "y", 1.0)]
        raise ZeroDivisionError
    assert door.read(table).is_empty()
