"""The rules that tools check: style, types, who may import whom; and that they can fail at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def run(*command: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run this interpreter on something, and keep what it says."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def check_imports(root: Path) -> subprocess.CompletedProcess[str]:
    # Without its cache, which would be written into the tree.
    return run("-c", LINT_IMPORTS, "--no-cache", cwd=root, PYTHONPATH=str(root), PYTHONUTF8="1")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["-m", "ruff", "check", "--no-cache", "."], id="ruff-check"),
        pytest.param(["-m", "ruff", "format", "--no-cache", "--check", "."], id="ruff-format"),
        pytest.param(["-m", "mypy"], id="mypy"),
    ],
)
def test_the_tree_passes(command: list[str], tmp_path: Path) -> None:
    cache = ["--cache-dir", str(tmp_path)] if command[-1] == "mypy" else []
    done = run(*command, *cache)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nobody_imports_what_they_may_not() -> None:
    done = check_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("etl/transforms/board_planning.py", "import os", "Transforms are pure"),
        ("etl/transforms/cells.py", "import time", "Transforms are pure"),
        ("etl/transforms/cells.py", "import etl.io.source", "Transforms are pure"),
        ("etl/contracts/check.py", "import sqlalchemy", "Only etl.io touches databases"),
        ("etl/transforms/portable.py", "import duckdb", "Only etl.io touches databases"),
        ("etl/kestra/state.py", "import httpx", "Only etl.io touches databases"),
        ("etl/runner/__init__.py", "import etl.kestra.render", "Layers"),
        ("etl/errors.py", "import etl.contracts.check", "Layers"),
        ("etl/contracts/check.py", "import etl.transforms.cells", "Layers"),
    ],
)
def test_a_forbidden_import_fails_the_build(
    tmp_path: Path, module: str, line: str, broken: str
) -> None:
    shutil.copytree(ROOT / "etl", tmp_path / "etl", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    changed = tmp_path / module
    changed.write_text(changed.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    done = check_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    verdicts = [row for row in done.stdout.splitlines() if row.endswith("BROKEN")]
    assert any(row.startswith(broken) for row in verdicts), done.stdout


@pytest.mark.parametrize(
    ("ci", "settings"), [("true", "ci True None None"), ("", "laptop False None")]
)
def test_examples_are_the_same_on_every_run_in_ci(ci: str, settings: str) -> None:
    script = (
        "import tests.conftest\n"
        "from hypothesis import settings\n"
        "used = settings()\n"
        "name = settings.get_current_profile_name()\n"
        "print(name, used.derandomize, used.deadline, *[used.database] * used.derandomize)"
    )
    done = run("-c", script, CI=ci)
    assert done.stdout.strip() == settings, done.stderr


def test_engines_can_be_chosen_and_a_misspelt_one_is_named() -> None:
    tests = "tests/transforms/test_portable.py"
    chosen = run("-m", "pytest", "--collect-only", "-q", "--engines=pyarrow,polars", tests)
    assert "[pyarrow]" in chosen.stdout
    assert "duckdb]" not in chosen.stdout
    wrong = run("-m", "pytest", "--collect-only", "-q", "--engines=polar", tests)
    assert wrong.returncode != 0
    assert "--engines: there is no polar; choose from pandas-numpy" in wrong.stdout + wrong.stderr
