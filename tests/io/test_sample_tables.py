"""The sample tables in databases: all of them or none, and never over what is somebody's own."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from etl.config import Config, load_config
from etl.contracts.samples import TRUTH_TABLE
from etl.errors import ConfigError, EtlError
from etl.io import db_helper as db
from etl.io.databases import close_databases
from etl.io.sample_tables import fill
from etl.samples.tables import sample_tables
from tests.requires import require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATABASES = ("orders", "distribution", "warehouse")
HEIGHTS = {f"{made.table} in {made.database}": made.rows.height for made in sample_tables(60, 1)}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_databases()


def config(directory: Path, *urls: str) -> Config:
    """A configuration of the three databases; one URL, with ``{}`` for a name, is enough."""
    urls = tuple(urls[0].format(name) for name in DATABASES) if len(urls) == 1 else urls
    entries = "".join(f"  {name}: {{url: '{url}'}}\n" for name, url in zip(DATABASES, urls, strict=True))  # fmt: skip
    file = directory / "config.yaml"
    file.write_text(f"databases:\n{entries}", encoding="utf-8")
    return load_config(file)


def everything(made: Config) -> dict[str, list[Any]]:
    tables = (("orders", "dbo.orders_unified"), ("distribution", "dbo.packed"), ("warehouse", "dbo.shipped"), ("orders", TRUTH_TABLE))  # fmt: skip
    return {table: db.read_frame(table, made.database(name)).rows() for name, table in tables}


@pytest.mark.parametrize("database", ["sqlite", "duckdb"])
def test_the_tables_hold_the_samples(tmp_path: Path, database: str) -> None:
    if database == "duckdb":
        require(find_spec("duckdb_engine") is not None, "duckdb_engine (uv sync --extra duckdb)")
    made = config(tmp_path, f"{database}:///data/{{}}.{database}")
    assert fill(made, 60, 1) == HEIGHTS
    for sample in sample_tables(60, 1):
        live = db.read_frame(sample.table, made.database(sample.database), contract=sample.contract)
        assert live.equals(sample.rows.select(live.columns), null_equal=True)
        assert live.columns == sample.rows.columns


def test_again_they_are_replaced(tmp_path: Path) -> None:
    made = config(tmp_path, "sqlite:///data/{}.db")
    fill(made, 60, 1)
    first = everything(made)
    fill(made, 80, 2)
    assert everything(made) != first
    assert fill(made, 60, 1) == HEIGHTS
    assert everything(made) == first
    assert set(fill(made, 0, 0).values()) == {0}
    assert not any(everything(made).values())


def test_three_names_of_one_database(tmp_path: Path) -> None:
    made = config(tmp_path, "sqlite:///data/all.db")
    assert fill(made, 60, 1) == HEIGHTS
    assert len(everything(made)[TRUTH_TABLE]) == HEIGHTS[f"{TRUTH_TABLE} in orders"]


def test_servers_are_left_alone(tmp_path: Path) -> None:
    server = "postgresql://etl:geheim@127.0.0.1:1/orders"
    made = config(tmp_path, "sqlite:///a.db", server, "sqlite:///c.db")
    with pytest.raises(ConfigError, match=r"distribution \(postgresql://127.0.0.1:1/orders\)") as caught:  # fmt: skip
        fill(made, 60, 1)
    assert "--force" in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert not (tmp_path / "a.db").exists()


def test_rows_of_ones_own_are_left_alone(tmp_path: Path) -> None:
    made = config(tmp_path, "sqlite:///data/{}.db")
    own = sample_tables(3, 9)[1]
    db.write_frame(own.rows, own.table, made.database("distribution"), contract=own.contract)
    with pytest.raises(ConfigError, match=r"dbo\.packed in distribution has rows that are no samples"):  # fmt: skip
        fill(made, 60, 1)
    assert db.read_frame("dbo.packed", made.database("distribution")).height == own.rows.height
    assert not (tmp_path / "data" / "orders.db").exists()
    assert fill(made, 60, 1, force=True) == HEIGHTS


def test_an_empty_table_is_nobodys(tmp_path: Path) -> None:
    made = config(tmp_path, "sqlite:///data/{}.db")
    own = sample_tables(0, 0)[1]
    db.write_frame(own.rows, own.table, made.database("distribution"), contract=own.contract)
    assert fill(made, 60, 1) == HEIGHTS


def test_if_one_database_refuses_none_is_changed(tmp_path: Path) -> None:
    made = config(tmp_path, "sqlite:///data/{}.db")
    fill(made, 60, 1)
    before = everything(made)
    with db.transaction(made.database("warehouse")) as tx:
        tx.execute("drop table shipped")
        tx.execute("create view shipped as select 1 as quantity")
    with pytest.raises(EtlError):
        fill(made, 80, 2)
    db.execute("drop view shipped", made.database("warehouse"))
    for name, table in (("orders", "dbo.orders_unified"), ("distribution", "dbo.packed")):
        assert db.read_frame(table, made.database(name)).rows() == before[table]


def test_progress_is_told(tmp_path: Path) -> None:
    heard: list[tuple[str, int, int | None]] = []
    fill(config(tmp_path, "sqlite:///data/{}.db"), 60, 1, progress=lambda *told: heard.append(told))
    assert heard[0] == ("making samples", 0, None)
    assert any("packed" in label and done for label, done, _ in heard)


def test_a_missing_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("databases: {orders: {url: 'sqlite:///o.db'}}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="distribution"):
        fill(load_config(file), 60, 1)
    assert not (tmp_path / "o.db").exists()


def test_the_frames_are_in_the_order_of_their_contracts() -> None:
    for sample in sample_tables(60, 1):
        assert sample.rows.columns == sample.contract.column_names()
        assert isinstance(sample.rows, pl.DataFrame)
