"""What can be seen wrong in Pebble templates without running them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from etl.config.files import suggestion
from etl.config.flow_values import secret_name_problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

__all__ = ["expressions", "template_problems"]

_CLOSED_BY: Final = {"{{": "}}", "{%": "%}", "{#": "#}"}
_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_BLOCKS: Final = frozenset(
    {"if", "for", "filter", "macro", "block", "autoescape", "verbatim", "raw"}
)
_MISTAKEN: Final = {
    "env": "write secret('NAME'), or put it in the task's env",
    "secrets": "write secret('NAME')",
    "input": "write inputs",
    "output": "write outputs",
    "var": "write vars",
    "variables": "write vars",
}
"""Names that others have, and what Kestra has in their place."""
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}


def expressions(text: str) -> tuple[list[str], str | None]:
    """The expressions of a text, and what is wrong with its brackets.

    >>> expressions("a {{ execution.id }} {{ '}}' }}")
    ([' execution.id ', " '}}' "], None)
    >>> expressions("{{ execution.id }")
    ([], "'{{' is not closed: write {{ ... }}")
    >>> expressions('{"text": {"inner": "{{ flow.id }}"}}')
    ([' flow.id '], None)
    """
    found: list[str] = []
    at = depth = 0
    while match := re.compile(r"\{\{|\{%|\{#|\}\}|%\}").search(text, at):
        opening = match[0]
        depth += text.count("{", at, match.start()) - text.count("}", at, match.start())
        if opening == "}}" and depth >= 2:  # braces of JSON or of code
            depth, at = depth - 2, match.end()
            continue
        if opening not in _CLOSED_BY:
            return found, f"{opening!r} closes nothing: write {{{{ ... }}}}"
        closing = _CLOSED_BY[opening]
        end = _end(text, match.end(), closing, quotes=opening != "{#")
        if end is None:
            return found, f"{opening!r} is not closed: write {opening} ... {closing}"
        if opening != "{#":
            found.append(text[match.end() : end])
        at = end + 2
    return found, None


def _end(text: str, at: int, closing: str, *, quotes: bool) -> int | None:
    while at < len(text):
        if text.startswith(closing, at):
            return at
        quoted = _QUOTED.match(text, at) if quotes else None
        at = quoted.end() if quoted else at + 1
    return None


def template_problems(
    text: str, *, names: Mapping[str, Collection[str]], target: str
) -> Iterator[str]:
    """What is wrong with a text's templates, a sentence for each.

    Parameters
    ----------
    text
        A value of a flow.
    names
        What the flow has by kind (``outputs``: ids of tasks; ``inputs``; ``vars``).
    target
        The target: ``"1"``, ``"2"`` or ``"both"``.

    Examples
    --------
    >>> names = {"outputs": ["run"]}
    >>> list(template_problems("{{ secret('A') | upper }}", names=names, target="both"))
    ["secret('A') is filtered: what comes out is not masked in logs; keep it as it is"]
    """
    found, problem = expressions(text)
    if problem:
        yield problem
        return
    outside = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", "", text, flags=re.DOTALL)
    if re.search(r"\bsecret\(\s*['\"]", outside):
        yield "secret(...) stands outside of {{ }}, and stays text: write {{ secret('NAME') }}"
    yield from _blocks(text)
    for expression in found:
        yield from _in_expression(expression, names, target)


def _blocks(text: str) -> Iterator[str]:
    """Blocks that are not ended, and ends of none."""
    stack: list[str] = []
    for match in re.finditer(r"\{%-?\s*(\w+)", text):
        word = match[1]
        if word in _BLOCKS:
            stack.append(word)
        elif word.startswith("end") and (not stack or stack.pop() != word.removeprefix("end")):
            yield f"{{% {word} %}} ends nothing"
            return
    if stack:
        yield f"{{% {stack[-1]} %}} is not ended: write {{% end{stack[-1]} %}}"


def _in_expression(expression: str, names: Mapping[str, Collection[str]], target: str) -> Iterator[str]:  # fmt: skip
    code = _QUOTED.sub("''", expression)
    if not expression.strip():
        yield "{{ }} is empty"
    if problem := _unbalanced(code):
        yield f"{{{{{expression}}}}}: {problem}"
    yield from _secrets(expression)
    if re.search(r"(?<![\w.])envs\.", code):
        yield "envs.x reads only variables of the server that begin with ENV_: write secret('NAME')"
    for match in re.finditer(r"(?<![\w.'])([a-z]+)\.[A-Za-z_]", code):
        if match[1] in _MISTAKEN:
            yield f"there is no {match[1]!r} in a template: {_MISTAKEN[match[1]]}"
    if target != "1" and re.search(r"(?<![\w.])json\(", code):
        yield "json() is gone in 2.x: write fromJson()"
    if target != "1" and re.search(r"\|\s*json\b", code):
        yield "the filter json is gone in 2.x: write toJson()"
    for kind, known in names.items():
        yield from _unknown_names(code, kind, known)


def _secrets(expression: str) -> Iterator[str]:
    for match in re.finditer(r"(?<![\w.])secret\(([^()]*)\)([\s)]*\|)?", expression):
        call = f"secret({match[1]})"
        named = re.search(r"\bkey\s*=\s*('[^']*'|\"[^\"]*\")", match[1])
        first = named[1] if named else match[1].split(",")[0].strip()
        if not _QUOTED.fullmatch(first):
            yield f"{call}: the secret's name stands in quotes: secret('NAME')"
        elif secret_name_problem(first[1:-1]):
            yield f"secret(...) takes the name of a secret, such as 'ORDERS_DB_PASSWORD': {first[:2]}... is none"  # fmt: skip
        if match[2]:
            yield f"{call} is filtered: what comes out is not masked in logs; keep it as it is"


def _unknown_names(code: str, kind: str, known: Collection[str]) -> Iterator[str]:
    for match in re.finditer(rf"(?<![\w.]){kind}\.([A-Za-z_]\w*(?:-\w+)*)", code):
        name = match[1]
        if name in known and "-" in name:
            yield f"{kind}.{name} is a subtraction to Pebble: write {kind}['{name}']"
        elif name not in known and name.split("-")[0] not in known:
            yield f"{kind}.{name}: there is no {name!r}; {suggestion(name, known)}"


def _unbalanced(code: str) -> str | None:
    if re.search(r"['\"]", code.replace("''", "")):
        return "a quote is not closed"
    stack: list[str] = []
    for char in code:
        if char in "([{":
            stack.append(char)
        elif char in _PAIRS and (not stack or stack.pop() != _PAIRS[char]):
            return f"{char!r} closes nothing"
    return f"{stack[-1]!r} is not closed" if stack else None
