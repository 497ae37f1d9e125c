"""The benchmark of loads runs, and its figures add up; how fast they are is not a test."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from benchmarks import data, growth
from benchmarks.load import in_new_process

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[1]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.load", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_contenders_take_turns_on_the_same_rows(tmp_path: Path) -> None:
    out, chart = tmp_path / "out.json", tmp_path / "out.svg"
    done = run(
        "--engines", "sqlite", "--frames", "text", "--kinds", "read", "--rows", "300",
        "--rounds", "2", "--contenders", "etl,pandas", "--json", out, "--chart", chart,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert [run["contender"] for run in found["runs"]] == ["etl", "pandas"] * 2
    by_name = {line["contender"]: line for line in found["medians"]}
    assert by_name["etl"]["ours_is"] == 1
    assert by_name["etl"]["note"] == "exact types"
    assert all(run["seconds"] > 0 and run["peak_mb"] > 1 for run in found["runs"])
    assert ET.parse(chart).getroot().tag.endswith("svg")  # noqa: S314 - our own file


def test_what_can_not_run_is_left_out_by_name(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "f.parquet")
    task = {"engine": "sqlite", "kind": "read", "frame": "f", "contender": "pandas"}
    places = {"file": str(tmp_path / "f.parquet"), "directory": str(tmp_path)}
    # Nobody has made the table that it is to read.
    assert "bench_read_f" in in_new_process({**task, **places})["left_out"]


def test_a_name_that_is_not_known_is_refused() -> None:
    done = run("--engines", "sqlite", "--frames", "wide", "--rows", "10")
    assert done.returncode == 2
    assert "no 'wide': choose from lineitem, text" in done.stderr


def test_growth_measures_frames_and_streams(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = growth.run(["duckdb"], 200, tmp_path, in_new_process, streams=(500,), rounds=1)
    assert [(run["contender"], run["what"], run["rows"]) for run in runs] == [
        ("etl", "frame", 200),
        ("etl", "frame", 2000),
        ("duckdb insert from Arrow", "frame", 200),
        ("duckdb insert from Arrow", "frame", 2000),
        ("etl", "write stream", 500),
        ("etl", "read stream", 500),
    ]
    assert "read stream, peak memory: 500 rows" in capsys.readouterr().out


def test_our_own_lineitem_goes_on_where_the_last_batch_ended() -> None:
    whole = data.lineitem(100)
    parts = [data.lineitem(50), data.lineitem(50, offset=50)]
    assert pl.concat(parts).equals(whole)
    assert whole.null_count().sum_horizontal().item() == 0
