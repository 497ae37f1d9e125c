"""``etl check`` and the tables that jobs read: there or not yet, whole or drifted."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.config import Config, load_config
from etl.contracts.samples import TRUTH_TABLE, SampleAuditTruth
from etl.contracts.shipments import Packed
from etl.io.databases import close_databases
from etl.io.databases.columns import Column
from etl.io.sample_tables import fill
from etl.io.tables import TableRows, TableSource
from etl.jobs.base import Job, Table
from etl.runner import CheckItem, check, source_problems, table_problems
from tests.databases import settings_of, url_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PACKED = TableSource(database="distribution", table="dbo.packed", contract=Packed)
TRUTH = TableRows(database="orders", table=TRUTH_TABLE, contract=SampleAuditTruth)
JOB = Job(
    name="audits",
    inputs={"packed": PACKED, "truth": TRUTH},
    transform=lambda packed, truth: packed,
    outputs={"rows": Table("orders", "dbo.audited", contract=Packed)},
)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Config]:
    monkeypatch.delenv("MONDAY_API_TOKEN", raising=False)
    file = tmp_path / "config.yaml"
    file.write_text((ROOT / "config.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    yield load_config(file)
    close_databases()


def sources(config: Config, job: Job = JOB) -> list[CheckItem]:
    return [item for item in check(config, [job]) if item.what == "audits: source"]


def change(config: Config, *statements: str) -> None:
    close_databases()
    with closing(sqlite3.connect(config.database("distribution").database)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_what_is_not_there_yet_is_no_failure_on_a_laptop(config: Config) -> None:
    packed, truth = sources(config)
    assert (packed.ok, truth.ok) == (None, None)
    assert packed.detail == (
        "table dbo.packed in distribution is not there yet; `etl samples` makes the tables of "
        "orders and shipments"
    )
    assert truth.detail == (
        f"table {TRUTH_TABLE} in orders is not there yet; a run of the job that fills it creates it"
    )
    assert not Path(config.database("distribution").database).exists()


def test_samples_fit(config: Config) -> None:
    fill(config, 30, 0)
    assert [(item.ok, item.detail) for item in sources(config)] == [
        (True, "table dbo.packed in distribution fits its contract"),
        (True, f"table {TRUTH_TABLE} in orders fits its contract"),
    ]


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["alter table packed drop column style"], "style is missing"),
        (["alter table packed rename column quantity to qty"], "quantity is missing"),
        (
            ["alter table packed drop column quantity", "alter table packed add column quantity varchar(20)"],
            "quantity is varchar, the contract says Int64",
        ),
        (["drop table packed", "create table packed (packed_id bigint)"], "customer is missing; po_number is missing"),
    ],
)  # fmt: skip
def test_what_has_drifted_is_told(config: Config, statements: list[str], said: str) -> None:
    fill(config, 30, 0)
    change(config, *statements)
    packed, truth = sources(config)
    assert (packed.ok, truth.ok) == (False, True)
    assert packed.detail.startswith("table dbo.packed in distribution does not fit its contract: ")
    assert said in packed.detail


def test_an_empty_table_and_other_columns_are_fine(config: Config) -> None:
    fill(config, 0, 0)
    change(config, "alter table packed add column carton text")
    assert [item.ok for item in sources(config)] == [True, True]


def test_values_that_can_not_be_read_are_told(config: Config) -> None:
    fill(config, 30, 0)
    change(config, "update packed set quantity = 'twelve'")
    packed, _ = sources(config)
    assert packed.ok is False
    assert "twelve" in packed.detail


def test_a_database_that_can_not_be_reached_is_one_item(config: Config) -> None:
    text = config.path.read_text(encoding="utf-8")
    broken = text.replace("sqlite:///data/distribution.db", "postgresql://u@127.0.0.1:1/d", 1)
    config.path.write_text(broken, encoding="utf-8")
    items = check(load_config(config.path), [JOB])
    assert [item.what for item in items if item.ok is False] == ["database distribution"]
    assert [item.detail.partition(" is ")[0] for item in items if item.what == "audits: source"] == [f"table {TRUTH_TABLE} in orders"]  # fmt: skip


def test_a_database_that_nobody_knows_is_named(config: Config) -> None:
    elsewhere = replace(JOB, inputs={**JOB.inputs, "packed": replace(PACKED, database="elsewhere")})
    packed, _ = sources(config, elsewhere)
    assert packed.ok is False
    assert "elsewhere" in packed.detail


def test_on_a_server_a_source_has_to_be_there(tmp_path: Path) -> None:
    settings_of("postgresql", tmp_path)  # skips where there is no server
    file = tmp_path / "config.yaml"
    file.write_text(f"databases: {{orders: {{url: '{url_of('postgresql')}'}}}}", encoding="utf-8")
    source = TableSource(database="orders", table="public.nobody_made_this", contract=Packed)
    job = Job(name="audits", inputs={"packed": source}, transform=lambda packed: packed, outputs=JOB.outputs)  # fmt: skip
    [item] = sources(load_config(file), job)
    assert item.ok is False
    assert "table public.nobody_made_this in orders is not there" in item.detail
    close_databases()


def test_what_a_job_writes_and_reads_is_looked_at_once(config: Config) -> None:
    own = TableRows(database="orders", table="dbo.audited", contract=Packed)
    job = replace(JOB, inputs={**JOB.inputs, "truth": own})
    items = [item for item in check(config, [job]) if item.what.startswith("audits")]
    assert [item.what for item in items] == ["audits: table", "audits: source"]


class Money(dy.Schema):
    price = dy.Decimal(12, 2)
    count = dy.Int64()


DTYPES = st.sampled_from(
    [pl.Int16(), pl.Int64(), pl.Float64(), pl.String(), pl.Date(), pl.Decimal(12, 2), pl.Decimal(6, 2), pl.Decimal(18, 4)]
)  # fmt: skip


@given(price=DTYPES, count=DTYPES)
def test_a_table_that_holds_all_can_be_read(price: Any, count: Any) -> None:
    columns = [
        Column(name="price", type="a", dtype=price, nullable=False),
        Column(name="count", type="b", dtype=count, nullable=False),
    ]
    if not table_problems(Money, columns):
        assert source_problems(Money, columns) == []
    assert (source_problems(Money, columns) == []) == (
        (isinstance(price, pl.Decimal) or price.is_integer()) and count.is_integer()
    )


def test_digits_that_have_no_room_are_told() -> None:
    columns = [
        Column(name="price", type="numeric", dtype=pl.Decimal(10, 2), nullable=False),
        Column(name="count", type="bigint", dtype=pl.Int64(), nullable=False),
    ]
    assert table_problems(Money, columns) == [
        "price is numeric(10, 2), the contract allows Decimal(precision=12, scale=2)"
    ]
