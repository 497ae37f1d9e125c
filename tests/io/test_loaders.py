"""Every way in gives the same table, and several workers leave nothing half done."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
import uuid
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

from etl.errors import ConfigError, ContractError, LoadError, TransientError
from etl.io import db_helper as db
from etl.io.databases import open_database, postgres, side_by_side, sqlite_scratch
from etl.io.locks import lock_number
from tests.databases import Door, settings_of
from tests.io.test_modes import COLUMNS, KEY, STEPS, Model, expected, frame_of, rows_of
from tests.io.test_round_trip import KINDS, frames
from tests.io.test_round_trip import expected as in_the_engines_types

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from etl.io.databases.columns import TableName

WORKERS = 3
FEW = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def table(door: Door) -> str:
    return door.create(COLUMNS)


@pytest.fixture
def tiny_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames of a few rows are shared out among the workers, and among scratch files."""
    monkeypatch.setattr(side_by_side, "_LEAST_ROWS", 1)
    monkeypatch.setattr(sqlite_scratch, "_LEAST_ROWS", 1)


@FEW
@given(frame=frames())
def test_every_loader_and_worker_brings_every_type(
    door: Door, tiny_parts: None, frame: pl.DataFrame
) -> None:
    table = door.create_like(KINDS)
    wanted = in_the_engines_types(frame, door.dialect)
    for loader in door.database.loaders:
        for workers in (1, WORKERS) if door.database.parallel_loads else (1,):
            result = door.write(frame, table, mode="replace", loader=loader, workers=workers)
            assert (result.loader, result.workers, result.inserted) == (
                loader,
                workers,
                frame.height,
            )
            back = door.read(table)
            assert back.schema == wanted.schema
            assert told(back) == told(wanted), loader


def told(frame: pl.DataFrame) -> list[str]:
    """Rows in any order, as workers bring them; SQLite keeps no sign of a zero."""
    floats = pl.selectors.float()
    plain = frame.with_columns(pl.when(floats == 0).then(0.0).otherwise(floats).name.keep())
    return sorted(map(repr, plain.rows()))


@FEW
@given(steps=STEPS)
def test_any_sequence_of_modes_by_workers_is_the_model(
    door: Door, table: str, tiny_parts: None, steps: list[tuple[Any, Model]]
) -> None:
    door.execute(f"DELETE FROM {door.quoted(table)}")
    model: Model = {}
    for at, (mode, rows) in enumerate(steps):
        fresh = rows if mode != "append" else {k: v for k, v in rows.items() if k not in model}
        if not fresh:
            continue
        model, counts = expected(mode, model, fresh)
        loader = door.database.loaders[at % len(door.database.loaders)]
        result = door.write(
            frame_of(fresh), table, mode=mode, key=KEY, workers=WORKERS, loader=loader
        )
        assert {name: getattr(result, name) for name in counts} == counts, mode
        assert result.workers == (WORKERS if door.database.parallel_loads else 1)
        assert rows_of(door.read(table)) == rows_of(frame_of(model)), mode


@pytest.mark.parametrize("mode", ["append", "replace", "upsert"])
def test_a_fault_in_a_late_batch_leaves_the_old_table(door: Door, mode: Any) -> None:
    table = door.create("id BIGINT NOT NULL, code INTEGER NOT NULL CHECK (code < 5000)")
    old = pl.DataFrame({"id": [1], "code": [1]})
    door.write(old, table)
    good = pl.DataFrame({"id": range(10, 4010), "code": [1] * 4000})
    for loader in door.database.loaders:
        bad = pl.DataFrame({"id": [9], "code": [9999]})
        frame = pl.concat([good, bad.cast(good.schema)])
        with pytest.raises(LoadError):
            door.write(frame, table, mode=mode, key="id", loader=loader, workers=WORKERS)
        assert door.read(table).rows() == old.rows()


def test_a_stream_by_workers_is_whole_and_a_fault_of_its_source_leaves_the_old_table(
    door: Door,
) -> None:
    table = door.table()
    old = pl.DataFrame({"id": [1]})
    door.write(old, table)

    def batches(*, break_off: bool) -> Iterator[pl.DataFrame]:
        for start in range(0, 5000, 700):
            if break_off and start > 3000:
                raise ZeroDivisionError
            yield pl.DataFrame({"id": range(start, start + 700)})

    with pytest.raises(ZeroDivisionError):
        door.write(batches(break_off=True), table, mode="replace", workers=WORKERS)
    assert door.read(table)["id"].to_list() == [1]
    result = door.write(batches(break_off=False), table, mode="replace", workers=WORKERS)
    assert (result.rows, result.inserted, result.deleted) == (5600, 5600, 1)
    assert sorted(door.read(table)["id"]) == list(range(5600))


