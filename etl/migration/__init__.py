"""The way out of scripts: what in them has to go, and what takes its place."""

from __future__ import annotations

from etl.migration.lint import Finding, lint_file, lint_paths
from etl.migration.rules import RULES, Rule
from etl.migration.sarif import as_sarif

__all__ = ["RULES", "Finding", "Rule", "as_sarif", "lint_file", "lint_paths"]
