"""What :mod:`benchmarks.scale` measures, in a process of its own: one engine doing one piece of work.

Every engine reads the same Parquet files and writes Parquet files. The audit's steps that are used
twice, shipments and order lines, are written and read again, but for polars' eager frames.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from etl.jobs.audit_parts import customer_parts
from etl.transforms.audit import (
    combine,
    match_cross_field,
    match_exact,
    standardise,
    unpivot,
)
from etl.transforms.board_planning import planning_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ENGINES", "WORK", "counted"]


class Engine(Protocol):
    """How an engine reads and writes."""

    def read(self, directory: Path) -> Any:
        """Read all Parquet files of a directory."""

    def write(self, frame: Any, directory: Path) -> Any:
        """Write a frame into a directory; gives a frame of what was written."""


class Polars:
    """Whole frames in memory."""

    def __init__(self, place: Path, budget_mb: int | None) -> None:
        del place, budget_mb  # it has no use for them

    def read(self, directory: Path) -> pl.DataFrame:
        return _scanned(directory).collect(engine="in-memory")

    def write(self, frame: pl.DataFrame, directory: Path) -> pl.DataFrame:
        directory.mkdir()
        frame.write_parquet(directory / "0.parquet")
        return frame


class PolarsLazy:
    """Plans, computed in memory."""

    def __init__(self, place: Path, budget_mb: int | None) -> None:
        del place, budget_mb

    def read(self, directory: Path) -> pl.LazyFrame:
        return _scanned(directory)

    def write(self, frame: pl.LazyFrame, directory: Path) -> pl.LazyFrame:
        directory.mkdir()
        frame.collect(engine="in-memory").write_parquet(directory / "0.parquet")
        return _scanned(directory)


class PolarsStreaming(PolarsLazy):
    """Plans, computed batch by batch; its budget is in its environment."""

    def write(self, frame: pl.LazyFrame, directory: Path) -> pl.LazyFrame:
        directory.mkdir()
        frame.sink_parquet(directory / "0.parquet", engine="streaming", maintain_order=False)
        return _scanned(directory)


class PolarsByCustomer(PolarsStreaming):
    """The same, one customer after the other: what is held is one customer's."""


class DuckDb:
    """Relations of one connection."""

    def __init__(self, place: Path, budget_mb: int | None) -> None:
        import duckdb

        self._connection: Any = duckdb.connect()
        self._connection.execute(f"SET temp_directory = '{place}'")
        self._connection.execute("SET preserve_insertion_order = false")
        if budget_mb:
            self._connection.execute(f"SET memory_limit = '{budget_mb}MiB'")

    def read(self, directory: Path) -> Any:
        return self._connection.read_parquet(str(directory / "*.parquet"))

    def write(self, frame: Any, directory: Path) -> Any:
        directory.mkdir()
        frame.write_parquet(str(directory / "0.parquet"))
        return self.read(directory)


class Spark:
    """Frames of a local session with two cores."""

    def __init__(self, place: Path, budget_mb: int | None) -> None:
        from pyspark.sql import SparkSession

        builder: Any = SparkSession.builder.master("local[2]").appName("etl-scale")
        settings = {
            "spark.ui.enabled": "false",
            "spark.driver.memory": f"{budget_mb or 4096}m",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.local.dir": str(place),
            "spark.sql.shuffle.partitions": "16",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.timeType.enabled": "true",
        }
        for name, value in settings.items():
            builder = builder.config(name, value)
        self._session = builder.getOrCreate()

    def read(self, directory: Path) -> Any:
        return self._session.read.parquet(str(directory))

    def write(self, frame: Any, directory: Path) -> Any:
        frame.write.parquet(str(directory))
        return self.read(directory)


ENGINES: dict[str, Callable[[Path, int | None], Engine]] = {
    "polars": Polars,
    "polars-lazy": PolarsLazy,
    "polars-streaming": PolarsStreaming,
    "polars-by-customer": PolarsByCustomer,
    "duckdb": DuckDb,
    "spark": Spark,
}


def plan_board(engine: Engine, data: Path, out: Path) -> None:
    """Clean a planning board's items."""
    engine.write(planning_rows(engine.read(data / "items")), out / "rows")


def match_orders(engine: Engine, data: Path, out: Path) -> None:
    """Find the order lines that say what a shipment says."""
    customers = engine.read(data / "customers")
    tables = {name: engine.read(data / name) for name in ("packed", "shipped", "orders")}
    if isinstance(engine, PolarsByCustomer):
        parts = customer_parts(**tables, customers=customers, directory=out / "split")
        for at, part in enumerate(parts):
            _match_orders(engine, vars(part), customers, out / str(at))
    else:
        _match_orders(engine, tables, customers, out)


def _match_orders(engine: Engine, tables: Mapping[str, Any], customers: Any, out: Path) -> None:
    out.mkdir(exist_ok=True)
    scans = [standardise(tables[name], customers) for name in ("packed", "shipped")]
    shipments = engine.write(combine(*scans), out / "shipments")
    del scans
    lines = engine.write(unpivot(tables["orders"], customers), out / "lines")
    exact = engine.write(match_exact(shipments, lines), out / "exact")
    engine.write(match_cross_field(shipments, lines, exact), out / "crossed")


WORK: dict[str, Callable[[Engine, Path, Path], None]] = {
    "board-planning": plan_board,
    "audit, exact part": match_orders,
}


def _scanned(directory: Path) -> pl.LazyFrame:
    return pl.scan_parquet(str(directory / "*.parquet"))


def counted(out: Path) -> dict[str, int]:
    """Count the rows that were written, table by table."""
    counts: dict[str, int] = {}
    for path in sorted(out.rglob("*.parquet")):
        if path.is_file() and "split" not in path.parts:
            rows = pl.scan_parquet(path).select(pl.len()).collect().item()
            counts[path.parent.name] = counts.get(path.parent.name, 0) + rows
    return counts


def main(task: dict[str, Any]) -> None:
    """Say when the engine is ready, work, say that it is done, and tell the rows of what it wrote."""
    out = Path(task["directory"])
    engine = ENGINES[task["engine"]](out, task["budget_mb"])
    print("ready", flush=True)
    WORK[task["work"]](engine, Path(task["data"]), out)
    print("done", flush=True)
    print(json.dumps(counted(out)), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
