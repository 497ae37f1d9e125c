"""Spark reads and writes by its own tasks: the rows and the promises are those of the one door."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from etl.config import DatabaseSettings, load_config
from etl.errors import ConfigError, ContractError, EtlError, LoadError
from etl.io import db_helper as db
from etl.io.databases import close_databases, open_database
from etl.io.spark.options import READ_OPTIONS, WRITE_OPTIONS, ReadRequest, WriteRequest
from tests.databases import POSTGRES_URL, settings_of
from tests.documents import blocks, rows_below
from tests.io.spark_tasks import DEATHS, HOW, MARKS
from tests.requires import require_spark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.io.sweeping import StagingTable

ROOT = Path(__file__).parents[2]
MOMENT = dt.datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=dt.UTC)
EARLY, LATE = dt.datetime.fromisoformat("1600-01-01"), dt.datetime.fromisoformat("2026-01-01")
NOW = dt.timedelta(0)
VALUES = pl.DataFrame(
    {
        "id": [3, None, 2**53 + 1, -7],
        "text": ["é", None, "🎉", ""],
        "day": [dt.date(1, 1, 1), None, dt.date(9999, 12, 31), dt.date(2026, 3, 1)],
        "at": [MOMENT.replace(tzinfo=None), None, EARLY, LATE],
        "moment": [MOMENT, None, MOMENT.replace(month=7), MOMENT.replace(year=1900)],
        "clock": [dt.time(23, 59, 59, 999999), None, dt.time(), dt.time(1)],
        "yes": [True, None, False, True],
        "part": [0.1, None, -1e300, 2.0],
        "raw": [b"\x00\xff", None, b"", b"a"],
    },
    schema_overrides={"id": pl.Int64, "moment": pl.Datetime("us", "UTC")},
).with_columns(price=pl.Series(["1.50", None, "-0.01", "0"]).cast(pl.Decimal(15, 2)))
OLD = pl.DataFrame({"id": [1, 2, 900], "note": ["old", "old", "old"], "quantity": [0, 0, 0]})
ROWS = 120
# One row in forty breaks the contract.
NEW = pl.DataFrame({"id": range(ROWS)}).with_columns(
    note=pl.concat_str(pl.lit("n é"), "id"),
    quantity=pl.when(pl.col("id") % 40 == 7).then(-1).otherwise(pl.col("id")),
)


class Site:
    """Databases that Spark's tasks find by a configuration of their own."""

    def __init__(self, directory: Path, postgres: str) -> None:
        self.config = directory / "config.yaml"
        self.config.write_text(
            f"databases:\n  lite: {{url: 'sqlite:///t.db'}}\n  pg: {{url: '{postgres}'}}\n",
            encoding="utf-8",
        )

    def settings(self, database: str) -> DatabaseSettings:
        return load_config(self.config).database(database)

    @staticmethod
    def table(database: str) -> str:
        if database == "pg":
            settings_of("postgresql", Path())  # skips where there is none
        return f"t_{uuid.uuid4().hex[:10]}"

    def options(self, database: str, table: str, **more: Any) -> dict[str, str]:
        given = {"database": database, "config": self.config, "table": table, **more}
        return {name: str(value) for name, value in given.items()}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    # A PostgreSQL database of its own: tests of another process sweep the usual one.
    name = f"etl_spark_{uuid.uuid4().hex[:10]}"
    url = urlsplit(POSTGRES_URL)
    on_server("CREATE", name)
    yield Site(tmp_path_factory.mktemp("spark"), url._replace(path=f"/{name}").geturl())
    close_databases()
    on_server("DROP", name, "WITH (FORCE)")  # an idle worker of Spark's may be connected


def on_server(verb: str, name: str, rest: str = "") -> None:
    server = open_database(DatabaseSettings.from_url(POSTGRES_URL))
    # Without a server its tests are skipped, or fail, by themselves.
    with suppress(EtlError), server.translated(), server.engine.connect() as connection:
        free = connection.execution_options(isolation_level="AUTOCOMMIT")
        free.exec_driver_sql(f"{verb} DATABASE {name} {rest}")


@pytest.fixture(scope="module")
def spark() -> Any:
    require_spark()
    from etl.io.spark import register
    from etl.testing._engines import spark_session

    session = spark_session()
    register(session)
    return session


def collected(frame: Any) -> pl.DataFrame:
    """Spark's rows; moments have the session's zone there."""
    rows: Any = pl.from_arrow(frame.toArrow())
    return rows.with_columns(pl.selectors.datetime(time_zone="*").dt.convert_time_zone("UTC"))


