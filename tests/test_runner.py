"""The runner: everything or nothing, logged; a dry run leaves no trace."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.config import load_config
from etl.contracts.bookkeeping import QUARANTINE_TABLE, RUNS_TABLE, EtlRuns
from etl.errors import ConfigError, ContractError, EtlError, LoadError, SourceError
from etl.io import db_helper as db
from etl.io.databases.columns import Column
from etl.io.tables import live_columns
from etl.jobs.base import Job, Table
from etl.runner import (
    Changes,
    Reason,
    compare,
    execute,
    group_reasons,
    history,
    run,
    table_problems,
)
from tests.databases import ENGINES, settings_of, url_of
from tests.jobs.frames import FrameReader, Items, frame_job, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from etl.config import Config

NOW = dt.datetime(2026, 11, 23, 12, 30, 1, 234567, tzinfo=dt.UTC)
GOOD = rows((1, "a"), (2, None))
MIXED = rows((1, "a"), (2, "b"), (3, "too long"), (3, "c"), (4, "longer still"))
# Of MIXED, 3 is there twice and 4 is too long; 1 and 2 are good.


class Bench:
    """One database with a table and a job name of its own."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.settings = config.database("test")
        unique = uuid.uuid4().hex[:10]
        self.table = f"run_{unique}"
        self.job = f"job-{unique}"

    def execute(self, reader: Any, **options: Any) -> Any:
        return execute(self.make(reader), self.config, **options)

    def make(self, reader: Any, **options: Any) -> Job:
        return frame_job(reader, self.table, name=self.job, **options)

    def rows(self) -> list[tuple[Any, ...]] | None:
        if live_columns(self.settings, self.table) is None:
            return None
        return sorted(db.read_frame(self.table, self.settings).rows())

    def runs(self) -> list[dict[str, Any]]:
        return history(self.config, ["test"], job=self.job, limit=1000).rows(named=True)

    def quarantined(self) -> list[dict[str, Any]]:
        if live_columns(self.settings, QUARANTINE_TABLE) is None:
            return []
        frame = db.read_frame(QUARANTINE_TABLE, self.settings)
        return frame.filter(pl.col("job") == self.job).rows(named=True)

    def clean(self) -> None:
        for table in (self.table, f"{self.table}_2"):
            with suppress(LoadError):
                db.execute(f"drop table {table}", self.settings)
        for table in (RUNS_TABLE, QUARANTINE_TABLE):
            with suppress(LoadError):
                db.execute(
                    f"delete from {table} where job = :job", self.settings, {"job": self.job}
                )


