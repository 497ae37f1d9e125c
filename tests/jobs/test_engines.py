"""Every job on every engine: the tables are polars', row for row."""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from etl.config import load_config
from etl.contracts.shipments import Packed, Shipped
from etl.errors import ConfigError
from etl.io import db_helper as db
from etl.io.databases import close_databases
from etl.io.engines import FRAME_ENGINES, opened_engine, to_polars
from etl.jobs import job_names
from etl.kestra.render import render
from etl.runner import execute
from etl.testing._engines import spark_session
from tests.jobs.frames import frame_job, rows
from tests.jobs.orders import Line, orders_frame
from tests.requires import require_spark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.config import Config

ROOT = Path(__file__).parents[2]
NOW = dt.datetime(2026, 3, 2, 6, tzinfo=dt.UTC)
# Of the hour that summer time leaves out in Europe.
MOMENT = dt.datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=dt.UTC)
# bulk-orders goes by the same steps, and then finds nothing to do.
JOBS = (
    "order-staging", "bulk-orders", "subitems", "board-planning", "board-groups", "audit",
    "run-audit", "audit-report",
)  # fmt: skip
Tables = dict[str, pl.DataFrame]

VALUES = pl.DataFrame(
    {
        "text": ["é", None, "🎉"],
        "number": [1, None, 2**53 + 1],
        "day": [dt.date(1, 1, 1), None, dt.date(9999, 12, 31)],
        "at": [MOMENT.replace(tzinfo=None), None, NOW.replace(year=1, tzinfo=None)],
        "moment": [MOMENT, None, NOW],
        "clock": [dt.time(23, 59, 59, 999999), None, dt.time()],
        "nothing": [None, None, None],
    },
    schema_overrides={"number": pl.Int64, "moment": pl.Datetime("us", "UTC")},
).with_columns(
    price=pl.Series(["1.50", None, "-0.01"]).cast(pl.Decimal(38, 2)),
    places=pl.Series([2**64 - 1, None, 0], dtype=pl.UInt64),
    kind=pl.Series(["a", None, "b"], dtype=pl.Categorical),
    raw=pl.Series([b"\x00\xff", None, b""]),
)


def made(directory: Path) -> Config:
    """The shipped configuration with a small sample board, two orders, and what was shipped."""
    shutil.copytree(ROOT / "config", directory / "config")
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    text = text.replace("sample: true", "sample: true\n    sample_rows: 30", 1)
    (directory / "config.yaml").write_text(text, encoding="utf-8")
    config = load_config(directory / "config.yaml")
    orders = orders_frame([Line(0), Line(3, po="PO-7")])
    db.write_frame(orders, "dbo.orders_unified", config.database("orders"), mode="replace")
    scan = {"customer": "northwind", "po_number": "po-1", "style": "st-0", "color": "NAVY"}
    for contract, database, table in (
        (Packed, "distribution", "dbo.packed"),
        (Shipped, "warehouse", "dbo.shipped"),
    ):
        key = contract.primary_key()[0]
        found = [
            {**scan, "size": size, "quantity": quantity, key: at}
            for at, (size, quantity) in enumerate({"s": 1, "m": 2, "33DD": 5}.items())
        ]
        frame = pl.DataFrame(found, schema=pl.Schema(contract))
        db.write_frame(frame, table, config.database(database), mode="replace")
    return config


def result_of(engine: str, directory: Path) -> Tables:
    """All tables after all jobs, but those that tell of runs."""
    config = made(directory)
    for job in JOBS:
        result = execute(job, config, engine=engine, now=NOW, run_id=f"r-{job}")
        assert result.error is None, (job, result.error)
        assert result.phases["transform"] > 0
    with closing(sqlite3.connect(config.database("orders").database)) as connection:
        names = [name for (name,) in connection.execute("select name from sqlite_master")]
    told = [name for name in names if not name.startswith(("etl_runs", "sqlite_"))]
    return {name: db.read_frame(("main", name), config.database("orders")) for name in told}


