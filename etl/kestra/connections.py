"""Code that opens a connection, found by its syntax tree: only ``etl.io`` may.

Import contracts say the same in the tests; this needs no tool, and looks at whatever jobs there are.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from etl.migration.rules import CONNECTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["connections"]

_NETWORK: Final = ("aiohttp", "ftplib", "http.client", "httpx", "paramiko", "requests", "smtplib", "socket", "telnetlib", "urllib.request", "urllib3", "websockets")  # fmt: skip
_MODULES: Final = frozenset(_NETWORK) | {name.partition(".")[0] for name in CONNECTS}
# What reads or writes a database through a dataframe, by whatever name it is reached.
_FRAMES: Final = frozenset({"read_database", "read_database_uri", "read_sql", "read_sql_query", "read_sql_table", "to_sql", "write_database"})  # fmt: skip


def connections(package: Path) -> list[str]:
    """Where a package opens connections outside of its ``io``: file, line and what does.

    Imports for type checkers alone do not count.
    """
    found = []
    for file in sorted(package.rglob("*.py")):
        inside = file.relative_to(package)
        if inside.parts[0] != "io":
            tree = ast.parse(file.read_bytes(), str(file))
            where = package.name / inside
            found += [f"{where.as_posix()}:{line}: {what}" for line, what in _uses(tree)]
    return found


def _uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in _run(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, a.name) for a in node.names if _connects(a.name))
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            yield from ((node.lineno, name) for name in names[:1] if _connects(name))
            if not _connects(node.module):
                yield from ((node.lineno, name) for name in names[1:] if name in _MODULES)
        elif isinstance(node, ast.Call):
            yield from ((node.lineno, name) for name in _called(node))


def _called(node: ast.Call) -> Iterator[str]:
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if name in _FRAMES:
        yield name
    if name in ("import_module", "__import__") and node.args:
        module = getattr(node.args[0], "value", None)
        if isinstance(module, str) and _connects(module):
            yield module


def _connects(module: str) -> bool:
    parts = module.split(".")
    return any(".".join(parts[:length]) in _MODULES for length in range(1, len(parts) + 1))


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those below ``if TYPE_CHECKING:``, which never run."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for other in node.orelse:
                yield other
                yield from _run(other)
            continue
        yield node
        yield from _run(node)