def test_workers_fill_a_table_that_only_their_transaction_knows(door: Door) -> None:
    table = door.table()
    frame = pl.DataFrame({"id": range(4000), "note": ["a"] * 4000})
    with db.transaction(door.settings) as tx:
        tx.write_frame(frame, table, workers=WORKERS)
        tx.write_frame(frame, table, mode="upsert", key="id", workers=WORKERS)
        assert tx.read_frame(table).height == 4000
    assert door.read(table).sort("id").equals(frame)


def test_an_unknown_loader_is_named_with_those_that_there_are(door: Door) -> None:
    first = door.database.loaders[0]
    with pytest.raises(ContractError, match=rf"no loader '{first}x' for {door.database.title}.*"):
        door.write(pl.DataFrame({"a": [1]}), door.table(), loader=f"{first}x")
    with pytest.raises(ContractError) as told:
        door.write(pl.DataFrame({"a": [1]}), door.table(), loader="teleport")
    assert all(name in str(told.value) for name in door.database.loaders)


@pytest.mark.parametrize("workers", [0, -1, 33, 1.5, True, "2", None])
def test_workers_are_counted_in_whole_numbers(door: Door, workers: Any) -> None:
    with pytest.raises(ContractError, match="workers is a whole number from 1 to 32"):
        door.write(pl.DataFrame({"a": [1]}), door.table(), workers=workers)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Door]:
    door = Door("sqlite", settings_of("sqlite", tmp_path))
    yield door
    door.database.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Door]:
    door = Door("postgresql", settings_of("postgresql", tmp_path))
    yield door
    door.drop_tables()


def test_sqlite_takes_adbc_for_large_frames_and_says_so(sqlite: Door) -> None:
    frame = pl.DataFrame({"id": range(20_000)})
    assert sqlite.write(frame, "large", mode="replace").loader == "adbc"
    assert sqlite.write(frame[:10], "small", mode="replace").loader == "executemany"
    assert sqlite.write(iter([frame]), "stream", mode="replace").loader == "executemany"
    with pytest.raises(ConfigError, match=r"'adbc' can't be used here: .*stream; choose exec"):
        sqlite.write(iter([frame]), "stream", loader="adbc")


