"""Python source as the project's formatter writes it, made of calls and literals."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    Expression: TypeAlias = "str | Call | Dict"

__all__ = ["Call", "Dict", "Expression", "from_import", "literal", "statement"]

_WIDTH: Final = 100


@dataclass(frozen=True)
class Call:
    """A call; an argument's name is empty where it goes by position."""

    function: str
    arguments: tuple[tuple[str, Expression], ...]

    def parts(self) -> tuple[str, list[tuple[str, Expression]], str]:
        """What stands before the arguments, each of them, and what stands behind."""
        named = [(f"{name}=" if name else "", value) for name, value in self.arguments]
        return f"{self.function}(", named, ")"


@dataclass(frozen=True)
class Dict:
    """A mapping of text to expressions."""

    items: Mapping[str, Expression]

    def parts(self) -> tuple[str, list[tuple[str, Expression]], str]:
        """What stands before the items, each of them, and what stands behind."""
        return "{", [(f"{literal(name)}: ", value) for name, value in self.items.items()], "}"


def statement(before: str, value: Expression, after: str = "", *, indent: int = 0) -> str:
    """A line ``before value after``, or as many lines as it takes.

    >>> print(statement("x = ", Call("f", (("", "1"), ("b", literal("two"))))))
    x = f(1, b="two")
    >>> print(statement("x = ", Call("f", (("", "1"), ("b", literal("2" * 88))))))
    x = f(
        1, b="2222222222222222222222222222222222222222222222222222222222222222222222222222222222222222"
    )
    """
    margin = " " * indent
    line = f"{margin}{before}{_flat(value)}{after}"
    if isinstance(value, str) or _width(line) <= _WIDTH:
        return line
    opening, parts, closing = value.parts()
    if not parts:
        return line
    if isinstance(value, Call):
        together = f"{margin}    {', '.join(name + _flat(part) for name, part in parts)}"
        if _width(together) <= _WIDTH:
            return "\n".join([f"{margin}{before}{opening}", together, f"{margin}{closing}{after}"])
    inner = [statement(name, part, ",", indent=indent + 4) for name, part in parts]
    return "\n".join([f"{margin}{before}{opening}", *inner, f"{margin}{closing}{after}"])


def from_import(module: str, name: str) -> str:
    """An import of one name.

    >>> from_import("etl.jobs.base", "Job")
    'from etl.jobs.base import Job'
    """
    line = f"from {module} import {name}"
    return line if len(line) <= _WIDTH else f"from {module} import (\n    {name},\n)"


def literal(text: str) -> str:
    r"""A text as a literal, in double quotes unless single ones need fewer escapes.

    >>> print(literal("it's"), literal('a "b"'), literal("a\u200b\\"))
    "it's" 'a "b"' "a\u200b\\"
    """
    # repr escapes what can't be seen; the other kind of quote keeps it from escaping quotes.
    quote = "'" if text.count('"') > text.count("'") else '"'
    body = "".join(
        f"\\{character}"
        if character in (quote, "\\")
        else repr(character)[1:-1]
        if character not in "'\""
        else character
        for character in text
    )
    return f"{quote}{body}{quote}"


def _flat(value: Expression) -> str:
    if isinstance(value, str):
        return value
    opening, parts, closing = value.parts()
    return f"{opening}{', '.join(name + _flat(part) for name, part in parts)}{closing}"


def _width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
