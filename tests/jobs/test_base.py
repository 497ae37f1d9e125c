"""A job's parts work one by one, and a wrong declaration is refused when it is made."""

from __future__ import annotations

import ast
import datetime as dt
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from etl.config import load_config
from etl.errors import ConfigError, ContractError
from etl.io.monday.writer import MondayBoard
from etl.io.source import ReadContext
from etl.io.tables import TableRows
from etl.jobs import get_job, job_names, list_jobs
from etl.jobs.base import Call, Job, Table
from tests.jobs.frames import FrameReader, Items, frame_job, rows

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
ROWS = rows((1, "a"), (2, "too long"))


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DB_CONFIG_PATH", "ETL_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "config.yaml"
    file.write_text("databases: {test: {url: 'sqlite:///data/test.db'}}")
    return file


class TestJob:
    def test_parts_work_one_by_one(self, config_file: Path) -> None:
        job = frame_job(ROWS, "t")
        frames = job.read(limit=1)
        assert frames["items"].equals(ROWS.head(1))
        assert job.transform(frames["items"]).equals(ROWS.head(1))
        checked = job.preview()["items"]
        assert checked.good.equals(ROWS.head(1))
        assert checked.rejected["reason"].to_list() == ["name: longer than 5"]
        assert not (config_file.parent / "data").exists()

    def test_the_run_supplies_now_and_run_id(self) -> None:
        def transform(items: pl.DataFrame, now: dt.datetime, run_id: str) -> pl.DataFrame:
            return items.with_columns(name=pl.lit(f"{now:%H}{run_id}"))

        job = frame_job(ROWS, "t", transform=transform)
        given = job.apply({"items": ROWS}, now=NOW, run_id="x")
        assert given["items"]["name"].to_list() == ["12x", "12x"]

    def test_an_input_called_now_is_an_input(self) -> None:
        job = Job(
            name="j",
            inputs={"now": FrameReader(ROWS)},
            transform=lambda now: now,
            outputs={"o": Table("test", "t", contract=Items)},
        )
        assert job.apply({"now": ROWS}, now=NOW, run_id="x")["o"].equals(ROWS)

    def test_several_inputs_by_name_and_several_outputs(self) -> None:
        def transform(b: pl.DataFrame, a: pl.DataFrame) -> dict[str, Any]:
            return {"y": b, "x": a.lazy()}

        table = Table("test", "t", contract=Items)
        inputs = {"a": FrameReader(ROWS.head(1)), "b": FrameReader(ROWS)}
        job = Job(name="j", inputs=inputs, transform=transform, outputs={"x": table, "y": table})
        given = job.apply({"a": ROWS.head(1), "b": ROWS}, now=NOW, run_id="x")
        assert list(given) == ["x", "y"]
        assert given["x"].equals(ROWS.head(1))

    @pytest.mark.parametrize(
        "give", [lambda items: {"other": items}, lambda items: {"items": items, "more": items}]
    )
    def test_outputs_must_be_those_declared(self, give: Any) -> None:
        job = frame_job(ROWS, "t", transform=give)
        with pytest.raises(ContractError, match="the outputs are items"):
            job.apply({"items": ROWS}, now=NOW, run_id="x")

    @pytest.mark.parametrize("transform", [lambda: None, lambda a, b: a, lambda now: now])
    def test_parameters_must_fit(self, transform: Any) -> None:
        with pytest.raises(ConfigError, match="the inputs are items, but the transform takes"):
            frame_job(ROWS, "t", transform=transform)

    def test_payloads_take_the_inputs_that_they_name(self) -> None:
        def job(payloads: Any, transform: Any) -> Job:
            return Job(
                name="j",
                inputs={"a": FrameReader(ROWS), "b": FrameReader(ROWS.head(1))},
                transform=transform,
                outputs={"o": Table("test", "t", contract=Items)},
                call=Call(payloads=payloads, writer=MondayBoard(board="schedule")),
            )

        fits = job(lambda b: b, lambda a, results: a)
        frames = {"a": ROWS, "b": ROWS.head(1)}
        assert fits.payloads(frames, now=NOW, run_id="x").equals(ROWS.head(1))
        assert fits.apply(frames, now=NOW, run_id="x")["o"].equals(ROWS)
        with pytest.raises(ConfigError, match="but the transform takes no b"):
            job(lambda a: a, lambda a: a)
        with pytest.raises(ConfigError, match="but payloads takes c"):
            job(lambda c: c, lambda a, b: a)

    def test_needs_inputs_and_outputs(self) -> None:
        with pytest.raises(ConfigError, match="a job has inputs and outputs"):
            Job(name="j", inputs={}, transform=lambda a: a, outputs={})

    @pytest.mark.parametrize("kind", ["pandas", "pyarrow", "lazy"])
    def test_a_transform_may_give_any_frame(self, kind: str) -> None:
        def transform(items: pl.DataFrame) -> Any:
            if kind == "lazy":
                return items.lazy()
            return items.to_arrow() if kind == "pyarrow" else items.to_pandas()

        job = frame_job(ROWS, "t", transform=transform)
        assert job.apply({"items": ROWS}, now=NOW, run_id="x")["items"].equals(ROWS)


class TestTableRows:
    def test_a_missing_table_is_empty_and_stays_missing(self, config_file: Path) -> None:
        reader = TableRows(database="test", table="t", contract=Items)
        read = reader.read(ReadContext(config=load_config(config_file)))
        assert read.frame.schema == Items.create_empty().schema
        assert read.frame.is_empty()
        assert not (config_file.parent / "data").exists()
        assert reader.describe() == "table t in test"

    def test_reads_the_contracts_columns(self, config_file: Path) -> None:
        from etl.io import db_helper as db

        config = load_config(config_file)
        db.write_frame(pl.DataFrame({"id": [1], "more": ["x"]}), "t", config.database("test"))
        reader = TableRows(database="test", table="t", contract=Items)
        assert reader.read(ReadContext(config=config)).frame.equals(rows((1, None)))


class TestRegistry:
    def test_every_job_is_found_and_says_what_it_does(self) -> None:
        assert {"board-planning", "board-groups"} <= set(job_names())
        for info in list_jobs():
            job = get_job(info.name)
            assert (job.name, job.description, job.schedule) == (
                info.name,
                info.description,
                info.schedule,
            )
            assert job.description.endswith(".")

    def test_listing_imports_no_dataframe_library(self) -> None:
        code = (
            "import sys, etl.jobs; etl.jobs.list_jobs();"
            "print(sorted({'pandas','polars','sqlalchemy','pydantic','narwhals'} & set(sys.modules)))"
        )
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert run.stdout.strip() == "[]"

    def test_unknown(self) -> None:
        with pytest.raises(
            ConfigError, match="no job 'bord-planning'; did you mean 'board-planning'"
        ):
            get_job("bord-planning")
        with pytest.raises(ConfigError, match=r"no job 'xyz'; known are .*board-planning"):
            get_job("xyz")

    def test_jobs_are_declarations(self) -> None:
        # A module of imports and one Job: logic belongs to transforms and readers.
        for name in job_names():
            module = importlib.import_module(f"etl.jobs.{name.replace('-', '_')}")
            tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
            kinds = {type(node) for node in tree.body}
            assert kinds <= {
                ast.Expr,
                ast.ImportFrom,
                ast.Import,
                ast.Assign,
                ast.AnnAssign,
                ast.If,
            }