def rows_of(spark: Any, frame: pl.DataFrame) -> Any:
    return spark.createDataFrame(frame.to_arrow()).repartition(3, "id")


def save(frame: Any, options: dict[str, str], spark_mode: str = "append") -> None:
    frame.write.format("etl").options(**options).mode(spark_mode).save()


@pytest.mark.parametrize("database", ["lite", "pg"])
def test_what_spark_reads_is_what_read_frame_gives_and_goes_back(
    database: str, spark: Any, site: Site
) -> None:
    table, copy = site.table(database), site.table(database)
    settings = site.settings(database)
    db.write_frame(VALUES, table, settings)
    options = site.options(database, table, partition_on="id", partitions=3)
    frame = spark.read.format("etl").options(**options).load()
    found = collected(frame)
    expected = db.read_frame(table, settings)
    assert_frame_equal(found, expected, check_row_order=False, check_exact=True)
    save(frame, site.options(database, copy), "overwrite")
    assert_frame_equal(db.read_frame(copy, settings), expected, check_row_order=False)


@pytest.mark.parametrize("database", ["lite", "pg"])
def test_a_task_that_is_killed_is_done_again_and_nothing_doubles(
    database: str, spark: Any, site: Site, tmp_path: Path
) -> None:
    table = site.table(database)
    settings = site.settings(database)
    db.write_frame(OLD, table, settings)
    context = spark.sparkContext
    for name, value in {MARKS: str(tmp_path), DEATHS: "1", HOW: "exit"}.items():
        context.setLocalProperty(name, value)
    run_id = uuid.uuid4().hex
    options = site.options(
        database, table, mode="upsert", contract="tests.io.spark_tasks:Deadly", batch_rows=10,
        job="lines", run_id=run_id,
    )  # fmt: skip
    try:
        save(rows_of(spark, NEW), options)
    finally:
        context.setLocalProperty(MARKS, "")
    assert len(list(tmp_path.iterdir())) == 1, "the task has died once"
    good = NEW.filter(pl.col("quantity") >= 0)
    expected = pl.concat([OLD.filter(pl.col("id") == 900), good])
    assert_frame_equal(db.read_frame(table, settings), expected, check_row_order=False)
    aside = db.read_frame(
        "select table_name, job, reason, row from etl_quarantine where run_id = :run_id",
        settings,
        params={"run_id": run_id},
    )
    assert sorted(aside.rows()) == sorted(
        (table, "lines", "quantity: -1 is below 0",
         f'{{"id": {row}, "note": "n é{row}", "quantity": -1}}')
        for row in NEW.filter(pl.col("quantity") < 0)["id"]
    )  # fmt: skip
    assert left_over(settings) == []


def left_over(settings: DatabaseSettings) -> list[StagingTable]:
    return db.sweep(settings, older_than=NOW, dry_run=True)


def test_a_task_that_fails_for_good_leaves_the_table_and_nothing_else(
    spark: Any, site: Site, tmp_path: Path
) -> None:
    table = site.table("pg")
    settings = site.settings("pg")
    db.write_frame(OLD, table, settings)
    context = spark.sparkContext
    for name, value in {MARKS: str(tmp_path), DEATHS: "9", HOW: "raise"}.items():
        context.setLocalProperty(name, value)
    options = site.options(
        "pg", table, mode="replace", contract="tests.io.spark_tasks:Deadly", batch_rows=10
    )
    try:
        with pytest.raises(Exception, match="the task was made to fail"):
            save(rows_of(spark, NEW), options)
    finally:
        context.setLocalProperty(MARKS, "")
    assert len(list(tmp_path.iterdir())) == 3, "the task has failed three times"
    assert_frame_equal(db.read_frame(table, settings), OLD, check_row_order=False)
    assert left_over(settings) == []


@pytest.mark.parametrize("database", ["lite", "pg"])
def test_a_key_in_two_partitions_is_refused_in_our_words(
    database: str, spark: Any, site: Site
) -> None:
    table = site.table(database)
    settings = site.settings(database)
    db.write_frame(OLD, table, settings)
    # A union puts nothing together: in one batch the two would be set aside.
    frame = spark.createDataFrame(OLD.to_arrow()).union(spark.createDataFrame(OLD[:1].to_arrow()))
    options = site.options(database, table, contract="tests.io.spark_tasks:Lines")
    with pytest.raises(Exception, match=r"1 key\(s\) \(id\) stand in more than one row") as told:
        save(frame, options)
    assert "psycopg" not in str(told.value)
    assert_frame_equal(db.read_frame(table, settings), OLD, check_row_order=False)
    assert left_over(settings) == []