def test_a_missing_package_is_named(sqlite: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_sqlite", None)
    frame = pl.DataFrame({"id": range(20_000)})
    assert sqlite.write(frame, "t").loader == "executemany"
    with pytest.raises(ConfigError, match=r"pip install 'data-orchestration\[sqlite\]'"):
        sqlite.write(frame, "t", loader="adbc")


def test_adbcs_sqlite_never_opens_the_database(
    sqlite: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two copies of SQLite on one file drop each other's locks (sqlite.org/howtocorrupt.html).
    import adbc_driver_sqlite as adbc

    opened: list[str] = []
    connect = adbc.connect

    def spying(uri: str, **options: Any) -> Any:
        opened.append(uri)
        return connect(uri, **options)

    monkeypatch.setattr(adbc, "connect", spying)
    sqlite.write(pl.DataFrame({"id": range(30_000)}), "t", mode="replace")
    assert len(opened) > 1
    assert all("etl_scratch_" in uri for uri in opened)
    assert sqlite.read("t").height == 30_000  # large: it is read by ADBC, too
    assert all("etl_scratch_" in uri for uri in opened)
    assert not any(sqlite_scratch.Path(uri).exists() for uri in opened)


def test_scratch_files_are_let_go_and_never_run_out(sqlite: Door) -> None:
    # SQLite attaches ten files at most; what a transaction attached stays until it ends.
    frame = pl.DataFrame({"id": range(40_000)})
    with db.transaction(sqlite.settings) as tx:
        ways = {tx.write_frame(frame, "t").loader for _ in range(6)}
    assert ways == {"adbc", "executemany"}
    assert sqlite.write(frame, "t").loader == "adbc"
    assert sqlite.read("t").height == 7 * 40_000
    with db.get_connection(sqlite.settings) as connection:
        names = [row[1] for row in connection.cursor().execute("PRAGMA database_list")]
    assert set(names) <= {"main", "temp"}


def test_scratch_rows_keep_the_frames_order_and_obey_the_target(sqlite: Door) -> None:
    table = sqlite.create(
        "id INTEGER PRIMARY KEY, note VARCHAR(9) COLLATE NOCASE UNIQUE, n DECIMAL(9,2) DEFAULT 7"
    )
    sqlite.execute("CREATE TABLE seen (id INT)")
    sqlite.execute(
        f"CREATE TRIGGER watch AFTER INSERT ON {table} BEGIN INSERT INTO seen VALUES (new.id); END"
    )
    frame = pl.DataFrame({"note": [f"n{n}" for n in range(30_000)], "id": range(30_000)})
    result = sqlite.write(frame, table, loader="adbc")
    assert (result.inserted, sqlite.read("seen").height) == (30_000, 30_000)
    back = sqlite.read(table)
    assert back["id"].to_list() == list(range(30_000))
    assert back["n"].unique().to_list() == [7]
    with pytest.raises(LoadError, match="UNIQUE"):
        sqlite.write(frame.with_columns(pl.col("id") + 50_000), table, loader="adbc")
    assert sqlite.read(table).height == 30_000


def test_a_table_with_row_level_security_takes_no_copy_but_inserts(server: Door) -> None:
    table = server.create("id BIGINT NOT NULL")
    role = f"etl_role_{uuid.uuid4().hex[:10]}"
    server.execute(f"CREATE ROLE {role} LOGIN")
    try:
        server.execute(f"GRANT SELECT, INSERT ON {table} TO {role}")
        server.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        server.execute(f"CREATE POLICY small ON {table} USING (true) WITH CHECK (id < 5)")
        at = dataclasses.replace(server.settings, username=role, password=None)
        frame = pl.DataFrame({"id": [1, 2]})
        # A lock needs more rights than INSERT; the policy is what this is about.
        server.execute(f"GRANT UPDATE ON {table} TO {role}")
        with pytest.raises(LoadError, match="row-level security"), db.transaction(at) as tx:
            tx.write_frame(frame, table, loader="copy")
        with db.transaction(at) as tx:
            result = tx.write_frame(frame, table, loader="executemany")
        assert (result.loader, result.inserted) == ("executemany", 2)
        with pytest.raises(LoadError, match="row-level security"), db.transaction(at) as tx:
            tx.write_frame(frame + 5, table, loader="executemany")
        assert server.read(table)["id"].sort().to_list() == [1, 2]
        open_database(at).close()
    finally:
        server.execute(f"DROP OWNED BY {role}")
        server.execute(f"DROP ROLE {role}")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[TableName]:
    """The names of the stages that are made."""
    names: list[TableName] = []

    def recorded(schema: str | None = None) -> TableName:
        names.append(new_stage(schema))
        return names[-1]

    new_stage = postgres.new_stage
    monkeypatch.setattr(postgres, "new_stage", recorded)
    return names


@pytest.mark.parametrize("fails", [False, True])
def test_the_workers_stage_goes_with_the_load(
    server: Door, made: list[TableName], fails: bool
) -> None:
    table = server.create('id BIGINT, "größe %s" VARCHAR(9) COLLATE "C", kind XML, at TIMESTAMP(3)')
    frame = pl.DataFrame({"id": range(4000), "größe %s": ["x"] * 4000})
    if fails:
        server.execute(f"ALTER TABLE {table} ADD CHECK (id < 3999)")
        with pytest.raises(LoadError, match="check constraint"):
            server.write(frame, table, workers=2)
    else:
        assert server.write(frame, table, workers=2).inserted == 4000
        assert server.write(frame, table, mode="sync", key="id", workers=2).unchanged == 4000
    for stage in made:
        assert db.table_columns((stage.schema, stage.name), server.settings) is None
    assert len(made) == (1 if fails else 2)


def test_a_stage_goes_though_the_session_that_made_it_is_lost(
    server: Door, made: list[TableName]
) -> None:
    table = server.table()
    old = pl.DataFrame({"id": [1]})
    server.write(old, table)

    def batches() -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"id": range(1000)})
        number = lock_number(f"stage {made[0].name}")
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
            f"AND classid = {number >> 32 & 0xFFFFFFFF} AND objid = {number & 0xFFFFFFFF}"
        )
        yield pl.DataFrame({"id": range(1000, 2000)})

    with pytest.raises(TransientError):
        server.write(batches(), table, mode="replace", workers=2)
    assert len(made) == 1  # what a generator has given can't be given again
    assert db.table_columns((made[0].schema, made[0].name), server.settings) is None
    assert server.read(table).rows() == old.rows()


def test_the_packages_that_loaders_need_are_installed() -> None:
    for name in ("adbc_driver_sqlite", "psycopg", "duckdb"):
        assert importlib.util.find_spec(name) is not None
