"""A copy of the project's sources, to make jobs in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SETTINGS", "Tree"]

ROOT = Path(__file__).parents[2]
_PARTS = ("etl", "config", "tests", "docs", "flows", "notebooks", "benchmarks", "Dockerfile", "compose.yaml", "config.yaml", "pyproject.toml", "README.md", "config.schema.json")  # fmt: skip
SETTINGS = ("DB_CONFIG_PATH", "ETL_PROFILE", "ETL_RUN_ID", "MONDAY_API_TOKEN", "MONDAY_API_URL")
_MADE = {"__pycache__", ".hypothesis", ".pytest_cache", "data"}


@dataclass(frozen=True)
class Tree:
    """The project in a directory of its own."""

    root: Path

    @classmethod
    def copied(cls, to: Path) -> Tree:
        """Copy what a clone has."""
        to.mkdir(parents=True, exist_ok=True)
        for name in _PARTS:
            source = ROOT / name
            if source.is_dir():
                # Compiled files count by the times of their sources, which are copied too.
                ignored = shutil.ignore_patterns(*_MADE - {"__pycache__"})
                shutil.copytree(source, to / name, ignore=ignored)
            else:
                shutil.copy(source, to / name)
        return cls(to)

    def environment(self) -> dict[str, str]:
        """The environment of a command in it, without settings of ours."""
        kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        return {**kept, "PYTHONPATH": str(self.root), "COLUMNS": "200", "NO_COLOR": "1"}

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run this interpreter on something in it, with more variables in its environment."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**self.environment(), **more},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    def etl(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the command in it, with more variables in its environment."""
        return self.run("-m", "etl", *arguments, **more)

    def files(self) -> dict[str, bytes]:
        """Every file of it, but for what running it leaves."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and not _MADE.intersection(path.parts)
        }
