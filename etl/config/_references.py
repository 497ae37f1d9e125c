"""``${NAME}`` in a configuration value stands for an environment variable, and for nothing else.

There is no default inside a reference: a secret that is missing is an error, never an empty
password. ``$${`` writes a literal ``${``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["is_reference", "malformed", "references", "substitute"]

_TOKEN = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|\$\{")


def references(text: str) -> tuple[str, ...]:
    """The variables that a text refers to, in order.

    >>> references("sqlite:///${DATA}/${NAME}.db and $${NOT}")
    ('DATA', 'NAME')
    """
    return tuple(match["name"] for match in _TOKEN.finditer(text) if match["name"])


def is_reference(text: str) -> bool:
    """Whether the whole text is one reference.

    >>> is_reference("${TOKEN}"), is_reference("x${TOKEN}")
    (True, False)
    """
    match = _TOKEN.fullmatch(text.strip())
    return match is not None and match["name"] is not None


def malformed(text: str) -> bool:
    """Whether a ``${`` in the text is neither a reference nor escaped.

    >>> malformed("${A:-x}"), malformed("${A}"), malformed("$${A:-x}")
    (True, False, False)
    """
    return any(match[0] == "${" for match in _TOKEN.finditer(text))


def substitute(text: str, value: Callable[[str], str]) -> str:
    """Put ``value(NAME)`` in the place of every reference.

    >>> substitute("${A}-$${A}", {"A": "1"}.__getitem__)
    '1-${A}'
    """

    def replace(match: re.Match[str]) -> str:
        return value(match["name"]) if match["name"] else "${"

    return _TOKEN.sub(replace, text)


def missing(text: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The variables of a text that are not set; an empty one counts as not set.

    >>> missing("${A}${B}", {"A": "1", "B": ""})
    ('B',)
    """
    return tuple(name for name in references(text) if not environment.get(name))
