"""The benchmarks run, and their figures add up; how fast they are is not a test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_pipeline_is_measured_phase_by_phase(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.pipeline", "--rows", "700", "--runs", "1", "--json", out],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "700 rows, median of 1 runs" in done.stdout
    [run] = json.loads(out.read_text())["runs"]
    assert (run["rows"], run["rows_quarantined"]) == (700, 2)
    assert run["rss_peak_mb"] >= run["rss_before_mb"] > 0
    # Every phase and every part was really met, and the phases are nearly all of the run.
    assert all(seconds > 0 for seconds in run["phases"].values())
    assert all(seconds > 0 for seconds in run["parts_cpu"].values())
    assert sum(run["phases"].values()) <= run["seconds"]


def test_a_run_that_fails_is_no_measurement() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.pipeline", "--rows", "0", "--runs", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "rows/s" not in done.stdout