@pytest.fixture(params=ENGINES)
def bench(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    for name in ("DB_CONFIG_PATH", "ETL_PROFILE", "ETL_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    settings_of(request.param, tmp_path)  # skips where there is no such server
    monkeypatch.setenv("BENCH_URL", url_of(request.param))
    (tmp_path / "config.yaml").write_text(
        "databases: {test: {url: '${BENCH_URL}'}}\nprofiles: {other: {}}", encoding="utf-8"
    )
    bench = Bench(load_config(tmp_path / "config.yaml"))
    yield bench
    bench.clean()


class TestRun:
    def test_loads_logs_and_sets_aside(self, bench: Bench) -> None:
        result = bench.execute(FrameReader(MIXED, notes=("a note",)), now=NOW, run_id="r1")
        assert result.exception is None
        assert (result.status, result.dry_run, result.run_id) == ("done", False, "r1")
        assert (result.rows_read, result.rows_written, result.rows_quarantined) == (5, 2, 3)
        assert result.notes == ("a note",)
        assert set(result.phases) == {"read", "transform", "check", "write"}
        assert bench.rows() == [(1, "a"), (2, "b")]
        [logged] = bench.runs()
        assert logged["finished_at"] >= NOW
        assert {name: logged[name] for name in logged if name != "finished_at"} == {
            "run_id": "r1", "job": bench.job, "attempt": 1, "profile": None, "version": "0.1.0",
            "started_at": NOW, "status": "done", "rows_read": 5, "rows_written": 2,
            "rows_quarantined": 3, "error": None, "database": "test",
        }  # fmt: skip
        aside = bench.quarantined()
        assert [json.loads(row["row"])["id"] for row in aside] == [3, 3, 4]
        assert {(row["run_id"], row["time"], row["table_name"]) for row in aside} == {
            ("r1", NOW, bench.table)
        }
        assert aside[2]["reason"] == "name: longer than 5"

    def test_again_gives_the_same_table(self, bench: Bench) -> None:
        for _ in range(2):
            bench.execute(GOOD)
        assert bench.rows() == sorted(GOOD.rows())
        assert [logged["status"] for logged in bench.runs()] == ["done", "done"]

    def test_append_keeps_the_old_rows_and_takes_no_rows(self, bench: Bench) -> None:
        for frame in (rows((1, "a")), rows((2, "b")), rows()):
            job = bench.make(frame, mode="append")
            assert execute(job, bench.config).status == "done"
        assert bench.rows() == [(1, "a"), (2, "b")]

    def test_result_is_json(self, bench: Bench) -> None:
        for dry_run in (True, False):
            told = json.loads(json.dumps(bench.execute(MIXED, dry_run=dry_run).as_dict()))
            assert {"status", "rows_read", "rows_written", "rows_quarantined", "seconds", "run_id"} <= set(told)  # fmt: skip
            assert "exception" not in told

    def test_run_id_comes_from_the_orchestrator_and_attempts_are_counted(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ETL_RUN_ID", "execution-1")
        bench.execute(FrameReader(GOOD, error=SourceError("board locked")))
        assert bench.execute(GOOD).run_id == "execution-1"
        logged = [(row["run_id"], row["attempt"], row["status"]) for row in bench.runs()]
        assert logged == [("execution-1", 2, "done"), ("execution-1", 1, "failed")]

    def test_new_run_ids_differ(self, bench: Bench) -> None:
        assert bench.execute(GOOD, now=NOW).run_id != bench.execute(GOOD, now=NOW).run_id

    def test_profile_is_logged(self, bench: Bench) -> None:
        other = load_config(bench.config.path, "other")
        assert execute(bench.make(GOOD), other).status == "done"
        assert bench.runs()[0]["profile"] == "other"

    def test_progress_and_options_reach_the_reader(self, bench: Bench) -> None:
        reader, calls = FrameReader(GOOD), []
        bench.execute(reader, progress=lambda *call: calls.append(call), allow_empty=True, limit=1)
        [context] = reader.contexts
        context.progress("x", 1, None)
        assert calls == [("x", 1, None)]
        assert (context.limit, context.allow_empty, context.config) == (1, True, bench.config)


class TestFailure:
    """Whatever fails: the table is as it was, the failure is logged, run() raises it."""

    @pytest.fixture(autouse=True)
    def _a_table_is_there(self, bench: Bench) -> None:
        bench.execute(GOOD, now=NOW)

    def failed(self, bench: Bench, result: Any) -> str:
        assert (result.status, result.rows_written) == ("failed", 0)
        assert bench.rows() == sorted(GOOD.rows())
        assert bench.quarantined() == []
        latest = bench.runs()[0]
        assert (latest["status"], latest["error"]) == ("failed", result.error)
        assert latest["finished_at"] is not None
        return str(result.error)

    def test_source(self, bench: Bench) -> None:
        error = SourceError("page 2 could not be read")
        result = bench.execute(FrameReader(GOOD, error=error))
        assert self.failed(bench, result) == "page 2 could not be read"
        assert result.exception is error

    def test_transform(self, bench: Bench) -> None:
        def broken(items: pl.DataFrame) -> pl.DataFrame:
            raise KeyError("colour")

        result = execute(bench.make(GOOD, transform=broken), bench.config)
        assert self.failed(bench, result) == "unexpected KeyError: 'colour'"
        with pytest.raises(KeyError):
            run(bench.make(GOOD, transform=broken), bench.config)

    def test_columns_that_the_contract_does_not_know(self, bench: Bench) -> None:
        result = bench.execute(GOOD.with_columns(more=pl.lit(1)))
        assert "more" in self.failed(bench, result)

    def test_strict(self, bench: Bench) -> None:
        result = bench.execute(MIXED, strict=True)
        assert result.rows_quarantined == 3
        assert "3 rows broke the contract and the run is strict" in self.failed(bench, result)

    def test_nothing_but_rejected_rows(self, bench: Bench) -> None:
        result = bench.execute(rows((9, "too long")))
        assert "of 1 row none keeps the contract" in self.failed(bench, result)

    def test_empty_source(self, bench: Bench) -> None:
        result = bench.execute(rows())
        assert "--allow-empty" in self.failed(bench, result)

    def test_write(self, bench: Bench) -> None:
        # The second output can't be written: the first and the rows set aside go back with it.
        db.write_frame(
            pl.DataFrame({"id": [1], "other": ["x"]}), f"{bench.table}_2", bench.settings
        )
        job = Job(
            name=bench.job,
            inputs={"items": FrameReader(MIXED)},
            transform=lambda items: {"one": items, "two": items},
            outputs={
                "one": Table("test", bench.table, contract=Items),
                "two": Table("test", f"{bench.table}_2", contract=Items),
            },
        )
        result = execute(job, bench.config)
        assert "name" in self.failed(bench, result)
        assert result.rows_quarantined == 6

    def test_interrupted(self, bench: Bench) -> None:
        with pytest.raises(KeyboardInterrupt):
            bench.execute(FrameReader(GOOD, error=KeyboardInterrupt()))
        assert bench.runs()[0]["error"] == "interrupted"
        assert bench.rows() == sorted(GOOD.rows())

    def test_secrets_are_not_logged(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MONDAY_API_TOKEN", "hunter2/x")
        for text in ("token hunter2/x", "url ?t=hunter2%2Fx"):
            result = bench.execute(FrameReader(GOOD, error=RuntimeError(text)))
            assert "hunter2" not in self.failed(bench, result)
            assert "***" in result.error

    def test_long_errors_fit(self, bench: Bench) -> None:
        result = bench.execute(FrameReader(GOOD, error=SourceError("👕" * 5000)))
        assert result.status == "failed"
        assert len(bench.runs()[0]["error"]) == 2000

    def test_allow_empty(self, bench: Bench) -> None:
        assert bench.execute(rows(), allow_empty=True).status == "done"
        assert bench.rows() == []


class TestDryRun:
    def test_no_table(self, bench: Bench) -> None:
        reader = FrameReader(MIXED)
        result = bench.execute(reader, dry_run=True)
        [output] = result.outputs
        assert (result.status, result.rows_read, result.rows_written) == ("done", 5, 0)
        assert output.plan.created
        assert output.changes == Changes(inserted=2)
        assert (output.rows, output.rows_quarantined) == (2, 3)
        assert bench.rows() is None
        assert bench.runs() == []
        assert bench.quarantined() == []
        if bench.settings.engine in ("sqlite", "duckdb"):
            assert not (bench.config.path.parent / "data").exists()

    def test_a_table(self, bench: Bench) -> None:
        bench.execute(rows((1, "a"), (2, "b"), (3, "c")))
        result = bench.execute(rows((1, "a"), (2, None), (4, "d"), (5, "too long")), dry_run=True)
        [output] = result.outputs
        assert output.changes == Changes(inserted=1, updated=1, deleted=1, unchanged=1)
        assert not output.plan.created
        assert bench.rows() == [(1, "a"), (2, "b"), (3, "c")]
        assert len(bench.runs()) == 1
        assert bench.quarantined() == []

    @pytest.mark.parametrize("mode", ["insert", "upsert", "sync"])
    def test_tells_what_the_run_then_does(self, bench: Bench, mode: str) -> None:
        bench.execute(rows((1, "a"), (2, "b"), (3, "c")))
        job = bench.make(rows((1, "a"), (2, None), (4, "d")), mode=mode)
        [planned] = execute(job, bench.config, dry_run=True).outputs
        [done] = execute(job, bench.config).outputs
        assert planned.changes == done.changes

    def test_append(self, bench: Bench) -> None:
        bench.execute(GOOD)
        job = bench.make(rows((3, "a")), mode="append")
        [output] = execute(job, bench.config, dry_run=True).outputs
        assert output.changes == Changes(inserted=1)

    def test_how_the_schema_differs(self, bench: Bench) -> None:
        frame = pl.DataFrame({"id": [1], "extra": ["x"]})
        db.write_frame(frame, bench.table, bench.settings)
        [output] = bench.execute(rows((1, "a")), dry_run=True).outputs
        assert output.plan.missing_columns == ("name",)
        assert output.plan.other_columns == ("extra",)
        assert output.changes == Changes(updated=1)

    def test_limit_implies_it(self, bench: Bench) -> None:
        result = bench.execute(GOOD, limit=1)
        assert (result.dry_run, result.rows_read) == (True, 1)
        assert bench.rows() is None
        with pytest.raises(ConfigError, match="--limit must be at least 1"):
            bench.execute(GOOD, limit=0)

    @pytest.mark.parametrize(
        ("frame", "options"), [(rows(), {}), (rows((9, "too long")), {}), (MIXED, {"strict": True})]
    )
    def test_fails_as_the_run_would(
        self, bench: Bench, frame: pl.DataFrame, options: dict[str, Any]
    ) -> None:
        result = bench.execute(frame, dry_run=True, **options)
        assert result.status == "failed"
        assert bench.runs() == []


class TestHistory:
    def test_a_killed_run_is_interrupted_once_another_has_started(self, bench: Bench) -> None:
        killed = {
            "run_id": "k", "job": bench.job, "attempt": 1, "version": "1", "status": "running",
            "started_at": NOW - dt.timedelta(hours=1),
        }  # fmt: skip
        schema = EtlRuns.create_empty().schema
        frame = pl.DataFrame([{name: killed.get(name) for name in schema}], schema=schema)
        db.write_frame(frame, RUNS_TABLE, bench.settings, contract=EtlRuns)
        assert [row["status"] for row in bench.runs()] == ["running"]
        bench.execute(GOOD, now=NOW)
        assert [row["status"] for row in bench.runs()] == ["done", "interrupted"]

    def test_limit_and_unknown_tables(self, bench: Bench) -> None:
        bench.execute(GOOD)
        bench.execute(GOOD)
        assert history(bench.config, ["test"], job=bench.job, limit=1).height == 1
        with pytest.raises(ConfigError, match="at least 1"):
            history(bench.config, ["test"], limit=0)


def test_an_unreachable_database_fails_before_the_source_is_read(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("databases: {test: {url: 'sqlite:///config.yaml/test.db'}}")
    reader = FrameReader(GOOD)
    result = execute(frame_job(reader, "t"), load_config(file))
    assert isinstance(result.exception, EtlError)
    assert reader.contexts == []


def test_a_missing_variable_fails_before_the_source_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_PASSWORD", raising=False)
    file = tmp_path / "config.yaml"
    file.write_text("databases: {test: {url: 'postgresql://u:${NO_SUCH_PASSWORD}@h/d'}}")
    reader = FrameReader(GOOD)
    with pytest.raises(ConfigError, match="NO_SUCH_PASSWORD is not set"):
        run(frame_job(reader, "t"), load_config(file))
    assert reader.contexts == []


SMALL = st.lists(
    st.tuples(st.integers(0, 6), st.none() | st.sampled_from(["a", "b", ""])), max_size=8
)


class TestCompare:
    @given(before=SMALL, after=SMALL)
    def test_by_key_is_what_a_dict_says(self, before: list[Any], after: list[Any]) -> None:
        old, new = dict(before), dict(after)
        assert compare(rows(*old.items()), rows(*new.items()), ["id"]) == Changes(
            inserted=len(new.keys() - old.keys()),
            deleted=len(old.keys() - new.keys()),
            updated=sum(old[key] != new[key] for key in old.keys() & new.keys()),
            unchanged=sum(old[key] == new[key] for key in old.keys() & new.keys()),
        )

    @given(before=SMALL, after=SMALL)
    def test_without_a_key_is_what_a_counter_says(
        self, before: list[Any], after: list[Any]
    ) -> None:
        old, new = Counter(before), Counter(after)
        assert compare(rows(*before), rows(*after)) == Changes(
            inserted=(new - old).total(),
            deleted=(old - new).total(),
            unchanged=(old & new).total(),
        )

    def test_columns_of_any_name_and_order(self) -> None:
        before = pl.DataFrame({"number": [1, 2], "row_after": [float("nan"), 1.0]})
        after = before.select("row_after", "number")
        assert compare(before, after, ["number"]) == Changes(unchanged=2)


def test_reasons_are_grouped_by_what_they_say() -> None:
    reasons = ["q: 'a' is no number", "q: -1 is below 0", "q: \"it's\" is no number", "q: -25 is below 0", "q: -3 is below 0"]  # fmt: skip
    assert group_reasons(reasons) == (
        Reason(reason="q: -1 is below 0", rows=3),
        Reason(reason="q: 'a' is no number", rows=2),
    )


class TestTableProblems:
    class Wide(dy.Schema):
        id = dy.Int64(primary_key=True)
        name = dy.String(nullable=True, max_length=50)
        note = dy.String(nullable=True)
        done = dy.Bool(nullable=True)

    FITS = (
        Column(name="id", type="bigint", dtype=pl.Int64(), nullable=False),
        Column(name="name", type="nvarchar", dtype=pl.String(), length=50),
        Column(name="note", type="nvarchar", dtype=pl.String()),
        Column(name="done", type="bit", dtype=pl.Boolean()),
    )

    def test_fits(self) -> None:
        more = Column(name="more", type="int", dtype=pl.Int32(), nullable=False, has_default=True)
        assert table_problems(self.Wide, [*self.FITS, more]) == []

    def test_problems(self) -> None:
        columns = [
            Column(name="name", type="nvarchar", dtype=pl.String(), length=20),
            Column(name="note", type="nvarchar", dtype=pl.String(), length=20, nullable=False),
            Column(name="done", type="int", dtype=pl.Int32()),
            Column(name="more", type="int", dtype=pl.Int32(), nullable=False),
        ]
        assert table_problems(self.Wide, columns) == [
            "id is missing",
            "name is nvarchar(20), the contract allows 50",
            "note is nvarchar(20), the contract allows any length",
            "note refuses nulls, the contract allows them",
            "done is int, the contract says Boolean",
            "more must be filled, and the contract does not know it",
        ]


def test_a_fresh_table_fits_its_contract(bench: Bench) -> None:
    bench.execute(GOOD)
    columns = live_columns(bench.settings, bench.table)
    assert columns is not None
    assert table_problems(Items, columns) == []


def test_run_raises_what_made_it_fail(bench: Bench) -> None:
    bench.execute(GOOD)
    with pytest.raises(ContractError):
        run(bench.make(rows((9, "too long"))), bench.config)


def test_interrupted_before_its_start_was_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stopped() -> str:
        raise KeyboardInterrupt

    (tmp_path / "config.yaml").write_text("databases: {test: {url: 'sqlite:///new.db'}}")
    bench = Bench(load_config(tmp_path / "config.yaml"))
    monkeypatch.setattr("etl.runner._log.package_version", stopped)
    with pytest.raises(KeyboardInterrupt):
        bench.execute(FrameReader(GOOD))
    assert caplog.messages == []  # no row, no table to have one in: nothing went wrong with it
    assert bench.runs() == []
