"""MariaDB by the general path: every mode, every type, and what it can't keep is refused."""

from __future__ import annotations

import datetime as dt
import os
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.config import DatabaseSettings
from etl.errors import ConfigError, ContractError, LoadError, TransientError
from etl.io import db_helper as db
from etl.io.databases import open_database
from tests.databases import Door, listens
from tests.io.test_modes import COLUMNS, KEY, STEPS, Model, expected, frame_of, rows_of
from tests.io.test_round_trip import KINDS, frames
from tests.requires import require

if TYPE_CHECKING:
    from collections.abc import Iterator

URL = os.environ.get("ETL_TEST_MYSQL_URL", "mariadb://root@127.0.0.1:3306/test")
AT = DatabaseSettings.from_url(URL, name="test")


@pytest.fixture(autouse=True, scope="module")
def _server() -> None:
    there = "ETL_TEST_MYSQL_URL" in os.environ or listens(AT.host or "127.0.0.1", AT.port or 3306)
    require(there, "a MariaDB server; set ETL_TEST_MYSQL_URL")


FEW = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
WIDER = {"f32": pl.Float64(), "lasting": pl.Int64(), "kind": pl.String()}
MOMENTS = st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2037, 12, 31))  # noqa: DTZ001
STORED = KINDS | {
    "utc": (pl.Datetime("us", "UTC"), MOMENTS.map(lambda m: m.replace(tzinfo=dt.UTC)))
}


@pytest.fixture
def door() -> Iterator[Door]:
    opened = Door("mysql", AT)
    yield opened
    opened.drop_tables()
    opened.database.close()


@pytest.fixture
def table(door: Door) -> str:
    # Keys are told apart to the byte, as the model's are.
    text = "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
    columns = COLUMNS.replace("FLOAT", "DOUBLE")
    return door.create(columns.replace("(10)", f"(10) {text}").replace("(20)", f"(20) {text}"))


@FEW
@given(frame=frames(STORED))
def test_every_type_comes_back_as_it_went_in(door: Door, frame: pl.DataFrame) -> None:
    table = door.create_like(KINDS)
    door.write(frame, table, mode="replace")
    wanted = frame.with_columns(
        pl.col(name).dt.total_microseconds() if name == "lasting" else pl.col(name).cast(dtype)
        for name, dtype in WIDER.items()
    )
    for back in (door.read(table), pl.concat(door.read(table, batch_rows=3))):
        assert back.schema == wanted.schema
        for name in wanted.columns:
            assert back[name].equals(wanted[name], null_equal=True), name


@FEW
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


def test_modes_by_key_at_size(door: Door) -> None:
    count = 20_000
    table = door.table()
    old = pl.DataFrame({"id": range(count), "note": ["a"] * count})
    door.write(old, table, mode="replace")
    new = old.select(pl.col("id") + 1000, note=pl.lit("b"))
    result = door.write(new, table, mode="sync", key="id")
    assert (result.inserted, result.updated, result.deleted) == (1000, count - 1000, 1000)
    assert door.read(table).sort("id").equals(new)


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (pl.DataFrame({"n": [2**40]}), "does not fit"),
        (pl.DataFrame({"s": ["abcd"]}), "is longer than 3"),
        (pl.DataFrame({"x": [float("nan")]}), "NaN"),
        (pl.DataFrame({"at": [dt.datetime(2040, 1, 1, tzinfo=dt.UTC)]}), "2040"),
        (pl.DataFrame({"d": [Decimal("1.234")]}), "1.234"),
        (pl.DataFrame({"t": [dt.datetime(2024, 1, 1, 0, 0, 0, 5)]}), "second"),  # noqa: DTZ001
    ],
)
def test_what_would_be_lost_is_refused(door: Door, frame: pl.DataFrame, says: str) -> None:
    table = door.create(
        "n INT, s VARCHAR(3), x DOUBLE, at TIMESTAMP(6) NULL, d DECIMAL(5, 2), t DATETIME"
    )
    with pytest.raises(ContractError, match=says):
        door.write(frame, table)
    assert door.read(table).is_empty()


def test_an_error_leaves_the_old_table(door: Door) -> None:
    table = door.create("id INT NOT NULL PRIMARY KEY, CHECK (id < 5000)")
    door.write(pl.DataFrame({"id": [1]}), table)
    for ids in ([*range(2, 4000), 2], [2, 6000]):
        for mode in ("append", "replace"):
            with pytest.raises(LoadError) as told:
                door.write(pl.DataFrame({"id": ids}), table, mode=mode)  # type: ignore[arg-type]
            assert not isinstance(told.value, TransientError)
    assert door.read(table)["id"].to_list() == [1]