CONNECT = """
from pyspark.sql import SparkSession
from etl.io.spark import register

spark = (
    SparkSession.builder.remote("local[2]").config("spark.ui.enabled", "false")
    .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    .config("spark.sql.codegen.wholeStage", "false").config("spark.sql.adaptive.enabled", "false")
    .config("spark.log.level", "ERROR").getOrCreate()
)
register(spark)
{examples}
print("written over Spark Connect", type(spark).__module__)
spark.stop()
"""


def test_the_examples_of_the_documentation_run_over_spark_connect(
    spark: Any, tmp_path: Path
) -> None:
    text = (ROOT / "docs/spark.md").read_text(encoding="utf-8")
    session, *examples = [block.text for block in blocks(text) if block.language == "py"]
    assert "remote(" in session
    assert len(examples) == 2
    (tmp_path / "config.yaml").write_text(
        "databases: {orders: {url: 'sqlite:///orders.db'}}\n", encoding="utf-8"
    )
    settings = load_config(tmp_path / "config.yaml").database("orders")
    orders = pl.DataFrame({"order_id": range(9), "quantity": [n % 3 for n in range(9)]})
    db.write_frame(orders, "dbo.orders", settings)
    ours = ("SPARK_", "PYSPARK_", "DB_CONFIG_PATH", "ETL_")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CONNECT.replace("{examples}", "".join(examples))],
        cwd=tmp_path,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": sys.executable,
            "DB_CONFIG_PATH": str(tmp_path / "config.yaml"),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "written over Spark Connect pyspark.sql.connect" in done.stdout, "\n".join(
        line for line in done.stderr.splitlines() if not line.startswith("\tat ")
    )[-3000:]
    found = db.read_frame("dbo.open_orders", settings)
    expected = orders.filter(pl.col("quantity") > 0)
    assert_frame_equal(found, expected, check_row_order=False)


def test_every_option_is_told_and_no_other() -> None:
    text = (ROOT / "docs/spark.md").read_text(encoding="utf-8")
    for heading, options in (("## Reading", READ_OPTIONS), ("## Writing", WRITE_OPTIONS)):
        assert sorted(row[0].strip("`") for row in rows_below(text, heading)) == sorted(options)


READ = {"database": "lite", "table": "t"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tabel": "t"}, r"no option 'tabel'.*did you mean 'table'"),
        ({"query": "select 1"}, r"one of the options table and query"),
        ({"table": None, "query": "dbo.orders"}, r"query is a select"),
        ({"partitions": "0"}, r"partitions is a whole number from 1"),
        ({"contract": "json:dumps"}, r"json:dumps is no contract"),
        ({"database": None}, r"needs the option database"),
    ],
)
def test_an_option_that_there_is_not_is_told(change: dict[str, str | None], said: str) -> None:
    given = {name: value for name, value in (READ | change).items() if value is not None}
    with pytest.raises(ContractError, match=said):
        ReadRequest.of(given)


def test_how_to_write_is_said_as_for_write_frame_and_spark_mode_agrees() -> None:
    request = WriteRequest.of({**READ, "KEY": "id, size", "mode": "sync"}, overwrite=True)
    assert (request.options.mode, request.options.key) == ("sync", ["id", "size"])
    assert WriteRequest.of(READ, overwrite=True).options.mode == "replace"
    with pytest.raises(ContractError, match="did you mean 'upsert'"):
        WriteRequest.of({**READ, "mode": "upsrt"}, overwrite=False)
    with pytest.raises(ContractError, match=r"mode\('append'\)\.option\('mode', 'upsert'\)"):
        WriteRequest.of({**READ, "mode": "upsert"}, overwrite=True)


def test_no_secret_is_an_option_and_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no URL") as refused:
        ReadRequest.of({**READ, "database": "postgresql://me:hunter2@db/orders"})
    assert "hunter2" not in str(refused.value)
    config = tmp_path / "config.yaml"
    config.write_text(
        "databases: {far: {url: 'postgresql://me:hunter2@127.0.0.1:1/orders'}}\n", encoding="utf-8"
    )
    at = ReadRequest.of({**READ, "database": "far", "config": str(config)}).at
    with pytest.raises(LoadError) as told, at.opened() as database, database.begin():
        pass
    assert "hunter2" not in repr(at) + str(told.value)
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__
