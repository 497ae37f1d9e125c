"""The benchmarks of transforms run, and their contenders agree; how fast they are is not a test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def measured(tmp_path: Path, module: str, *options: str) -> dict[str, Any]:
    out = tmp_path / "out.json"
    command = [sys.executable, "-m", module, *options, "--rounds", "1", "--json", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def test_the_audit_and_the_plain_script_find_the_same(tmp_path: Path) -> None:
    found = measured(tmp_path, "benchmarks.audit", "--rows", "200", "--sample", "1000")
    assert sum(found["same"].values()) == found["counts"]["shipments"]
    assert set(found["same"]) == {"EXACT", "FUZZY", "NO_MATCH"}
    assert all(run["seconds"] > 0 and run["peak_mb"] > 0 for run in found["runs"])


def test_cleaning_by_cells_gives_the_same_rows(tmp_path: Path) -> None:
    found = measured(tmp_path, "benchmarks.transforms", "--cells", "20000")
    assert found["cells"] >= 20_000
    assert len(found["medians"]) == 4