def test_a_table_made_within_a_transaction_commits_nothing_else(door: Door) -> None:
    first, second = door.table("a"), door.table("b")
    frame = pl.DataFrame({"id": [1]})
    door.write(frame, first)
    with pytest.raises(ZeroDivisionError), db.transaction(AT) as tx:  # noqa: PT012
        tx.write_frame(frame, first)
        tx.write_frame(frame, second)
        raise ZeroDivisionError
    assert door.read(first).height == 1
    with pytest.raises(LoadError, match="has no table"):
        door.read(second)


def test_a_load_that_fails_leaves_no_new_table_but_never_takes_rows_of_others(door: Door) -> None:
    table = door.table()

    def batches(*, other: bool) -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"id": [1]})
        if other:
            with db.get_connection(AT) as connection:  # not by this package's loads, which wait
                connection.cursor().execute(f"INSERT INTO {door.quoted(table)} VALUES (7)")
        yield pl.DataFrame({"id": ["text"]})

    for other, left in ((False, None), (True, [7])):
        with pytest.raises(ContractError, match="id: String does not go"):
            door.write(batches(other=other), table)
        columns = db.table_columns(table, AT)
        assert (columns is None) == (left is None)
    assert door.read(table)["id"].to_list() == [7]


def test_a_column_is_not_added_where_that_would_commit(door: Door) -> None:
    table = door.create("id INT")
    with pytest.raises(ContractError, match="new: MariaDB commits when a table changes"):
        door.write(pl.DataFrame({"id": [1], "new": [1]}), table, on_new_columns="add")


def test_awkward_names_are_quoted(door: Door) -> None:
    table = door.table("we`ird; drop % -- 🙂"[:-2])
    frame = pl.DataFrame({"a`b %s c": [1, 2], "größe": ["x", None]})
    door.write(frame, table)
    door.write(frame, table, mode="upsert", key="a`b %s c")
    assert door.read(table).equals(frame)


def test_parameters_and_queries(door: Door) -> None:
    table = door.table()
    door.write(pl.DataFrame({"id": [1, 2, 3], "at": [dt.time(23, 59, 59, 1)] * 3}), table)
    sql = (
        f"select sum(id) as s, count(*) as n, max(at) as at from {door.quoted(table)} where id > :a"
    )
    assert door.read(sql, params={"a": 1}).rows() == [(Decimal(5), 2, dt.time(23, 59, 59, 1))]
    scanned = db.scan_frame(table, AT).filter(pl.col("id") == 2).collect()
    assert scanned["id"].to_list() == [2]


def test_a_loader_and_workers(door: Door) -> None:
    frame = pl.DataFrame({"id": [1]})
    result = door.write(frame, door.table(), loader="executemany", workers=4)
    assert (result.loader, result.workers) == ("executemany", 1)
    with pytest.raises(ContractError, match="no loader 'copy' for MariaDB: choose executemany"):
        door.write(frame, door.table(), loader="copy")


def test_another_load_of_the_table_is_waited_for(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("etl.io.databases.mysql._LOCK_SECONDS", 0)
    table = door.table()
    frame = pl.DataFrame({"id": [1]})
    door.write(frame, table)
    with db.transaction(AT) as tx:
        tx.write_frame(frame, table, mode="replace")
        with pytest.raises(TransientError, match="another load"), db.transaction(AT) as other:
            other.write_frame(frame, table, mode="replace")
    with db.transaction(AT) as tx:
        tx.write_frame(frame, table, mode="replace")


def test_one_holder_of_a_named_lock(door: Door) -> None:
    one, other = door.database.named_lock("job x"), door.database.named_lock("job x")
    assert one.take()
    assert not other.take()
    one.release()
    assert other.take()
    other.release()


def test_a_wrong_login_is_a_sentence_without_the_password(door: Door) -> None:
    at = DatabaseSettings.from_url("mariadb://nobody:s3cret@127.0.0.1:3306/test", name="w")
    with pytest.raises(ConfigError, match="check its username") as told:
        db.read_frame("select 1 as a", at)
    assert "s3cret" not in str(told.value)
    open_database(at).close()
