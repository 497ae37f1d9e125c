"""Find what must go from scripts, by their syntax trees: nothing of a script is run."""

from __future__ import annotations

import ast
import fnmatch
import re
import tokenize
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from etl.errors import ConfigError
from etl.migration._visitor import Visitor
from etl.migration.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["Finding", "lint_file", "lint_paths"]

_NEVER: Final = ("__pycache__", "node_modules", "site-packages", "build", "dist")
_ALLOW: Final = re.compile(r"#\s*etl:\s*allow\s+([\w, -]+)")


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that must go: where it is, and the rule's name."""

    path: Path
    line: int
    column: int
    rule: str
    detail: str = ""

    @property
    def message(self) -> str:
        """What it is and what to use instead."""
        rule = RULES[self.rule]
        detail = f" ({self.detail})" if self.detail else ""
        return f"{rule.what}{detail}: {rule.instead}"


def lint_paths(paths: Iterable[Path]) -> list[Finding]:
    """Find what must go from Python files, and from those in folders.

    Folders that are hidden or hold no source are passed over, and so is what ``exclude`` under
    ``[tool.etl.lint-scripts]`` names in the nearest ``pyproject.toml`` above a path (patterns
    relative to it). A comment ``# etl: allow RULE`` lets one line stand.

    Parameters
    ----------
    paths
        Files and folders.

    Returns
    -------
    list of Finding
        By path and line.

    Raises
    ------
    ConfigError
        A path is not there, or ``pyproject.toml`` can't be read.
    """
    findings: set[Finding] = set()
    for path in paths:
        if not path.exists():
            raise ConfigError(f"{path}: there is no such file or folder")
        for file in _files(path):
            findings.update(lint_file(file))
    return sorted(findings)


def lint_file(path: Path) -> list[Finding]:
    """Find what must go from one file, whatever is excluded elsewhere."""
    try:
        with tokenize.open(path) as file:  # reads the encoding that the file declares
            source = file.read()
        tree = ast.parse(source, filename=str(path))
    except (SyntaxError, ValueError, OSError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        detail = getattr(error, "msg", None) or getattr(error, "strerror", None) or str(error)
        return [Finding(path, line, 1, "unreadable", detail)]
    visitor = Visitor()
    visitor.visit(tree)
    allowed = _allowed(source)
    return sorted(
        Finding(path, line, column, rule, detail)
        for line, column, rule, detail in visitor.found
        if rule not in allowed.get(line, frozenset())
    )


def _allowed(source: str) -> dict[int, frozenset[str]]:
    return {
        number: frozenset(re.split(r"[\s,]+", found[1].strip()))
        for number, text in enumerate(source.splitlines(), start=1)
        if (found := _ALLOW.search(text))
    }


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    root, patterns = _exclusions(path.resolve())
    for file in sorted(path.rglob("*.py*")):
        if file.suffix not in (".py", ".pyw"):
            continue
        folders = file.relative_to(path).parts[:-1]
        if any(folder.startswith(".") or folder in _NEVER for folder in folders):
            continue
        within = file.resolve().relative_to(root).as_posix()
        if not any(
            fnmatch.fnmatch(within, pattern) or within.startswith(f"{pattern.rstrip('/')}/")
            for pattern in patterns
        ):
            yield file


def _exclusions(path: Path) -> tuple[Path, list[str]]:
    for folder in (path, *path.parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            try:
                settings = tomllib.loads(file.read_text(encoding="utf-8"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise ConfigError(f"{file}: {error}") from error
            excluded = settings.get("tool", {}).get("etl", {}).get("lint-scripts", {})
            patterns = excluded.get("exclude", [])
            if not (isinstance(patterns, list) and all(isinstance(p, str) for p in patterns)):
                raise ConfigError(
                    f"{file}: tool.etl.lint-scripts.exclude must be a list of patterns"
                )
            return folder, patterns
    return path, []