@pytest.fixture(scope="module")
def on_polars(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DB_CONFIG_PATH", "ETL_PROFILE", "ETL_RUN_ID", "MONDAY_API_TOKEN"):
            patch.delenv(name, raising=False)
        yield result_of("polars", tmp_path_factory.mktemp("polars"))
        close_databases()


def test_the_jobs_are_all_there_are() -> None:
    assert set(JOBS) == set(job_names())


@pytest.mark.parametrize("name", ["pandas", pytest.param("spark", id="pyspark")])
def test_every_job_gives_the_tables_of_polars(
    name: str, on_polars: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "spark":
        require_spark()
        spark_session()  # the tests' own, which is the active one then
    found = result_of(name, tmp_path)
    assert set(found) == set(on_polars)
    assert {table for table, frame in found.items() if frame.height} >= {
        "board_planning", "board_groups", "customer_master_schedule", "audit_results",
        "customer_master_schedule_subitems", "audit_sample_summary", "order_staging",
    }  # fmt: skip
    for table, frame in found.items():
        assert_frame_equal(frame, on_polars[table], check_row_order=False, check_exact=True)


@pytest.mark.parametrize("name", [name for name in FRAME_ENGINES if name != "spark"])
def test_values_come_back_as_they_went(name: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    with opened_engine(name, load_config(tmp_path / "config.yaml")) as take:
        back = to_polars(take(VALUES))
    as_read = back.with_columns(pl.col("kind").cast(pl.String), pl.col("places").cast(pl.UInt64))
    assert_frame_equal(as_read, VALUES.with_columns(pl.col("kind").cast(pl.String)))


def test_the_configuration_names_the_engine_and_a_run_goes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.yaml").write_text(
        "databases: {test: {url: 'sqlite:///t.db'}}\nengine: pandas\n"
        "profiles: {lake: {engine: duckdb}}\n",
        encoding="utf-8",
    )
    seen: list[str] = []

    def noted(items: object) -> object:
        seen.append(type(items).__module__.partition(".")[0].strip("_"))
        return items

    job = frame_job(rows((1, "a")), "t", transform=noted)
    for profile, engine in ((None, None), ("lake", None), (None, "polars")):
        config = load_config(tmp_path / "config.yaml", profile=profile)
        assert execute(job, config, engine=engine).error is None
    assert seen == ["pandas", "duckdb", "polars"]
    with pytest.raises(ConfigError, match=r"did you mean 'spark'"):
        execute(job, load_config(tmp_path / "config.yaml"), engine="sparc")
    (tmp_path / "odd.yaml").write_text("databases: {}\nengine: sparc\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"engine: must be 'polars', .* or 'spark'"):
        load_config(tmp_path / "odd.yaml")


def test_without_java_or_pyspark_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyspark.sql import SparkSession

    (tmp_path / "config.yaml").write_text("databases: {test: {url: 'sqlite:///t.db'}}", "utf-8")
    config = load_config(tmp_path / "config.yaml")
    monkeypatch.setattr(SparkSession, "getActiveSession", classmethod(lambda cls: None))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    job = frame_job(rows((1, "a")), "t")
    assert "Spark needs Java" in str(execute(job, config, engine="spark").error)
    monkeypatch.setitem(__import__("sys").modules, "pyspark.errors", None)
    told = execute(job, config, engine="spark").error
    assert "pip install 'data-orchestration[spark]'" in str(told)


def flows(directory: Path, engine: str) -> Config:
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    (directory / "flows.yaml").write_text(f"{engine}\n{text}", encoding="utf-8")
    return load_config(directory / "flows.yaml")


def test_a_token_of_a_spark_server_is_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.yaml").write_text(
        "databases: {test: {url: 'sqlite:///t.db'}}\n"
        "spark: {remote: 'sc://spark.example/;token=${SPARK_TOKEN}', config: {spark.executor.cores: 2}}\n"
        "profiles:\n  cluster: {engine: spark}\n"
        "  open: {spark: {remote: 'sc://spark.example/;token=abcdef'}}\n",
        encoding="utf-8",
    )
    monkeypatch.delenv("SPARK_REMOTE", raising=False)
    monkeypatch.setenv("SPARK_TOKEN", "uvwxyz")
    config = load_config(tmp_path / "config.yaml")
    spark = config.spark()
    assert (spark.remote, spark.config) == (
        "sc://spark.example/;token=uvwxyz",
        {"spark.executor.cores": "2"},
    )
    assert "uvwxyz" not in repr(spark)
    assert (
        config.redact("at sc://spark.example/;token=uvwxyz") == "at sc://spark.example/;token=***"
    )
    assert config.literal_secrets() == ()
    # A flow is given the token only where its transforms run on Spark.
    assert config.variables(["test"]) == ()
    cluster = load_config(tmp_path / "config.yaml", profile="cluster")
    assert cluster.variables(["test"]) == ("SPARK_TOKEN",)
    assert "[spark]" in render("board-groups", flows(tmp_path, "engine: spark"))
    assert "[spark]" not in render("board-groups", flows(tmp_path, "engine: polars"))
    assert len(load_config(tmp_path / "config.yaml", profile="open").literal_secrets()) == 1
    monkeypatch.setenv("SPARK_REMOTE", "sc://other.example/;token=ghijkl")
    assert config.spark().remote == "sc://other.example/;token=ghijkl"
    assert "ghijkl" not in config.redact("sc://other.example/;token=ghijkl is not there")
