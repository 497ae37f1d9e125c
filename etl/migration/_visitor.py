"""Walk a script's syntax tree, knowing what its names stand for, and whether it is in a loop."""

from __future__ import annotations

import ast
from typing import Final

from etl.migration._text import (
    Text,
    empties_a_table,
    is_sql,
    names_a_secret,
    secret_in,
    text_of,
    writes_rows,
)
from etl.migration.rules import CONNECTS

__all__ = ["Visitor"]

_RUNS_SQL: Final = frozenset(
    {"execute", "executemany", "exec_driver_sql", "execute_query", "run_query", "read_sql",
     "read_sql_query", "read_database", "text", "callproc", "executescript", "scalar"}
)  # fmt: skip
_EACH_ROW: Final = frozenset({"apply", "applymap", "map", "pipe"})
_ADDS_ROWS: Final = frozenset({"to_sql", "write_database"})
_TELLS: Final = frozenset(
    {"print", "debug", "info", "warning", "error", "exception", "critical", "log"}
)
_PATH_CHANGES: Final = frozenset({"append", "insert", "extend", "remove"})


class Visitor(ast.NodeVisitor):
    """Collects (line, column, rule, detail) in ``found``."""

    def __init__(self) -> None:
        self.found: list[tuple[int, int, str, str]] = []
        self._told: set[tuple[int, str]] = set()
        self._names: dict[str, str] = {}
        self._texts: dict[str, Text] = {}
        self._loops = 0
        self._telling = 0
        self._sql_seen: set[ast.AST] = set()

    def _add(self, node: ast.expr | ast.stmt, rule: str, detail: str = "") -> None:
        if (node.lineno, rule) not in self._told:  # once a line is enough to have it mended
            self._told.add((node.lineno, rule))
            self.found.append((node.lineno, node.col_offset + 1, rule, detail))

    # What names stand for.

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            self._names[bound] = alias.name if alias.asname else bound

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self._names[alias.asname or alias.name] = f"{node.module or ''}.{alias.name}"

    def _full_name(self, node: ast.AST) -> str:
        if isinstance(node, ast.Name):
            return self._names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self._full_name(node.value)}.{node.attr}"
        return ""

    # Loops.

    def _visit_loop(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        if isinstance(node, ast.While):
            self.visit(node.test)
        else:
            self.visit(node.iter)
        self._loops += 1
        for statement in [*node.body, *node.orelse]:
            self.visit(statement)
        self._loops -= 1

    visit_For = visit_AsyncFor = visit_While = _visit_loop  # noqa: N815 - ast's own names

    def _visit_comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    ) -> None:
        self._loops += 1
        self.generic_visit(node)
        self._loops -= 1

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_comprehension  # noqa: N815

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        loops, self._loops = self._loops, 0  # a function that is defined in a loop runs elsewhere
        texts = dict(self._texts)
        for name, default in _defaults(node.args):
            self._check_secret(name, default)
        self.generic_visit(node)
        self._loops, self._texts = loops, texts

    visit_FunctionDef = visit_AsyncFunctionDef = _visit_function  # noqa: N815

    # Names that get a value.

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._assigned(target, node.value, node)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._assigned(node.target, node.value, node)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if self._full_name(node.target) == "sys.path":
            self._add(node, "sys-path")
        if isinstance(node.target, ast.Name) and node.target.id in self._texts:
            before, more = self._texts[node.target.id], text_of(node.value)
            built = before.built or more is None or more.built
            if is_sql(before.value) and built and not before.built:
                self._add(node, "string-built-sql")
            self._texts[node.target.id] = Text(
                before.value + (more.value if more else "\x1f"), built=built
            )
        self.generic_visit(node)

    def _assigned(self, target: ast.expr, value: ast.expr, node: ast.stmt) -> None:
        if isinstance(target, ast.Subscript) and self._full_name(target.value) in ("sys.path", "os.environ"):  # fmt: skip
            key = text_of(target.slice)
            if self._full_name(target.value) == "sys.path" or (
                key is not None and key.value == "PYTHONPATH"
            ):
                self._add(node, "sys-path")
        if self._full_name(target) == "sys.path":
            self._add(node, "sys-path")
        name = target.id if isinstance(target, ast.Name) else getattr(target, "attr", "")
        if isinstance(target, ast.Subscript) and (key := text_of(target.slice)) is not None:
            name = key.value
        if name:
            self._check_secret(name, value)
        if isinstance(target, ast.Name):
            text = text_of(value)
            if text is None:
                self._texts.pop(target.id, None)
            else:
                self._texts[target.id] = text

    # Texts.

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring tells, and does nothing
            self.visit(node.value)

    def visit_Dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            name = text_of(key) if key is not None else None
            if name is not None:
                header = name.value.lower() in ("authorization", "x-api-key")
                self._check_secret("token" if header else name.value, value)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        self._look_at_text(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._look_at_text(node)
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                self.visit(value.value)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if self._look_at_text(node):
            # What it is put together of is a part of it, and no finding more.
            self._sql_seen.update(ast.walk(node))
        self.generic_visit(node)

    def _look_at_text(self, node: ast.expr) -> bool:
        text = text_of(node)
        if text is None or node in self._sql_seen:
            return False
        if secret_in(text.value, named=False):
            self._add(node, "hard-coded-credentials")
        if not self._telling and text.built and is_sql(text.value):
            self._add(node, "string-built-sql")
        return True

    def _check_secret(self, name: str, value: ast.expr) -> None:
        text = text_of(value)
        if text is None or text.built or not names_a_secret(name):
            return
        if secret_in(text.value, named=True) and not secret_in(text.value, named=False):
            self._add(value, "hard-coded-credentials", name)

    # Calls.

    def visit_Call(self, node: ast.Call) -> None:
        full = self._full_name(node.func)
        last = full.rpartition(".")[2] or getattr(node.func, "attr", "")
        if full in CONNECTS:
            self._add(node, "own-connection", full)
        if full.rpartition(".")[0] == "sys.path" and last in _PATH_CHANGES:
            self._add(node, "sys-path")
        if full == "site.addsitedir":
            self._add(node, "sys-path", full)
        for keyword in node.keywords:
            if keyword.arg is not None:
                self._check_secret(keyword.arg, keyword.value)
        if text_of(node) is not None and self._look_at_text(node):
            self._sql_seen.update(ast.walk(node))
        self._check_statement(node, last)
        self._check_frame_write(node, last)
        telling = last in _TELLS
        self._telling += telling
        each = last in _EACH_ROW
        self._loops += each
        self.generic_visit(node)
        self._loops -= each
        self._telling -= telling

    def _check_statement(self, node: ast.Call, function: str) -> None:
        if function not in _RUNS_SQL or not node.args:
            return
        first = node.args[0]
        inner = first.args[0] if isinstance(first, ast.Call) and first.args else first
        text = text_of(inner)
        if text is None and isinstance(inner, ast.Name):
            text = self._texts.get(inner.id)
        if text is None:
            return
        if empties_a_table(text.value):
            self._add(node, "truncate-before-load")
        elif self._loops and function != "text" and writes_rows(text.value):
            self._add(node, "row-by-row")

    def _check_frame_write(self, node: ast.Call, function: str) -> None:
        if function not in _ADDS_ROWS:
            return
        words = {keyword.arg: text_of(keyword.value) for keyword in node.keywords}
        for name in ("if_exists", "if_table_exists"):
            word = words.get(name)
            if word is not None and word.value in ("replace", "delete_rows"):
                self._add(node, "truncate-before-load", f'{name}="{word.value}"')
        if self._loops:
            self._add(node, "row-by-row", f"{function} in a loop")


def _defaults(arguments: ast.arguments) -> list[tuple[str, ast.expr]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    late = positional[len(positional) - len(arguments.defaults) :]
    pairs = [(arg.arg, default) for arg, default in zip(late, arguments.defaults, strict=True)]
    return pairs + [
        (arg.arg, default)
        for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is not None
    ]
