"""What the text of a script gives away: SQL, what it does, and secrets."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Final

__all__ = [
    "Text",
    "empties_a_table",
    "is_sql",
    "names_a_secret",
    "secret_in",
    "text_of",
    "writes_rows",
]

HOLE: Final = "\x1f"
"""Stands in a text for what is not known until the script runs."""

_SQL: Final = re.compile(
    r"""\A(?:\s|--[^\n]*\n|/\*.*?\*/|;|\()*(?:
      select\b.*?\bfrom\b | insert\s+(?:into\s+)?[\w\[."`#@\x1f] | update\s+\S+.*?\bset\b
    | delete\s+(?:from\b|\S+\s+(?:where|from)\b) | truncate\s+table\b | merge\s+(?:into\s+)?\S+.*?\busing\b
    | exec(?:ute)?\s+[\w\[."@\x1f] | with\s+\S+\s+as\s*\( | bulk\s+insert\b
    | set\s+(?:identity_insert|nocount|xact_abort)\b | if\s+(?:not\s+)?exists\s*\(
    | (?:create|alter|drop)\s+(?:or\s+\w+\s+)?(?:unique\s+|temp(?:orary)?\s+)?
      (?:table|view|index|procedure|proc|schema|function|trigger)\b
    )""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_WRITES: Final = re.compile(
    r"\A(?:\s|--[^\n]*\n|;)*(?:insert|update|merge|exec|replace\s+into)\b", re.IGNORECASE
)
_EMPTIES: Final = re.compile(
    r"(?:\A|;|\n)\s*(?:truncate\s+table\b|drop\s+table\b(?!\s+(?:if\s+exists\s+)?[\[\"]?\#)"
    r"|delete\s+(?:from\s+)?[^\s;]+\s*(?:;|\Z))",
    re.IGNORECASE,
)
_SECRET_NAME: Final = re.compile(
    r"(?:\A|_|\b)(?:pass(?:word|wd|phrase|wort)?|pwd|secret|token|api_?key|access_?key|auth_?key|"
    r"client_?secret|private_?key)\d*\Z",
    re.IGNORECASE,
)
_IN_CONNECTION: Final = re.compile(
    r"\b(?:pwd|password)\s*=\s*(?P<value>\{[^}]+\}|[^;'\"\s]+)", re.IGNORECASE
)
_IN_URL: Final = re.compile(
    r"\b[a-z][a-z0-9+.-]*://[^\s:/@]+:(?P<value>(?!pw@|password@)[^\s/@]+)@", re.IGNORECASE
)
_JWT: Final = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.")
_BEARER: Final = re.compile(r"\A(?:bearer|basic)\s+(?P<value>\S{8,})", re.IGNORECASE)
# Not a secret but its place: a variable of the environment, a template, a blank.
_PLACE: Final = re.compile(
    r"\A(?:\$\{?\w+\}?|%\w+%|\{\{?.*\}?\}|<.*>|\*+|x+|\.+|:\w+|\?|%s)\Z", re.IGNORECASE
)


@dataclass(frozen=True)
class Text:
    """A text of the source, with holes where it is put together."""

    value: str
    built: bool


def text_of(node: ast.AST) -> Text | None:
    """The text that an expression makes; None where it makes none that can be seen.

    A name in capitals is a constant of the script, and no hole that values come through.

    >>> text_of(ast.parse("f'select * from {table}'", mode="eval").body)
    Text(value='select * from \\x1f', built=True)
    >>> text_of(ast.parse("'select 1 ' 'from t'", mode="eval").body)
    Text(value='select 1 from t', built=False)
    >>> text_of(ast.parse("'delete from %s' % name", mode="eval").body)
    Text(value='delete from \\x1f', built=True)
    """
    if isinstance(node, ast.Constant):
        return Text(node.value, built=False) if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        parts = [_part(value) for value in node.values]
        return Text("".join(part.value for part in parts), any(part.built for part in parts))
    if isinstance(node, ast.BinOp):
        return _of_operator(node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _of_call(node.func)
    return None


def _of_operator(node: ast.BinOp) -> Text | None:
    left = text_of(node.left)
    if isinstance(node.op, ast.Mod):
        return left and Text(re.sub(r"%\(\w+\)[sdr]|%[sdrfi]", HOLE, left.value), built=True)
    right = text_of(node.right)
    if not isinstance(node.op, ast.Add) or (left is None and right is None):
        return None
    left, right = left or _operand(node.left), right or _operand(node.right)
    return Text(left.value + right.value, built=left.built or right.built)


def _of_call(function: ast.Attribute) -> Text | None:
    owner = text_of(function.value)
    if owner is None:
        return None
    made = {
        "format": Text(re.sub(r"(?<!\{)\{[^{}]*\}", HOLE, owner.value), built=True),
        "replace": Text(owner.value, built=True),
        "join": Text(HOLE, built=True),
        **dict.fromkeys(("strip", "lstrip", "rstrip", "lower", "upper"), owner),
    }
    return made.get(function.attr)


def _part(value: ast.expr) -> Text:
    if isinstance(value, ast.FormattedValue):
        return _operand(value.value)
    return text_of(value) or Text(HOLE, built=True)


def _operand(node: ast.expr) -> Text:
    name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
    return Text(HOLE, built=not name.isupper())


def is_sql(text: str) -> bool:
    """Whether a text is a statement of SQL, and no sentence that begins like one.

    >>> is_sql("SELECT a FROM t"), is_sql("Select a file"), is_sql("Update done")
    (True, False, False)
    """
    return _SQL.search(text) is not None


def writes_rows(text: str) -> bool:
    """Whether a statement writes.

    >>> writes_rows(" insert into t values (?)"), writes_rows("select 1 from t")
    (True, False)
    """
    return _WRITES.search(text) is not None


def empties_a_table(text: str) -> bool:
    """Whether a statement empties a table: a TRUNCATE, a DROP, or a DELETE without a condition.

    >>> [empties_a_table(sql) for sql in ("truncate table t", "DELETE FROM dbo.t;", "drop table t")]
    [True, True, True]
    >>> [empties_a_table(sql) for sql in ("delete from t where id = ?", "drop table #work")]
    [False, False]
    """
    return _EMPTIES.search(text) is not None


def names_a_secret(name: str) -> bool:
    """Whether a variable, a keyword or a key is called as secrets are.

    >>> [names_a_secret(name) for name in ("DB_PASSWORD", "pwd", "apiKey", "token", "passed")]
    [True, True, True, True, False]
    """
    return _SECRET_NAME.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)) is not None


def secret_in(text: str, *, named: bool) -> bool:
    """Whether a text holds a secret; ``named`` says that it stands where one is expected.

    >>> secret_in("DRIVER={x};UID=sa;PWD=hunter2;", named=False)
    True
    >>> secret_in("DRIVER={x};UID=sa;PWD=" + HOLE, named=False)
    False
    >>> secret_in("hunter2", named=True), secret_in("${DB_PASSWORD}", named=True)
    (True, False)
    """
    if _JWT.search(text):
        return True
    for pattern in (_IN_CONNECTION, _IN_URL, _BEARER):
        found = pattern.search(text)
        if found is not None and _is_value(found["value"]):
            return True
    return named and _is_value(text)


def _is_value(text: str) -> bool:
    return bool(text.strip()) and HOLE not in text and _PLACE.match(text.strip()) is None
