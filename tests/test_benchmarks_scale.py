"""The benchmark of scale runs, and its engines agree; and what streams does stream."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from benchmarks import scale_data
from benchmarks.scale import WORK
from benchmarks.scale_engines import PolarsByCustomer, PolarsLazy, counted, match_orders, plan_board

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.scale_engines import Engine

ROOT = Path(__file__).parents[1]
HELD = "in-memory-map"
"""What polars calls a step of a streaming plan that takes all rows into memory at once."""


def test_engines_are_measured_on_the_same_rows(tmp_path: Path) -> None:
    out, drawn = tmp_path / "out.json", tmp_path / "out.svg"
    command = [sys.executable, "-m", "benchmarks.scale", "--rows", "300", "--work", WORK[1]]
    command += ["--engines", "polars-streaming,duckdb", "--json", str(out), "--chart", str(drawn)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    runs = json.loads(out.read_text())["runs"]
    assert [run["engine"] for run in runs] == ["polars-streaming", "duckdb"]
    assert runs[0]["counts"] == runs[1]["counts"]
    assert runs[0]["counts"]["exact"] > runs[0]["counts"]["crossed"] > 0
    # An interpreter with polars in it is resident, and it has worked.
    assert all(run["peak_mb"] > 50 and run["cpu_seconds"] > 0 for run in runs)
    assert ET.parse(drawn).getroot().tag.endswith("svg")  # noqa: S314 - our own file


class Planned(PolarsLazy):
    """Computes nothing of note: it looks for steps that would hold all rows."""

    held: list[str]

    def write(self, frame: pl.LazyFrame, directory: Path) -> pl.LazyFrame:
        self.held += [directory.name] * holds_all(frame)
        return super().write(frame, directory)


def holds_all(frame: pl.LazyFrame) -> int:
    plan = frame.show_graph(
        engine="streaming", plan_stage="physical", raw_output=True, show=False
    )  # fmt: skip
    assert plan is not None
    assert "multi-scan" in plan or "in-memory-source" in plan
    return plan.count(HELD)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("scale")
    scale_data.board(50, place)
    scale_data.audit_tables(100, place)
    return place


@pytest.mark.parametrize("work", [plan_board, match_orders])
def test_no_step_takes_all_rows_into_memory(
    work: Callable[[Engine, Path, Path], None], data: Path, tmp_path: Path
) -> None:
    engine = Planned(tmp_path, None)
    engine.held = []
    work(engine, data, tmp_path)
    assert engine.held == []
    assert sum(counted(tmp_path).values()) > 0


def test_customer_by_customer_finds_as_much(data: Path, tmp_path: Path) -> None:
    found = []
    for kind in (PolarsLazy, PolarsByCustomer):
        out = tmp_path / kind.__name__
        out.mkdir()
        match_orders(kind(out, None), data, out)
        found.append(counted(out))
    assert found[0] == found[1]


def test_a_window_over_all_rows_would_be_noticed() -> None:
    place = pl.col("a").cum_count().over(order_by="a")
    assert holds_all(pl.LazyFrame({"a": [2, 1]}).with_columns(place.alias("place"))) > 0
